"""The examples that a file of policies has of its own rules, tried: what `hubstack policy test` does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hubstack import settings
from hubstack.chart.errors import SettingsError
from hubstack.policy import subject
from hubstack.policy.expressions import Evaluator
from hubstack.policy.gate import today
from hubstack.policy.judge import Place, judge
from hubstack.policy.model import Example, Policies, Policy

NAME = "example"


@dataclass(frozen=True)
class Tried:
    """One example of one rule."""

    policy: str
    number: int
    """Of the rule's examples, from 1."""
    expected: str
    found: str

    @property
    def right(self) -> bool:
        """Whether the rule says what it has to."""
        return self.expected == self.found


def try_all(policies: Policies, root: Path, evaluator: Evaluator) -> Iterator[Tried]:
    """Try every example of every rule, whatever its level.

    Arguments:
        policies: the rules.
        root: what relative paths of the examples' settings start from.
        evaluator: evaluates the expressions.
    """
    for policy in policies.policies:
        for number, example in enumerate(policy.tests, start=1):
            found = _found(policy, example, root, evaluator)
            yield Tried(policy.name, number, example.expect, found)


def _found(policy: Policy, example: Example, root: Path, evaluator: Evaluator) -> str:
    """What a rule says of an example; of one whose settings are wrong, what is."""
    entries = {"kubeContext": NAME, "protectData": example.production, **example.config, "values": example.values}
    try:
        stack = settings.resolve(settings.parse(entries, set()), root)
    except SettingsError as error:
        return f"wrong settings: {error}"
    alone = Policies((policy.model_copy(update={"level": "block", "stacks": None}),))
    verdict = judge(alone, subject.of(stack), Place(NAME, example.labels), evaluator, today())
    outcomes = {each.outcome for each in verdict.violations}
    if "violated" in outcomes:
        return "fail"
    return "cannot be judged" if outcomes else "pass"
