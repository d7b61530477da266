"""Shapes that several sections of the chart's values share, and the types of single settings.

A field's default is the chart's default. Validation is strict: no text becomes a number, no number a truth value.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetPydanticSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, core_schema

Mapping = dict[str, Any] | None
"""A map that goes to Kubernetes, the spawner or the hub as it is, or nothing."""

Items = list[Any] | None
"""A list that goes to Kubernetes, the spawner or the hub as it is, or nothing."""

TextMap = dict[str, str] | None
"""Labels or annotations. Numbers and truth values must be quoted in YAML."""

Count = Annotated[int, Field(ge=0)] | None


def _one_of(described: str, *types: type) -> GetPydanticSchema:
    """A union told apart by exact type, so that an error names the setting and not a branch of the union."""

    def check(value: Any) -> Any:
        if type(value) not in types:
            raise PydanticCustomError("wrong_type", "must be {described}", {"described": described})
        return value

    return GetPydanticSchema(lambda _source, _handler: core_schema.no_info_plain_validator_function(check))


_NONE = type(None)
MapOrList = Annotated[dict[str, Any] | list[Any] | None, _one_of("a map or a list", dict, list, _NONE)]
Number = Annotated[int | float | None, _one_of("a number", int, float, _NONE)]
NumberOrText = Annotated[int | float | str | None, _one_of("a number or text", int, float, str, _NONE)]
TextOrList = Annotated[str | list[Any] | None, _one_of("text or a list", str, list, _NONE)]


def _refuse_null(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError("null_refused", "may be left out but not be null")
    return value


class NoDefault:
    """Marks a setting that the chart knows but its ``values.yaml`` does not list."""


class NotNull(NoDefault):
    """Marks a setting without default that may be absent, while a written null fails the chart's schema."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return core_schema.no_info_before_validator_function(_refuse_null, handler(source))


class Removable:
    """Marks a section that a null may remove: the model then holds an instance whose settings are all None."""


NO_DEFAULT = NoDefault()
NOT_NULL = NotNull()
REMOVABLE = Removable()

AccessModes = list[str | None] | None
READ_WRITE_ONCE: list[str | None] = ["ReadWriteOnce"]
NodePurpose = Literal["ignore", "prefer", "require"] | None
PullPolicy = Literal["", "IfNotPresent", "Always", "Never"] | None
ServiceType = Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"] | None


