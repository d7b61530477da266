"""Settings of gates in ``fleet.yaml``; `gates` asks them."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

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


AnyGate = Annotated[HubHealth | ProxyRoute | Certificate | Scheduler | Notebook, Field(discriminator="type")]
"""A gate, told apart by its ``type``."""

TYPES = tuple(
    get_args(each.model_fields["type"].annotation)[0]
    for each in (HubHealth, ProxyRoute, Certificate, Scheduler, Notebook)
)
"""The types of gates."""
