"""What a look at stacks has found, as data and in words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from hubstack.drift.difference import Difference
from hubstack.drift.look import Seen

Outcome = Literal["clean", "drifted", "unreachable", "not deployed", "failed"]

CLEAN, DRIFTED, UNREACHABLE, FAILED = 0, 2, 3, 1
"""Exit codes."""
_MOST = 12
"""Fields of one object that are listed for people."""
_LONGEST = 100


@dataclass(frozen=True)
class StackDrift:
    """What was found of one stack."""

    stack: str
    state: Outcome
    reason: str = ""
    """Why nothing was found out."""
    context: str = ""
    namespace: str = ""
    mode: str = ""
    differences: Sequence[Difference] = ()
    """Without the accepted ones."""
    shown: Sequence[Mapping[str, Any]] = ()
    """The same with nothing secret, and nothing but JSON types."""
    accepted: int = 0
    """Number of differences that may be."""
    seconds: float = 0.0
    seen: Seen = field(default_factory=Seen, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """The same with nothing but JSON types."""
        return {
            "stack": self.stack,
            "state": self.state,
            "reason": self.reason,
            "context": self.context,
            "namespace": self.namespace,
            "mode": self.mode,
            "differences": list(self.shown),
            "accepted": self.accepted,
            "seconds": round(self.seconds, 2),
        }

    @property
    def summary(self) -> str:
        """What was found, in a few words."""
        return summary(self.differences)


def summary(differences: Sequence[Difference]) -> str:
    """Some differences in a few words: ``2 differences in 1 object, by kubectl-edit``."""
    objects = {each.target for each in differences}
    writers = sorted({each.entry.manager for each in differences if each.entry})
    by = f", by {', '.join(writers)}" if writers else ""
    return f"{_count(len(differences), 'difference')} in {_count(len(objects), 'object')}{by}"


def exit_code(found: Iterable[StackDrift]) -> int:
    """0: no drift; 2: drift; 3: a cluster could not be asked, and no other stack has drift; 1: a stack was not read."""
    states = {each.state for each in found}
    for state, code in (("drifted", DRIFTED), ("unreachable", UNREACHABLE), ("failed", FAILED)):
        if state in states:
            return code
    return CLEAN


def as_dict(found: Sequence[StackDrift]) -> dict[str, Any]:
    """What was found of some stacks, with nothing but JSON types."""
    counts = {state: sum(each.state == state for each in found) for state in sorted({each.state for each in found})}
    return {"exitCode": exit_code(found), "counts": counts, "stacks": [each.as_dict() for each in found]}


def lines(found: StackDrift) -> list[str]:
    """What was found of one stack, for people."""
    accepted = f" ({_count(found.accepted, 'difference')} accepted)" if found.accepted else ""
    if found.state != "drifted":
        said = {"clean": "no drift"}.get(found.state, found.state)
        return [f"stack {found.stack}: {said}{accepted}{f': {found.reason}' if found.reason else ''}"]
    told = [f"stack {found.stack} in {found.context}, namespace {found.namespace}: {found.summary}{accepted}"]
    by_object: dict[str, list[Mapping[str, Any]]] = {}
    for each in found.shown:
        by_object.setdefault(f"{each['kind']}/{each['name']}", []).append(each)
    for name, several in by_object.items():
        if several[0]["change"] == "deleted":
            told.append(f"  {name} is not there: somebody has deleted it")
            continue
        told.append(f"  {name}")
        told += [f"    {line(each)}" for each in several[:_MOST]]
        if len(several) > _MOST:
            told.append(f"    and {len(several) - _MOST} more; --json lists all of them")
    return told


def line(shown: Mapping[str, Any]) -> str:
    """One field for people."""
    declared, live = short(shown["declared"]), short(shown["live"])
    what = {
        "changed": _items(shown["declared"], shown["live"]) or f"{declared} -> {live}",
        "removed": f"{declared} was removed",
        "added": f"{live} was added",
        "deleted": "was deleted",
    }[shown["change"]]
    return f"{shown['path']}: {what}{writer(shown)}"


def _items(declared: Any, live: Any) -> str:
    """What two lists do not have in common; blank where these are no lists, or have the same in another order."""
    if not isinstance(declared, list) or not isinstance(live, list):
        return ""
    gone = [f"{short(each)} was removed" for each in declared if each not in live]
    new = [f"{short(each)} was added" for each in live if each not in declared]
    return "; ".join(gone + new)


def writer(shown: Mapping[str, Any]) -> str:
    """Who has written a field, and when, as far as the cluster knows."""
    if not shown["manager"]:
        return ""
    by = f"{shown['manager']}, subresource {shown['subresource']}" if shown["subresource"] else shown["manager"]
    return f", by {by}" + (f" at {shown['when']}" if shown["when"] else "")


def short(value: Any) -> str:
    """A value on one line."""
    text = value if isinstance(value, str) and value else json.dumps(value, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
