"""``policies.yaml``, typed: rules about stacks, when they hold, and who is exempt until when."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from hubstack.label_selector import LabelExpression, Selector

Level = Literal["block", "warn"]
Each = Literal["stack", "object", "pod", "container", "secret"]
NAME = r"^[a-z0-9][a-z0-9-]*$"
BASELINE = "hubstack:baseline"
LONGEST = 2000
"""Characters of an expression."""
MOST = 100
"""Policies of one file."""


def _level(value: Any) -> Any:
    return "off" if value is False else value  # an unquoted off is a truth value to YAML


def _date(value: Any) -> Any:
    if isinstance(value, datetime.date):
        return value
    try:
        return datetime.date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else _no_date()
    except ValueError:
        return _no_date()


def _no_date() -> Any:
    raise PydanticCustomError("date", "must be a date such as 2027-01-31")


Text = Annotated[str, Field(min_length=1, max_length=LONGEST)]
Date = Annotated[
    datetime.date, BeforeValidator(_date), WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"})
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True, strict=True)


class Example(_Model):
    """Settings with what a policy must say of them; `hubstack policy test` tries it."""

    expect: Literal["pass", "fail", "cannot be judged"] = Field(description="What the policy must say.")
    values: dict[str, Any] = Field(default_factory=dict, description="Chart values, over the chart's defaults.")
    config: dict[str, Any] = Field(default_factory=dict, description="Settings `hubstack:`, without the prefix.")
    labels: dict[str, str] = Field(default_factory=dict, description="Labels of the stack.")
    production: bool = Field(True, description="Whether the stack is one of production.")


class Policy(_Model):
    """One rule."""

    name: str = Field(pattern=NAME, description="Name of the rule; `policy/<name>` in a review.")
    level: Annotated[Literal["block", "warn", "off"], BeforeValidator(_level)] = Field(
        "block", description="`block`: nothing is deployed against it. `warn`: it is told. `off`: it is not judged."
    )
    each: Each = Field(
        "stack", description="What the expression is asked of, once for each: it is a variable of that name."
    )
    kinds: list[str] = Field(default_factory=list, description="With `each: object`: only objects of these kinds.")
    stacks: LabelExpression | None = Field(None, description="Only stacks with these labels.")
    require: Text = Field(description="What must be true, in CEL.")
    reason: Text = Field(description="Why, in a sentence for whoever meets the rule.")
    fix: Text = Field(description="How to mend it.")
    tests: list[Example] = Field(default_factory=list, description="Settings that the policy is tried on.")


class Override(_Model):
    """A rule of the built-in set, taken otherwise."""

    level: Annotated[Literal["block", "warn", "off"] | None, BeforeValidator(_level)] = Field(
        None, description="Another level than the set's own; `off` leaves the rule out."
    )
    stacks: LabelExpression | None = Field(None, description="Only stacks with these labels.")


class Exemption(_Model):
    """What a rule does not hold for, until a day."""

    policy: str = Field(pattern=NAME, description="Name of the rule.")
    stacks: LabelExpression | None = Field(None, description="Which stacks: `stack=NAME`, or other labels.")
    subject: str | None = Field(
        None, min_length=1, description="Which object, pod, container or secret, as the finding names it."
    )
    reason: Text = Field(description="Why it may be so.")
    by: Text = Field(description="Who has allowed it.")
    until: Date = Field(description="The last day on which it counts.")

    def covers(self, policy: str, labels: Mapping[str, str], subject: str) -> bool:
        """Whether it is about a rule, a stack and a subject; not whether it still counts."""
        return (
            self.policy == policy
            and (self.stacks is None or self.stacks.matches(labels))
            and (self.subject is None or self.subject == subject)
        )


class PolicyFile(_Model):
    """The whole file."""

    extends: Literal["hubstack:baseline"] | None = Field(
        None, description="The built-in set of rules; left out: only the rules of this file."
    )
    production: LabelExpression | None = Field(
        None, description="Which stacks are production. Default: those whose data is protected."
    )
    baseline: dict[str, Override] = Field(
        default_factory=dict, description="Rules of the built-in set that are to be taken otherwise, by name."
    )
    policies: list[Policy] = Field(default_factory=list, max_length=MOST, description="Rules of one's own.")
    exemptions: list[Exemption] = Field(default_factory=list, description="What rules do not hold for, for a time.")


class BaselineFile(_Model):
    """The file of the built-in set."""

    policies: list[Policy]


@dataclass(frozen=True)
class Policies:
    """All rules of a project, those of the built-in set included."""

    policies: tuple[Policy, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    production: Selector | None = None

    @property
    def active(self) -> tuple[Policy, ...]:
        """The rules that are judged."""
        return tuple(each for each in self.policies if each.level != "off")
