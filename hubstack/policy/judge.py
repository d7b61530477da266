"""Rules against a stack: what is violated, what cannot be judged, and who is exempt until when."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hubstack.policy.expressions import Evaluator, Facts
from hubstack.policy.model import Exemption, Level, Policies, Policy
from hubstack.policy.subject import Item, Subject

SOON = datetime.timedelta(days=14)
"""How long before its end an exemption is spoken of."""


@dataclass(frozen=True)
class Place:
    """Which stack is judged, and what it is called."""

    name: str
    labels: Mapping[str, str]
    """Of the fleet file."""
    production: bool | None = None
    """Whether it counts as production where the policies do not say; None for what its settings say."""

    def all_labels(self, subject: Subject) -> dict[str, str]:
        """What selectors see: the fleet's labels win over those that follow from the settings."""
        own = {"stack": self.name, "mode": subject.mode, "namespace": subject.namespace, "context": subject.context}
        return {**own, **self.labels}


@dataclass(frozen=True)
class Violation:
    """One rule that a stack does not keep, or of which that cannot be said."""

    policy: str
    level: Level
    subject: str
    """What of the stack it is about; blank for the stack as a whole."""
    outcome: Literal["violated", "cannot be judged"]
    detail: str
    """Why it cannot be judged; blank where it is violated."""
    reason: str
    fix: str
    exemption: Exemption | None = None
    """Under which it may be so."""

    @property
    def blocks(self) -> bool:
        """Whether nothing may be deployed."""
        return self.level == "block" and self.exemption is None

    @property
    def sentence(self) -> str:
        """What is wrong, why, and how to mend it."""
        about = f"{self.subject}: " if self.subject else ""
        unknown = f"cannot be judged: {self.detail}. " if self.detail else ""
        return f"{about}{unknown}{_closed(self.reason)} {_closed(self.fix)}"

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON types."""
        exemption = self.exemption.model_dump(mode="json") if self.exemption else None
        return {**vars(self), "blocks": self.blocks, "exemption": exemption}


@dataclass(frozen=True)
class Verdict:
    """What the policies say of one stack."""

    stack: str
    violations: tuple[Violation, ...]
    notes: tuple[str, ...] = ()
    """Exemptions that have expired or soon will, and what cannot be seen."""

    @property
    def blocking(self) -> tuple[Violation, ...]:
        """What nothing may be deployed against."""
        return tuple(each for each in self.violations if each.blocks)

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON types."""
        return {
            "stack": self.stack,
            "blocked": bool(self.blocking),
            "violations": [each.as_dict() for each in self.violations],
            "notes": list(self.notes),
        }


def judge(policies: Policies, subject: Subject, place: Place, evaluator: Evaluator, today: datetime.date) -> Verdict:
    """Ask every rule that is about a stack.

    Arguments:
        policies: the rules.
        subject: the stack.
        place: what it is called.
        evaluator: evaluates expressions.
        today: what exemptions are compared with.
    """
    labels = place.all_labels(subject)
    rules = [each for each in policies.active if each.stacks is None or each.stacks.matches(labels)]
    asked = [(rule, item) for rule in rules for item in _items(rule, subject)]
    items = list(dict.fromkeys(id(item) for _, item in asked if item is not None))
    by_id = {id(item): item for _, item in asked if item is not None}
    outcomes = evaluator.outcomes(
        _facts(policies, subject, place, labels),
        [by_id[each].facts for each in items],
        [(rule.require, items.index(id(item)) if item else None) for rule, item in asked],
    )
    found = [
        _violation(rule, item, outcome, policies, labels, today)
        for (rule, item), outcome in zip(asked, outcomes, strict=True)
        if outcome is not True
    ]
    if not subject.has_objects:
        about = [rule for rule in rules if rule.each in ("object", "pod", "container")]
        found += [_unseen(rule, policies, labels, today) for rule in about]
    found.sort(key=lambda each: (not each.blocks, each.level != "block", each.policy, each.subject))
    return Verdict(place.name, tuple(found), (*_expiring(policies, labels, found, today), *subject.notes))


def _items(rule: Policy, subject: Subject) -> Iterator[Item | None]:
    """What a rule is asked of; None for the stack as a whole."""
    if rule.each == "stack":
        yield None
        return
    yield from (each for each in subject.items[rule.each] if not rule.kinds or each.kind in rule.kinds)


def _facts(policies: Policies, subject: Subject, place: Place, labels: Mapping[str, str]) -> Facts:
    production = subject.protects_data if place.production is None else place.production
    if policies.production:
        production = policies.production.matches(labels)
    stack = {
        "name": place.name,
        "labels": dict(labels),
        "mode": subject.mode,
        "namespace": subject.namespace,
        "context": subject.context,
        "production": production,
    }
    return Facts({**subject.facts.values, "stack": stack}, subject.facts.places)


def _violation(
    rule: Policy,
    item: Item | None,
    outcome: bool | str,
    policies: Policies,
    labels: Mapping[str, str],
    today: datetime.date,
) -> Violation:
    name, detail = item.name if item else "", outcome if isinstance(outcome, str) else ""
    exemption = _exemption(policies.exemptions, rule.name, labels, name, today)
    assert rule.level != "off"
    what: Literal["violated", "cannot be judged"] = "cannot be judged" if detail else "violated"
    return Violation(rule.name, rule.level, name, what, detail, rule.reason, rule.fix, exemption)


def _unseen(rule: Policy, policies: Policies, labels: Mapping[str, str], today: datetime.date) -> Violation:
    return _violation(rule, None, "the objects of this chart are not known without Helm", policies, labels, today)


def _exemption(
    exemptions: Sequence[Exemption], policy: str, labels: Mapping[str, str], subject: str, today: datetime.date
) -> Exemption | None:
    """The exemption that counts longest."""
    found = [each for each in exemptions if each.covers(policy, labels, subject) and each.until >= today]
    return max(found, key=lambda each: each.until, default=None)


def _expiring(
    policies: Policies, labels: Mapping[str, str], found: Sequence[Violation], today: datetime.date
) -> Iterator[str]:
    """What is said of exemptions that have expired, where they would still be needed, or that soon will."""
    for each in policies.exemptions:
        used = [violation for violation in found if each.covers(violation.policy, labels, violation.subject)]
        whose = f"the exemption from {each.policy}{f' for {each.subject}' if each.subject else ''} ({each.reason})"
        if each.until < today and any(violation.exemption is None for violation in used):
            yield f"{whose} has expired: it counted until {each.until}, by {each.by}"
        elif today <= each.until < today + SOON and any(violation.exemption == each for violation in used):
            days = (each.until - today).days
            when = f"in {days} day{'' if days == 1 else 's'}" if days else "at the end of today"
            yield f"{whose} ends {when}, on {each.until}; then the rule holds again"


def _closed(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."
