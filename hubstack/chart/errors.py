"""What is wrong with settings, said to whoever edits them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hubstack.safe_text import visible


@dataclass(frozen=True)
class Problem:
    """One thing to mend."""

    source: str
    """The file that set it, or the name of another source such as ``hubstack:values``; blank where there is none."""
    path: str
    """Dotted path of the setting, ``hub.db.type``; blank for a whole file."""
    message: str
    """The value, what is allowed, and how to mend it. Never a secret's value."""

    def __str__(self) -> str:
        return ": ".join(visible(part) for part in (self.source, self.path, self.message) if part)


MOST_TOLD = 100
"""Problems that an error lists; somebody who has more has one, many times."""


class SettingsError(Exception):
    """Settings that cannot be used; lists every problem that was found, one a line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems[:MOST_TOLD]]
        if (more := len(self.problems) - MOST_TOLD) > 0:
            lines.append(f"and {more} more")
        super().__init__("\n".join(lines))
