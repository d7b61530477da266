"""``pools.yaml``: the pools of nodes of a cluster, as people write them or `hubstack pools record` does."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from hubstack import reading
from hubstack.capacity import quotas
from hubstack.capacity.admission import Rules
from hubstack.capacity.nodes import Node
from hubstack.capacity.quantities import amounts, parse
from hubstack.errors import HubstackError

ZONE = "topology.kubernetes.io/zone"
ZONE_LABELS = (ZONE, "failure-domain.beta.kubernetes.io/zone", "topology.gke.io/zone", "topology.ebs.csi.aws.com/zone")
"""Labels by which pods, volumes and clouds name a node's zone."""


def _quantity(value: Any) -> str:
    amount = parse(value)
    if amount is None or amount < 0:
        raise ValueError("must be a Kubernetes quantity, such as 3920m, 58Gi or 110")
    return str(value)


def _text(value: Any) -> Any:
    """Labels are text; YAML makes numbers and booleans of some."""
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int | float) else value


Quantity = Annotated[str, BeforeValidator(_quantity)]
Text = Annotated[str, BeforeValidator(_text)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True)


class Taint(_Model):
    """A taint that every node of a pool has."""

    key: str
    value: Text = ""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]


class Pool(_Model):
    """Nodes that are alike, of which there may be more or fewer."""

    name: str = Field(description="Name of the pool, for people.")
    labels: dict[str, Text] = Field(default_factory=dict, description="Labels of each node.")
    taints: list[Taint] = Field(default_factory=list, description="Taints of each node.")
    zones: list[str] = Field(default_factory=list, description="Zones in which its nodes may be.")
    capacity: dict[str, Quantity] = Field(default_factory=dict, description="What the machine has; for people.")
    allocatable: dict[str, Quantity] = Field(
        description="What a node has for pods: `cpu`, `memory`, `pods`, and others such as `nvidia.com/gpu`."
    )
    daemon_sets: dict[str, Quantity] = Field(
        default_factory=dict, description="What DaemonSets and the node's own pods ask for on each node, `pods` too."
    )
    nodes: int | None = Field(None, ge=0, description="How many there were when it was recorded.")
    min_nodes: int | None = Field(None, ge=0, description="Fewest nodes; 0 where the pool may be empty.")
    max_nodes: int | None = Field(None, ge=0, description="Most nodes that the autoscaler makes.")
    price_per_hour: float | None = Field(None, ge=0, allow_inf_nan=False, description="Price of one node for one hour.")

    @model_validator(mode="after")
    def _check(self) -> Pool:
        if missing := [name for name in ("cpu", "memory", "pods") if name not in self.allocatable]:
            raise ValueError(f"allocatable must have {', '.join(missing)}; see: kubectl get node NAME -o yaml")
        if self.min_nodes is not None and self.max_nodes is not None and self.min_nodes > self.max_nodes:
            raise ValueError(f"minNodes {self.min_nodes} is more than maxNodes {self.max_nodes}")
        return self

    @property
    def usable(self) -> bool:
        """Whether it ever has a node."""
        return self.max_nodes != 0

    @property
    def may_be_empty(self) -> bool:
        """Whether the first pod may have to wait for a node."""
        return self.min_nodes == 0 or (self.min_nodes is None and self.nodes == 0)

    def empty_nodes(self) -> Iterator[Node]:
        """A node with nothing but its DaemonSets, in each zone."""
        allocatable, used = amounts(self.allocatable), amounts(self.daemon_sets)
        taints = [each.model_dump() for each in self.taints]
        places: list[dict[str, str]] = [dict.fromkeys(ZONE_LABELS, zone) for zone in self.zones] or [{}]
        for labels in places:
            yield Node(self.name, {**self.labels, **labels}, taints, allocatable, used)


class NamedLimitRange(_Model):
    """A LimitRange."""

    name: str
    limits: list[dict[str, Any]] = Field(description="As in its spec.")


class NamedQuota(_Model):
    """A ResourceQuota."""

    name: str
    hard: dict[str, Quantity] = Field(description="As in its spec.")
    scopes: list[str] = Field(default_factory=list, description="As in its spec.")
    scope_selector: dict[str, Any] | None = Field(None, description="As in its spec.")


class Namespace(_Model):
    """What a namespace adds and limits."""

    limit_ranges: list[NamedLimitRange] = Field(default_factory=list, description="Its LimitRanges.")
    quotas: list[NamedQuota] = Field(default_factory=list, description="Its ResourceQuotas.")
    volumes: dict[str, list[dict[str, Any]]] = Field(
        default_factory=dict, description="By volume claim: `nodeSelectorTerms` of the nodes that reach its volume."
    )


class RuntimeClass(_Model):
    """A RuntimeClass."""

    overhead: dict[str, Any] = Field(default_factory=dict, description="As in the object: `podFixed`.")
    scheduling: dict[str, Any] = Field(default_factory=dict, description="As in the object.")


class PoolsFile(_Model):
    """A whole ``pools.yaml``."""

    pools: list[Pool] = Field(min_length=1, description="The cluster's pools of nodes.")
    currency: str | None = Field(None, description="Currency of the prices, for people.")
    extended_resource_toleration: bool = Field(
        False,
        description="Whether a pod that asks for a GPU tolerates the taint of that name by itself, as on GKE.",
    )
    runtime_classes: dict[str, RuntimeClass] | None = Field(
        None, description="The cluster's RuntimeClasses; without them, pods that name one cannot be judged."
    )
    namespaces: dict[str, Namespace] = Field(
        default_factory=dict, description="LimitRanges and ResourceQuotas by namespace."
    )

    @model_validator(mode="after")
    def _check(self) -> PoolsFile:
        names = [each.name for each in self.pools]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"pool {twice[0]} is there twice")
        return self

    def rules(self, namespace: str) -> Rules:
        """What the cluster and a namespace do to pods."""
        found = self.namespaces.get(namespace, Namespace())
        known = self.runtime_classes
        return Rules(
            limit_ranges=[each.model_dump() for each in found.limit_ranges],
            quotas=[quotas.quota(each.name, each.model_dump(by_alias=True)) for each in found.quotas],
            reach=found.volumes,
            runtime_classes=None if known is None else {name: each.model_dump() for name, each in known.items()},
            tolerates_extended_resources=self.extended_resource_toleration,
        )


def read(path: Path) -> PoolsFile:
    """Read a pools file.

    Raises:
        HubstackError: it is not there, or wrong; says everything that is.
    """
    if not path.exists():
        raise HubstackError(f"{path}: no such file; `hubstack pools record` writes one")
    document = reading.settings(reading.yaml_file(path), str(path))
    try:
        return PoolsFile.model_validate(document)
    except ValidationError as error:
        raise HubstackError(
            "\n".join(f"{path}: {_problem(each)}" for each in error.errors(include_url=False))
        ) from None


def _problem(detail: Any) -> str:
    where = ".".join(str(step) for step in detail["loc"])
    what = str(detail["msg"]).removeprefix("Value error, ")
    given = detail["input"]
    # A file that is no pools file may hold anything; only what stands where an amount or a word of a pool is, is shown.
    shown = f" {given!r}:" if len(detail["loc"]) > 2 and isinstance(given, str | int | float) else ""
    shown = "" if detail["type"] == "extra_forbidden" else shown
    return f"{where}:{shown} {what[:1].lower()}{what[1:]}" if where else what


HOURS = Fraction(730)
"""Hours of a month, as clouds count them: a twelfth of 8760."""
