"""Set pods against nodes: what fits, what never will, and what cannot be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from hubstack.capacity import quotas, requests, scheduling
from hubstack.capacity.admission import Admitted, Rules, admit
from hubstack.capacity.nodes import Node
from hubstack.capacity.pools import Pool
from hubstack.capacity.quantities import units
from hubstack.capacity.requests import Spec
from hubstack.capacity.scheduling import Misfit

Status = Literal["fits", "waits", "never", "unknown"]
Kind = Literal["user", "placeholder", "hub"]


_UNSEEN = (
    "no node that is there now can take it, and the autoscaler may have pools without a node; describe them in the "
    "file that hubstack:poolsFile names"
)


@dataclass(frozen=True)
class Shape:
    """One pod that the hub or the stack will make."""

    name: str
    """For people, such as ``profile `large` ``."""
    kind: Kind
    spec: Spec | None = None
    """Its spec; None where it is refused before there is one, or cannot be told."""
    labels: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""
    """Why the hub refuses to make it."""
    doubt: str = ""
    """Why it cannot be told."""
    count: int = 1
    """How many the stack makes; 1 for a user's."""


@dataclass(frozen=True)
class World:
    """The nodes that there are or can be, and the rules."""

    pools: Sequence[Pool]
    rules: Rules = field(default_factory=Rules)
    now: Sequence[Node] | None = None
    """The live nodes with what is on them; None where nobody has looked."""
    may_grow: bool = False
    """Whether an autoscaler may make nodes of pools that are not known."""
    currency: str = ""


@dataclass(frozen=True)
class InPool:
    """How a pod fares in one pool."""

    pool: Pool
    node: Node
    """The node where it fares best."""
    misfits: tuple[Misfit, ...]
    per_node: int = 0
    """How many of the pod fill one node."""

    @property
    def reachable(self) -> bool:
        """Whether labels and taints let the pod in."""
        return all(each.why in ("resource", "pods") for each in self.misfits)


@dataclass(frozen=True)
class Verdict:
    """What becomes of one pod."""

    shape: Shape
    status: Status
    pools: tuple[InPool, ...] = ()
    spec: Spec = field(default_factory=dict)
    """The pod's spec as the scheduler will see it."""
    reasons: tuple[str, ...] = ()
    """Refusals, doubts, or what it waits for."""
    room_now: int | None = None
    """On how many live nodes it could start now; None where nobody has looked."""

    @property
    def requests(self) -> Mapping[str, Fraction]:
        """What the pod asks for altogether."""
        return requests.of_pod(self.spec)


def judge(shape: Shape, world: World) -> Verdict:
    """What becomes of a pod on the nodes of a world."""
    if shape.refused:
        return Verdict(shape, "never", reasons=(shape.refused,))
    if shape.spec is None:
        return Verdict(shape, "unknown", reasons=(shape.doubt,))
    priority_class = str(shape.spec.get("priorityClassName") or "")
    admitted = admit(shape.spec, world.rules, priority_class)
    pools = tuple(_in_pool(admitted.spec, each, shape.labels, world.rules.reach) for each in world.pools if each.usable)
    if admitted.refusals:
        return Verdict(shape, "never", pools, admitted.spec, admitted.refusals)
    doubts = [*admitted.doubts, *([shape.doubt] if shape.doubt else [])]
    if all(each.misfits for each in pools):
        if world.may_grow:
            doubts.append(_UNSEEN)
        return Verdict(shape, "unknown" if doubts else "never", pools, admitted.spec, tuple(doubts))
    if other := scheduling.depends_on_others(admitted.spec, shape.labels):
        doubts.append(f"it has {other}")
    if doubts:
        return Verdict(shape, "unknown", pools, admitted.spec, tuple(doubts))
    return _now(shape, admitted, pools, world, priority_class)


def _now(shape: Shape, admitted: Admitted, pools: tuple[InPool, ...], world: World, priority_class: str) -> Verdict:
    """What a user's pod that fits finds at the moment."""
    if world.now is None or shape.kind != "user":
        return Verdict(shape, "fits", pools, admitted.spec)
    room = sum(not scheduling.misfits(admitted.spec, node, world.rules.reach) for node in world.now)
    waits = [text for each in world.rules.quotas for text in quotas.room_now(admitted.spec, each, priority_class)]
    if not room:
        waits.append("no node has room now")
    return Verdict(shape, "waits" if waits else "fits", pools, admitted.spec, tuple(waits), room)


def _in_pool(spec: Spec, pool: Pool, labels: Mapping[str, str], reach: scheduling.Reach) -> InPool:
    """The zone of a pool where a pod fares best."""
    tried = [InPool(pool, node, tuple(scheduling.misfits(spec, node, reach))) for node in pool.empty_nodes()]
    best = min(tried, key=lambda each: (not each.reachable, len(each.misfits)))
    return InPool(pool, best.node, best.misfits, 0 if best.misfits else per_node(spec, best.node, labels))


def per_node(spec: Spec, node: Node, labels: Mapping[str, str]) -> int:
    """How many of a pod fit on a node that has room for one."""
    if keeps_apart(spec, labels):
        return 1
    counts = [node.left_units("pods")]
    for resource, amount in requests.of_pod(spec).items():
        if count := units(resource, amount):
            counts.append(node.left_units(resource) // count)
    return max(0, min(counts))


def keeps_apart(spec: Spec, labels: Mapping[str, str]) -> bool:
    """Whether two of a pod never share a node: required distance to pods of its kind on the same node."""
    apart = (spec.get("affinity") or {}).get("podAntiAffinity") or {}
    terms: Sequence[Any] = apart.get("requiredDuringSchedulingIgnoredDuringExecution") or []
    return any(
        term.get("topologyKey") == "kubernetes.io/hostname" and scheduling.selects(term.get("labelSelector"), labels)
        for term in terms
    )
