"""Settings of gates in ``fleet.yaml``; `gates` asks them."""

from __future__ import annotations

import re
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from hubstack.fleet.duration import Duration


class Gate(BaseModel):
    """What every gate has."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True, strict=True)

    timeout: Duration = Field(60, description="How long one attempt may take.")
    attempts: int = Field(3, ge=1, le=20, description="How often it is tried; passed only later, it is shown as flaky.")
    pause: Duration = Field(5, description="How long to wait between two attempts.")


class _Reached(Gate):
    url: str | None = Field(
        None,
        pattern=r"^https?://",
        description="Where the hub is; {stack} is replaced by the stack's name. Default: the stack's output url.",
    )


class HubHealth(_Reached):
    """The hub says of itself that it is healthy."""

    type: Literal["hub-health"]
    path: str = Field("hub/health", description="Path below the URL.")


class ProxyRoute(_Reached):
    """The proxy leads to a hub: its login page carries the hub's version."""

    type: Literal["proxy-route"]
    path: str = Field("hub/login", description="Path below the URL that the hub answers.")


class Certificate(_Reached):
    """The served certificate is trusted, by the wanted issuer and not about to expire."""

    type: Literal["certificate"]
    issuer: str | None = Field(None, description="Text that the issuer's organisation or name must contain.")
    valid_for: Duration = Field(14 * 86400, description="How long it must be valid at least.")
    ca_file: str | None = Field(None, description="Certificates to trust instead of the machine's own.")


class Scheduler(Gate):
    """The user scheduler has as many ready pods as it wants, where the stack has one."""

    type: Literal["scheduler"]


class Notebook(_Reached):
    """A test user's server starts, computes and stops, through the hub's own API."""

    type: Literal["notebook"]
    user: str = Field("hubstack-check", pattern=r"^[a-z0-9][a-z0-9-]*$", description="Name of the test user.")
    service: str = Field(
        "hubstack-check",
        description="Service of hub.services whose token is used; read from the hub's Secret. Its role needs "
        "admin:users, admin:servers and access:servers.",
    )
    token_env: str | None = Field(None, description="Environment variable with the token, instead of the Secret.")
    code: str = Field("print(6 * 7)", description="What the server computes.")
    expect: str = Field("42", description="Text that the result must contain.")
    timeout: Duration = Field(300, description="How long start, computation and stop may take together.")


PLACEHOLDERS = ("{stack}", "{namespace}")
"""What a metrics gate replaces in its URL and its query."""
QUERY_PARTS = re.compile(
    r"""(?P<comment>\#[^\n]*)|(?P<regex>[=!]~\s*)?(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)""", re.DOTALL
)
"""Comments and texts of PromQL; a text is a regular expression where ``=~`` or ``!~`` stands before it."""


class Prometheus(Gate):
    """A figure of Prometheus stays within bounds, from the update until the end of the wave's bake time."""

    type: Literal["prometheus"]
    url: str = Field(
        pattern=r"^https?://",
        description="Where Prometheus is, its path included; {stack} and {namespace} are replaced.",
    )
    query: str = Field(
        pattern=r"\S",
        description="PromQL that gives one figure. In its quoted texts {stack} and {namespace} are replaced.",
    )
    max: float | None = Field(None, allow_inf_nan=False, description="The most that the figure may be.")
    min: float | None = Field(None, allow_inf_nan=False, description="The least that the figure may be.")
    over: Duration = Field(
        0, description="Average over this time, but of nothing from before the update. Default: the latest figure."
    )
    baseline: Literal["none", "before"] = Field(
        "none", description="`before`: max and min are about the change against the figure before the stack's update."
    )
    compare: Literal["ratio", "difference"] = Field(
        "ratio", description="With a baseline: `max: 1.5` is 1.5 times the figure before, or 1.5 more than it."
    )
    no_data: Literal["shut", "open"] = Field("shut", description="What the gate is where there is no figure.")
    every: Duration = Field(60, ge=1, description="How often it is asked during the bake time.")
    token_file: str | None = Field(
        None, min_length=1, description="File with a bearer token; a relative path starts from the project's folder."
    )
    token_env: str | None = Field(None, min_length=1, description="Environment variable with a bearer token.")
    ca_file: str | None = Field(None, min_length=1, description="Certificates to trust instead of the machine's own.")
    timeout: Duration = Field(30, ge=1, description="How long one answer may take.")

    @field_validator("url")
    @classmethod
    def _is_plain(cls, url: str) -> str:
        """A password would stand in the file; a query is the gate's own."""
        try:
            parts = urlsplit(url)
        except ValueError:
            raise PydanticCustomError("url", "is no URL") from None
        if parts.username is not None or parts.query or parts.fragment or not parts.netloc:
            raise PydanticCustomError(
                "url", "must have no user name, password, query or fragment; a token goes to tokenFile or tokenEnv"
            )
        _require_known(re.findall(r"\{[^{}]*\}?|\}", url))
        return url

    @field_validator("query")
    @classmethod
    def _is_quoted(cls, query: str) -> str:
        """Elsewhere than in a text of PromQL, a name would become a part of the query's own words."""
        rest = QUERY_PARTS.sub(lambda part: '""' if part["text"] else part[0], query)
        if bare := [each for each in PLACEHOLDERS if each in rest]:
            raise PydanticCustomError("query", '{bare} must stand in quotes: namespace="{bare}"', {"bare": bare[0]})
        return query

    @model_validator(mode="after")
    def _makes_sense(self) -> Prometheus:
        """What no single setting is wrong about."""
        if self.max is None and self.min is None:
            raise PydanticCustomError("bounds", "needs max or min, or both")
        if self.max is not None and self.min is not None and self.min > self.max:
            raise PydanticCustomError("bounds", "min is more than max, so no figure would do")
        if self.token_file and self.token_env:
            raise PydanticCustomError("token", "has both tokenFile and tokenEnv; leave one of them out")
        if "compare" in self.model_fields_set and self.baseline == "none":
            raise PydanticCustomError("compare", "has compare, which is for baseline: before")
        return self


def _require_known(found: list[str]) -> None:
    if unknown := [each for each in found if each not in PLACEHOLDERS]:
        raise PydanticCustomError(
            "placeholder",
            "{shown}: nothing is known for this; known: {known}",
            {"shown": repr(unknown[0]), "known": ", ".join(PLACEHOLDERS)},
        )


AnyGate = Annotated[
    HubHealth | ProxyRoute | Certificate | Scheduler | Notebook | Prometheus, Field(discriminator="type")
]
"""A gate, told apart by its ``type``."""

TYPES = tuple(
    get_args(each.model_fields["type"].annotation)[0]
    for each in (HubHealth, ProxyRoute, Certificate, Scheduler, Notebook, Prometheus)
)
"""The types of gates."""
