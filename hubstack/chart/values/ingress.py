"""Sections ``ingress`` and ``httpRoute``: the two ways from a shared entrance of the cluster to the proxy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hubstack.chart.values.shared import NOT_NULL, REMOVABLE, Items, Section, TextMap


class Ingress(Section):
    """An Ingress object in front of the proxy."""

    enabled: bool = Field(False, description="Whether to create the Ingress.")
    annotations: TextMap = Field({}, description="Annotations, where ingress controllers expect their settings.")
    ingress_class_name: str | None = Field(None, description="Class of the controller; null is the cluster's default.")
    hosts: Items = Field([], description="Host names; none means every host.")
    path_suffix: str | None = Field(None, description="Text after the base URL in each path, such as `*`.")
    path_type: Literal["Prefix", "Exact", "ImplementationSpecific"] | None = Field(
        "Prefix", description="How the controller compares paths."
    )
    tls: Items = Field([], description="TLS entries, as in an Ingress: host names and the Secret's name.")
    extra_paths: Items = Field([], description="Further paths of each host, before the hub's own.")


class Gateway(Section):
    """The Gateway to which the route belongs."""

    name: str = Field("your-gateway", description="Name of the Gateway.")
    namespace: str | None = Field("", description="Namespace of the Gateway, if it is another one.")
    section_name: Annotated[str | None, NOT_NULL] = Field(None, description="Listener of the Gateway.")


class HttpRoute(Section):
    """An HTTPRoute of the Gateway API in front of the proxy."""

    enabled: bool = Field(False, description="Whether to create the HTTPRoute.")
    annotations: TextMap = Field({}, description="Annotations of the HTTPRoute.")
    hostnames: Items = Field([], description="Host names; none means every host.")
    gateway: Annotated[Gateway, REMOVABLE] = Field(Gateway(), description="Gateway to which the route belongs.")
