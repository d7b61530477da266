"""What an operation says while it runs, for whoever shows it: a terminal, a rollout's screen, or nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from hubstack.engine.things import Thing


@dataclass(frozen=True)
class Notice:
    """One thing that is worth saying."""

    kind: Literal["begin", "end", "step", "message", "planned", "started", "awaits", "finished", "warning", "waiting"]
    """``begin`` and ``end`` are of an operation of the engine; ``step`` names a step of an update that begins, which is
    worth showing only while it lasts; ``waiting`` says what takes long. The others with `about` are of a single object:
    ``planned`` as soon as the program has named it, ``started``, ``awaits`` with what is waited for, ``finished``."""
    text: str
    about: Thing | None = None
    """The object, where it is about one."""


Listener = Callable[[Notice], None]
"""Is called with each notice, in the thread of the operation."""


def ignore(_: Notice) -> None:
    """A listener that shows nothing."""
