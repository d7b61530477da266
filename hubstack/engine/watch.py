"""An operation that is under way: what it works on is said now and then, and at its limit it is asked to stop."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass, field

from hubstack import deadline
from hubstack.engine.events import EventLog
from hubstack.engine.notices import Notice
from hubstack.errors import HubstackError

REMIND_SECONDS = 30.0
"""How often it is said what is waited for."""
PATIENCE = (60.0, 30.0)
"""How long the engine may take to stop: cancelling what it does, then writing its state and nothing else."""
_MOST_NAMED = 3


class OutOfTimeError(HubstackError):
    """Something took longer than the limit that somebody has set."""


@dataclass
class Watch:
    """Looks after one operation, at each tick of whoever runs it."""

    events: EventLog
    process: int | None = None
    """The process that runs the engine; a signal to it is passed on."""
    awaited: str = ""
    """What was under way at the limit; blank while that is not reached."""
    _started: float = field(default_factory=time.monotonic)
    _limit: float | None = field(default_factory=deadline.left)
    _reminders: int = 0
    _asked: int = 0
    """How often the engine was asked to stop."""

    def begin(self, process: int) -> None:
        """Note which process it is."""
        self.process = process

    def tick(self) -> None:
        """Take in what happened, and see to the time."""
        self.events.read()
        elapsed = time.monotonic() - self._started
        if elapsed >= (self._reminders + 1) * REMIND_SECONDS:
            self._reminders = int(elapsed / REMIND_SECONDS)
            self.events.tell(Notice("waiting", f"after {elapsed:.0f} s: {self._under_way()}"))
        if self._limit is not None and self.process:
            self._stop(elapsed - self._limit)

    def _stop(self, late: float) -> None:
        due = sum(late >= sum(PATIENCE[:step]) for step in range(len(PATIENCE) + 1))
        if due <= self._asked:
            return
        self.awaited = self.awaited or self._under_way()
        self._asked += 1
        assert self.process
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process, signal.SIGTERM)

    def _under_way(self) -> str:
        names = list(self.events.under_way.values())
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        return f"{', '.join(names[:_MOST_NAMED])}{more}" if names else "the engine, with no object under way"
