"""What a log says of a rollout, also while nothing happens."""

from __future__ import annotations

import io
import threading
from typing import Any

import pytest
from rich.console import Console

from hubstack.fleet import progress


class Written(io.StringIO):
    """A log that tells when a line with some text has come."""

    def __init__(self) -> None:
        super().__init__()
        self.came = threading.Condition()

    def write(self, text: str) -> int:
        """Take it in."""
        with self.came:
            self.came.notify_all()
            return super().write(text)

    def until(self, text: str) -> None:
        """Wait for it."""
        with self.came:
            assert self.came.wait_for(lambda: text in self.getvalue(), 30), self.getvalue()


@pytest.mark.parametrize(
    ("event", "facts", "reminder"),
    [
        ("doing", {"wave": "w", "stack": "a\x1b[2J", "doing": "creating Deployment hub"}, "s: creating Deployment hub"),
        ("wait", {"reason": "wave w bakes for 1h"}, "still waiting after"),
    ],
)
def test_a_log_says_what_is_awaited(
    event: str, facts: dict[str, Any], reminder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Again and again, until it has ended, and harmless for a terminal."""
    monkeypatch.setattr(progress, "REMIND_SECONDS", 0.05)
    log = Written()
    lines = progress.Lines(Console(file=log, width=200))
    lines.event(event, **facts)
    log.until(reminder)
    assert "\x1b[2J" not in log.getvalue()
    lines.event("stack", wave="w", stack=facts.get("stack", "a"), state="succeeded", reason="")
    lines.close()
    assert (lines._running, lines._awaited) == ({}, None)
