"""A change judged by the policies of both revisions, so that none takes away the rule that it breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from hubstack import policy
from hubstack.chart.errors import SettingsError
from hubstack.policy import load
from hubstack.policy.expressions import Evaluator
from hubstack.policy.gate import today
from hubstack.policy.judge import Place, Verdict, Violation, judge
from hubstack.policy.model import Policies
from hubstack.policy.subject import Subject
from hubstack.policy.weakened import weakened
from hubstack.review.accepting import POLICY
from hubstack.review.rendering import Rendered
from hubstack.review.rule import NEXT_UPDATE, OPERATORS, Finding
from hubstack.review.sources import Side

_BY_BASE = "by the rules and labels before this change, which alters them: "


@dataclass(frozen=True)
class Both:
    """The policies of both revisions."""

    base: Policies | None = None
    head: Policies | None = None
    error: str | None = None
    """Why those of the head cannot be used."""
    notes: tuple[str, ...] = ()

    @property
    def differ(self) -> bool:
        """Whether the change touches them, so that every stack is judged anew."""
        return self.base != self.head

    @property
    def any(self) -> bool:
        """Whether there is something to judge by."""
        return self.base is not None or self.head is not None

    @property
    def names(self) -> frozenset[str]:
        """Names of all rules."""
        return frozenset(each.name for side in (self.base, self.head) if side for each in side.policies)

    @property
    def taken_away(self) -> tuple[str, ...]:
        """What the change takes away from the rules."""
        return () if self.error else tuple(weakened(self.base, self.head))


def read(old: Side, new: Side, evaluator: Evaluator) -> Both:
    """The policies of both revisions.

    Raises:
        HubstackError: they cannot be judged on this machine.
    """
    base, broken = _one(old, evaluator)
    head, error = _one(new, evaluator)
    note = f"the policies of the base cannot be used, so nothing is judged by them: {broken}"
    return Both(base, head, error, (note,) if broken else ())


def _one(side: Side, evaluator: Evaluator) -> tuple[Policies | None, str | None]:
    if not policy.exists(side.folder):
        return None, None
    try:
        return load.load(side.folder, evaluator, side.bounds), None
    except SettingsError as error:
        return None, str(error)


Labels = Mapping[str, Mapping[str, str]]
"""Of each stack, in the fleet file of one revision."""


@dataclass(frozen=True)
class Told:
    """What the policies say of one stack as the change leaves it."""

    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    """About exemptions, and about what cannot be seen."""


def of_stacks(
    both: Both,
    sides: Mapping[str, tuple[Rendered | None, Rendered | None]],
    render: Callable[[str], Rendered],
    labels: tuple[Labels, Labels],
    accepted: Mapping[str, str],
    evaluator: Evaluator,
) -> dict[str, Told]:
    """What the policies say of each stack that changes; of every stack where the policies or its labels do.

    Arguments:
        both: the policies.
        sides: each stack at both revisions.
        render: renders a stack of the head that was left out because nothing of it differs.
        labels: of both fleet files.
        accepted: reason by rule name.
        evaluator: evaluates the expressions.
    """
    found = {}
    for name, (base, head) in sides.items() if both.any else ():
        old, new = (side.get(name, {}) for side in labels)
        if head is None or (base is head and not both.differ and old == new):
            continue
        after = (render(name) if base is head else head).subject
        before = base.subject if base and base.subject else after
        if before and after:
            places = Place(name, old if base else new, before.protects_data), Place(name, new, after.protects_data)
            found[name] = _of_stack(both, after, *places, accepted, evaluator)
    return found


def _of_stack(
    both: Both,
    subject: Subject,
    before: Place,
    after: Place,
    accepted: Mapping[str, str],
    evaluator: Evaluator,
) -> Told:
    """What the policies say of a stack.

    Arguments:
        subject: the stack at the head.
        before, after: what it is called at the base and at the head. A label decides which rules are about it.
    """

    def verdict(policies: Policies | None, place: Place) -> Verdict:
        if policies is None:
            return Verdict(place.name, ())
        return judge(policies, subject, place, evaluator, today())

    head = verdict(both.head, after)
    base = verdict(both.base if both.differ or before != after else None, before)
    found = [_finding(each, "", accepted) for each in head.violations]
    found += [_finding(each, _BY_BASE, accepted) for each in _only_by(base, head)]
    return Told(tuple(found), tuple(f"{after.name}: {note}" for note in head.notes))


def _only_by(base: Verdict, head: Verdict) -> Iterator[Violation]:
    """What blocks by the policies of the base and no longer by those of the head."""
    still = {(each.policy, each.subject) for each in head.blocking}
    yield from (each for each in base.blocking if (each.policy, each.subject) not in still)


def _finding(violation: Violation, before: str, accepted: Mapping[str, str]) -> Finding:
    name = f"{POLICY}{violation.policy}"
    exemption = violation.exemption
    exempt = f" Exempt until {exemption.until} by {exemption.by}: {exemption.reason}" if exemption else ""
    text = f"{before}{violation.sentence}{exempt}"
    reason = accepted.get(name) if violation.blocks else None
    return Finding(name, text.rstrip("."), violation.blocks, reason, audience=OPERATORS, when=NEXT_UPDATE)
