"""The chart's values as typed models: one for each section, with the chart's defaults.

The models feed the validation, the objects and the reference of settings alike. A null deletes a default in Helm: such
a setting is None here. `ChartValues.from_tree` reads the tree that Helm's merge results in (`chart.merge`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from hubstack.chart.values.completion import complete, defaults
from hubstack.chart.values.hub import Hub
from hubstack.chart.values.ingress import HttpRoute, Ingress
from hubstack.chart.values.pre_puller import PrePuller
from hubstack.chart.values.proxy import Proxy
from hubstack.chart.values.scheduling import Scheduling
from hubstack.chart.values.shared import NOT_NULL, Section
from hubstack.chart.values.singleuser import Singleuser
from hubstack.chart.values_tree import copied

__all__ = ["ChartValues"]


class ImagePullSecret(Section):
    """Registry credentials that become a Secret."""

    model_config = ConfigDict(extra="allow")

    create: bool = Field(False, description="Whether to create the Secret; needs registry, username and password.")
    automatic_reference_injection: bool | None = Field(True, description="Whether all pods refer to the Secret.")
    registry: str | None = Field(None, description="Host name of the registry.")
    username: str | None = Field(None, description="Name of the account.")
    password: str | None = Field(None, description="Password of the account; a secret.")
    email: str | None = Field(None, description="Address of the account; few registries ask for it.")

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        """Only a Secret that is made needs the rest, as in the chart's schema."""
        if self.create:
            lacking = [key for key in ("registry", "username", "password") if getattr(self, key) is None]
            unknown = list(self.model_extra or {})
            if lacking or unknown:
                raise PydanticCustomError("pull_secret", "is incomplete", {"lacking": lacking, "unknown": unknown})
        return self


class Rbac(Section):
    """Roles in the cluster."""

    create: bool = Field(True, description="Whether to create roles and bind them to the service accounts.")
    enabled: Annotated[bool | None, NOT_NULL] = Field(
        None, description="No longer accepted: now `rbac.create` and `serviceAccount.create`."
    )


class Cull(Section):
    """The service that stops servers which nobody uses."""

    enabled: bool = Field(True, description="Whether idle servers are stopped.")
    users: bool | None = Field(False, description="Whether idle users are deleted as well.")
    admin_users: bool | None = Field(True, description="Whether the rule for users also counts for administrators.")
    remove_named_servers: bool | None = Field(False, description="Whether a stopped named server is deleted.")
    timeout: int | None = Field(3600, description="Seconds without activity after which a server is idle.")
    every: int | None = Field(600, description="Seconds between two looks.")
    concurrency: int | None = Field(10, description="How many servers are stopped at once.")
    max_age: int | None = Field(0, description="Seconds after which a server is stopped even if in use; 0 is never.")


class Debug(Section):
    """Help with finding errors."""

    enabled: bool = Field(False, description="Whether hub, proxy and servers log in detail.")


class Global(Section):
    """Settings that an umbrella chart shares with its parts."""

    model_config = ConfigDict(extra="allow")

    safe_to_show_values: bool | None = Field(
        False, description="Read by the chart's notes only; kept for compatibility."
    )


class ChartValues(Section):
    """Every setting of the chart."""

    fullname_override: str | None = Field(
        "", description="What object names start with; blank is nothing, null derives it from the release."
    )
    name_override: str | None = Field(None, description="Name of the application in labels and derived names.")
    enabled: bool | None = Field(None, description="Ignored; umbrella charts use it as a condition.")
    custom: dict[str, Any] = Field({}, description="Anything of yours; the hub's configuration can read it.")
    image_pull_secret: ImagePullSecret = Field(
        ImagePullSecret(), description="Registry credentials to make a Secret of."
    )
    image_pull_secrets: list[Any] = Field(
        [], description="Existing Secrets with registry credentials, for all pods: names, or maps with a `name`."
    )
    hub: Hub = Field(Hub(), description="The hub.")
    rbac: Rbac = Field(Rbac(), description="Roles in the cluster.")
    proxy: Proxy = Field(Proxy(), description="The proxy.")
    singleuser: Singleuser = Field(Singleuser(), description="The users' servers.")
    scheduling: Scheduling = Field(Scheduling(), description="Placement of pods.")
    pre_puller: PrePuller = Field(PrePuller(), description="The image pullers.")
    ingress: Ingress = Field(Ingress(), description="An Ingress in front of the proxy.")
    http_route: HttpRoute = Field(HttpRoute(), description="An HTTPRoute in front of the proxy.")
    cull: Cull = Field(Cull(), description="Stopping idle servers.")
    debug: Debug = Field(Debug(), description="Help with finding errors.")
    global_: Global = Field(Global(), alias="global", description="Settings shared with other charts.")

    @classmethod
    def from_tree(cls, tree: dict[str, Any]) -> Self:
        """Read a coalesced tree of values; a key that the tree lacks becomes None, not the default.

        Raises:
            pydantic.ValidationError: A key is unknown, or a value is not allowed. `chart.load.load_values` turns this
                into messages for people.
        """
        return cls.model_validate(complete(cls, tree), by_alias=True, by_name=False)

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """The chart's default values, as in its ``values.yaml``. The caller owns the copy."""
        tree: dict[str, Any] = copied(cls.shared_defaults())
        return tree

    @classmethod
    def shared_defaults(cls) -> Mapping[str, Any]:
        """The same for whoever only reads it: the one tree that everybody gets."""
        return _defaults()


@cache
def _defaults() -> dict[str, Any]:
    """What all copies are made from: the models are asked once, because a fleet reads the values of many stacks."""
    return defaults(ChartValues())
