"""An impact rule as data: how to see it, whom it concerns, when, and in which words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from hubstack.review.change import Change

PEOPLE = "people now"
SERVERS = "new servers"
ADMINISTRATORS = "administrators"
OPERATORS = "operators"
AUDIENCES = (PEOPLE, SERVERS, ADMINISTRATORS, OPERATORS)
"""Whom a change concerns: who works on the hub now, who starts a server, who administers the hub, who runs it."""

NOW = "now"
LOGIN = "at the next login"
START = "at the next start of a server"
NODES = "when nodes come, go or fail"
NEXT_UPDATE = "at the next update"
TIMES = (NOW, LOGIN, START, NODES, NEXT_UPDATE)
"""When it is noticed; ``now`` is when the change is deployed."""

FOR_GOOD = "for good"
UNTIL_STOPPED = "running servers keep what they have until they are stopped"


@dataclass(frozen=True)
class Finding:
    """One thing that people will notice."""

    rule: str
    text: str
    blocks: bool
    accepted: str | None = None
    """Why it is all right this time; None where nobody has said so."""
    audience: str = PEOPLE
    """One of `AUDIENCES`."""
    when: str = NOW
    """One of `TIMES`."""
    lasts: str = ""
    """For how long; blank where it stays until somebody changes it again."""

    @property
    def time(self) -> str:
        """When and for how long, in words."""
        return ", ".join(part for part in (self.when, self.lasts) if part)


@dataclass(frozen=True)
class Rule:
    """A rule: how to see it, and what it means for people."""

    name: str
    means: str
    """What people will notice; ``{}`` stands for the detail."""
    applies: Callable[[Change], Iterable[str]]
    """Yields a detail, possibly blank, for each time that it applies."""
    blocks: bool = field(default=False, kw_only=True)
    """Whether the change must not land unless the rule is accepted by name."""
    audience: str = field(default=PEOPLE, kw_only=True)
    when: str = field(default=NOW, kw_only=True)
    lasts: str = field(default="", kw_only=True)

    def finding(self, detail: str, accepted: str | None) -> Finding:
        """What a detail means.

        Arguments:
            accepted: the reason for which the rule is accepted, if it is.
        """
        text = self.means.replace("{}", detail)
        return Finding(self.name, text, self.blocks, accepted, self.audience, self.when, self.lasts)
