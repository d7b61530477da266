"""Impact rules: what people will notice of a change, whom it concerns, and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hubstack.review import capacity, rules_administrators, rules_operators, rules_people, rules_servers
from hubstack.review import conditions as see
from hubstack.review.change import Change
from hubstack.review.rendering import Rendered
from hubstack.review.rule import AUDIENCES, OPERATORS, Finding, Rule
from hubstack.review.rules_operators import REFUSED

__all__ = ["REFUSED", "RULES", "Change", "Finding", "Rule", "judge", "new_or_gone", "worst_first"]

RULES = (*rules_people.RULES, *rules_servers.RULES, *rules_administrators.RULES, *rules_operators.RULES)
"""Every rule, by whom it concerns."""

RENAMED = (
    "the stack gets another name; unless `pulumi stack rename` tells the backend, the engine takes it for a second hub "
    "in the same place and stops"
)
REMOVED = (
    "the stack's file goes, which deletes nothing: the hub keeps running and nobody updates it any more, until "
    "`pulumi destroy` of the stack deletes what is listed"
)


def judge(change: Change, accepted: Mapping[str, str]) -> tuple[Finding, ...]:
    """All findings, see `worst_first`.

    Arguments:
        accepted: reason by rule name, for rules that are accepted for this change.
    """
    found = [rule.finding(detail, accepted.get(rule.name)) for rule in RULES for detail in rule.applies(change)]
    return tuple(sorted(found, key=worst_first))


def worst_first(finding: Finding) -> tuple[bool, int]:
    """What blocks comes first, the rest by whom it concerns."""
    return not finding.blocks or bool(finding.accepted), AUDIENCES.index(finding.audience)


def new_or_gone(base: Rendered | None, head: Rendered | None, others: Iterable[Rendered]) -> tuple[Finding, ...]:
    """What a stack whose file comes or goes means for people.

    Arguments:
        others: of a stack that goes, the new stacks; one in the same place is the same under another name.
    """
    if base is None:
        new = _about("stack-new", "a new hub; nothing that exists is touched")
        return (new, *(_about("capacity", text) for text in capacity.never_in(head)))
    if head is not None:
        return ()
    again = next((each.stack for each in others if see.place(each) == see.place(base)), None)
    return (_about("stack-renamed", f"{RENAMED} (to {again})") if again else _about("stack-removed", REMOVED),)


def _about(rule: str, text: str) -> Finding:
    return Finding(rule, text, False, audience=OPERATORS)
