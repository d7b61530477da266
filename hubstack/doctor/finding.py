"""What the doctor says: findings, and the report of one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any


class Severity(IntEnum):
    """How bad a finding is; the greatest one decides the exit code."""

    NOTE = 0
    """Worth knowing; nothing has to be done."""
    WARNING = 2
    """Works, and somebody may lose time or data later."""
    ERROR = 3
    """The next update would fail, or somebody would lose something."""

    @property
    def word(self) -> str:
        """The severity as reports write it."""
        return self.name.lower()


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be."""

    severity: Severity
    what: str
    """What was seen, with names; never a secret."""
    why: str
    """What follows from it."""
    fix: str
    """What to do about it."""
    check: str = ""
    """Name of the check; the run fills it in."""

    def as_dict(self) -> dict[str, str]:
        """The same with nothing but JSON types."""
        return {**asdict(self), "severity": self.severity.word}


def note(what: str, why: str, fix: str) -> Finding:
    """A finding that needs no action."""
    return Finding(Severity.NOTE, what, why, fix)


def warning(what: str, why: str, fix: str) -> Finding:
    """A finding that somebody should look at."""
    return Finding(Severity.WARNING, what, why, fix)


def error(what: str, why: str, fix: str) -> Finding:
    """A finding that has to be mended before the next update."""
    return Finding(Severity.ERROR, what, why, fix)


SKIPPED = "skipped"
"""Outcome of a check for which something it needs is missing."""


@dataclass(frozen=True)
class Report:
    """Everything that one run of the doctor found."""

    stack: str
    context: str
    namespace: str
    outcomes: Mapping[str, str]
    """For each check ``ok``, a severity, or ``skipped``."""
    findings: Sequence[Finding]
    """The worst first."""
    seconds: float

    @property
    def exit_code(self) -> int:
        """0: nothing or notes; 2: warnings; 3: errors."""
        return int(max((each.severity for each in self.findings), default=Severity.NOTE))

    def as_dict(self) -> dict[str, Any]:
        """The same with nothing but JSON types."""
        return {
            "stack": self.stack,
            "context": self.context,
            "namespace": self.namespace,
            "checks": dict(self.outcomes),
            "findings": [each.as_dict() for each in self.findings],
            "exitCode": self.exit_code,
            "seconds": round(self.seconds, 1),
        }


def some(names: Sequence[str], limit: int = 5) -> str:
    """The first of some names, and how many more there are."""
    rest = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {rest} more" if rest > 0 else "")