class Section(BaseModel):
    """A map of settings with a fixed set of keys, written in camelCase in YAML."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        protected_namespaces=(),
    )


class Image(Section):
    """A container image."""

    name: str = Field("", description="Image name with its registry, without the tag.")
    tag: str = Field("", description="Image tag. Quote tags that look like numbers.")
    pull_policy: PullPolicy = Field(None, description="When the node pulls the image; blank leaves it to Kubernetes.")
    pull_secrets: Items = Field([], description="Secrets with registry credentials: names, or maps with a `name`.")


class PodImage(Image):
    """The image whose pull secrets the whole pod takes over, which is why they may be empty but not null."""

    pull_secrets: list[Any] = Field([], description="Secrets with registry credentials: names, or maps with a `name`.")


class ServiceAccount(Section):
    """The ServiceAccount that a pod runs as."""

    create: bool = Field(True, description="Whether to create the account (and with `rbac.create` its roles).")
    name: str | None = Field(None, description="Name of the account; blank derives it from the release.")
    annotations: TextMap = Field({}, description="Annotations of the account, such as a cloud identity.")


class Pdb(Section):
    """How many pods a voluntary disruption, such as draining a node, may take down."""

    enabled: bool | None = Field(False, description="Whether to create the PodDisruptionBudget.")
    max_unavailable: int | None = Field(None, description="Highest number of pods that may be down.")
    min_available: int | None = Field(1, description="Lowest number of pods that must stay up.")


class Probe(Section):
    """A liveness or readiness probe. Other keys are accepted and ignored, as in the chart."""

    model_config = ConfigDict(extra="allow")

    enabled: bool = Field(True, description="Whether the container has this probe.")
    initial_delay_seconds: Any = Field(None, description="Seconds from the container's start to the first probe.")
    period_seconds: Any = Field(None, description="Seconds between two probes.")
    failure_threshold: Any = Field(None, description="Failures in a row that count as failed.")
    timeout_seconds: Any = Field(None, description="Seconds after which a probe without answer has failed.")


class EgressAllowRules(Section):
    """Ready-made permissions for connections out of the pods."""

    cloud_metadata_server: bool | None = Field(
        True, description="Allow the cloud's metadata server at `singleuser.cloudMetadata.ip`, any port."
    )
    dns_ports_cloud_metadata_server: bool | None = Field(
        True, description="Allow port 53 of the metadata server, which answers DNS in some clouds."
    )
    dns_ports_kube_system_namespace: bool | None = Field(
        True, description="Allow port 53 of the pods in the namespace `kube-system`."
    )
    dns_ports_private_ips: bool | None = Field(
        True, alias="dnsPortsPrivateIPs", description="Allow port 53 of the private address ranges."
    )
    non_private_ips: bool | None = Field(
        True, alias="nonPrivateIPs", description="Allow every address that is neither private nor the metadata server."
    )
    private_ips: bool | None = Field(
        True, alias="privateIPs", description="Allow the private address ranges, except the metadata server."
    )


class NetworkPolicy(Section):
    """Which connections the pods accept and open."""

    enabled: bool | None = Field(True, description="Whether to create the NetworkPolicy.")
    ingress: Items = Field([], description="Further ingress rules, as in a NetworkPolicy.")
    egress: Items = Field([], description="Further egress rules, as in a NetworkPolicy.")
    egress_allow_rules: Annotated[EgressAllowRules, REMOVABLE] = Field(
        EgressAllowRules(), description="Ready-made egress permissions, each with its own switch."
    )
    inter_namespace_access_labels: Literal["accept", "ignore"] | None = Field(
        "ignore", description="Whether the access labels also count on pods of other namespaces."
    )
    allowed_ingress_ports: Items = Field([], description="Ports that are open to any source.")


class NodeAffinity(Section):
    """How pods relate to nodes labelled `hub.jupyter.org/node-purpose`."""

    match_node_purpose: NodePurpose = Field(
        "prefer", description="Ignore, prefer or require nodes labelled for the pods' purpose."
    )


class Lifecycle(Section):
    """Container lifecycle handlers, as in a pod."""

    post_start: Annotated[Mapping, NOT_NULL] = Field(None, description="Handler that runs after the container's start.")
    pre_stop: Annotated[Mapping, NOT_NULL] = Field(None, description="Handler that runs before the container's end.")


class ExtraFile(Section):
    """A file that is mounted into a container. Exactly one of the three sources of its content is given."""

    mount_path: str = Field(description="Full path of the file in the container.")
    data: Annotated[Mapping, NOT_NULL] = Field(
        None, description="Content as a map, written as YAML, JSON or TOML after the extension of the path."
    )
    string_data: Annotated[str | None, NOT_NULL] = Field(None, description="Content as text.")
    binary_data: Annotated[str | None, NOT_NULL] = Field(None, description="Content encoded as base64.")
    mode: Annotated[Number, NOT_NULL] = Field(
        None, description="File mode; write 0644 with its leading zero or 420, not as text."
    )


def checked_as(shape: Any) -> GetPydanticSchema:
    """Check a value against a shape, and keep the value as it was written in YAML."""

    def check(value: Any, handler: Any) -> Any:
        handler(value)
        return value

    unchanged = core_schema.plain_serializer_function_ser_schema(lambda value: value)
    return GetPydanticSchema(
        lambda _source, handler: core_schema.no_info_wrap_validator_function(
            check, handler(shape), serialization=unchanged
        )
    )


ExtraFiles = Annotated[Mapping, checked_as(dict[str, ExtraFile] | None)]
"""Files by name, each of the shape of `ExtraFile` but left as it was written."""


def restricted_context() -> dict[str, Any]:
    """The security context of containers that need no privilege: user and group `nobody`."""
    return {
        "runAsNonRoot": True,
        "runAsUser": 65534,
        "runAsGroup": 65534,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
