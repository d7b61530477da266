"""``fleet.yaml``, typed: stacks with labels, and the waves that a change goes through."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from hubstack.fleet.clusters import Cluster
from hubstack.fleet.duration import Duration
from hubstack.fleet.gate_settings import AnyGate
from hubstack.fleet.windows import Window
from hubstack.label_selector import LabelExpression

JOURNAL = "hubstack-rollouts"
"""Stack with the journal that all machines share: no hub may be called so."""

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


def _share(value: Any) -> Any:
    percent = isinstance(value, str) and value.endswith("%") and value[:-1].isdigit() and int(value[:-1]) <= 100
    if percent or (type(value) is int and value >= 0):
        return value
    raise PydanticCustomError("failures", "must be a number of stacks from 0 on, or a percentage such as 10%")


Share = Annotated[
    int | str,
    BeforeValidator(_share),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^([0-9]|[1-9][0-9]|100)%$"}]}
    ),
]
"""A number of stacks, or a percentage of the stacks of a wave."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True, strict=True)


class StackEntry(_Model):
    """One stack of the fleet; its settings are in ``Pulumi.<stack>.yaml``."""

    labels: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9]")], str] = Field(
        default_factory=dict, description="What waves select by: cluster, tier, region ... Values are text."
    )
    timeout: Duration | None = Field(None, description="The wave's `timeout`, for this stack.")


class Pace(_Model):
    """How carefully a wave goes on; `defaults` holds it for all waves."""

    max_parallel: int = Field(4, ge=1, le=100, description="Stacks that are deployed at once, memory permitting.")
    max_failures: Share = Field(
        0, description="Failed stacks that a wave bears, a number or a percentage of it; one more stops the rollout."
    )
    timeout: Duration = Field(
        3600, description="How long the update of one stack may take, before it is stopped and has failed; 0: no limit."
    )
    min_succeeded: Share | None = Field(
        None,
        description="Stacks that must have what is wanted, their gates open, before the next wave begins; one that "
        "cannot be reached does not count. Default: all but maxFailures, and at least one.",
    )
    bake_time: Duration = Field(0, description="How long to wait after the wave, before its gates are asked again.")
    gates: list[AnyGate] = Field(
        default_factory=list, description="What must hold after each stack, and after the bake time."
    )
    windows: list[Window] = Field(default_factory=list, description="When stacks may be started; always where empty.")
    approval: Literal["none", "manual"] = Field("none", description="`manual`: somebody must approve the wave first.")


class Wave(Pace):
    """Stacks that get a change at the same stage."""

    name: str = Field(pattern=NAME, description="Name of the wave.")
    select: LabelExpression = Field(description="Which stacks: a label expression or a map of labels.")

    def allowed_failures(self, stacks: int) -> int:
        """How many of a number of stacks may fail; a percentage is rounded down."""
        if isinstance(self.max_failures, int):
            return self.max_failures
        return math.floor(stacks * int(self.max_failures[:-1]) / 100)

    def needed_successes(self, stacks: int) -> int:
        """How many of a number of stacks must succeed, all of them at most; a percentage is rounded up."""
        if self.min_succeeded is None:
            return min(stacks, max(1, stacks - self.allowed_failures(stacks)))
        if isinstance(self.min_succeeded, int):
            return min(stacks, self.min_succeeded)
        return math.ceil(stacks * int(self.min_succeeded[:-1]) / 100)

    @property
    def owes(self) -> tuple[str, ...]:
        """What has to hold after an update before it counts as done: ``gates``, ``bake``."""
        return (*(("gates",) if self.gates else ()), *(("bake",) if self.bake_time else ()))


class Fleet(_Model):
    """The whole file."""

    stacks: dict[Annotated[str, Field(pattern=NAME)], StackEntry] = Field(
        description="Every stack of the fleet, by name."
    )
    waves: list[Wave] = Field(min_length=1, description="Waves in their order.")
    clusters: dict[str, Cluster] = Field(
        default_factory=dict,
        description="How a CI system or an operator gets at each cluster, by the label `cluster` of its stacks.",
    )
    defaults: Pace = Field(default_factory=lambda: Pace(), description="What waves have unless they say otherwise.")

    def labels_of(self, stack: str) -> Mapping[str, str]:
        """A stack's labels; its name is the label ``stack``."""
        return {"stack": stack, **self.stacks[stack].labels}

    def members(self, wave: Wave) -> list[str]:
        """Names of the wave's stacks, in the order of the file."""
        return [name for name in self.stacks if wave.select.matches(self.labels_of(name))]

    def cluster_of(self, stack: str) -> Cluster:
        """How another engine gets at a stack's cluster."""
        return self.clusters.get(self.labels_of(stack).get("cluster", "")) or Cluster()

    def limits(self) -> dict[str, int]:
        """Seconds that the update of each stack may take; 0 for no limit."""
        own = {name: entry.timeout for name, entry in self.stacks.items()}
        of_wave = {name: wave.timeout for wave in self.waves for name in self.members(wave)}
        return {name: of_wave.get(name, 0) if limit is None else limit for name, limit in own.items()}

    def wave_of(self) -> dict[str, str]:
        """Name of the wave of every stack."""
        return {stack: wave.name for wave in self.waves for stack in self.members(wave)}
