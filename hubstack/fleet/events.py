"""The engine's event log of one update: what it changed, and what went wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_DOING = {"create": "creating", "update": "updating", "delete": "deleting", "replace": "replacing"}
_NOISE = ("an unhandled error occurred", "update failed", "preview failed", "resource monitor shut down")
"""The engine's own echoes of an error that it has reported already."""


@dataclass
class EventLog:
    """Reads an event log while the engine writes it."""

    file: Path
    doing: Callable[[str], None] = lambda _: None
    """Told what is under way, in a few words."""
    changes: dict[str, int] = field(default_factory=dict)
    """Number of resources for each operation."""
    errors: list[str] = field(default_factory=list)
    _position: int = 0

    def read(self) -> None:
        """Take in what was written since the last call; half a line waits for its other half."""
        try:
            with self.file.open("rb") as log:
                log.seek(self._position)
                content = log.read()
        except FileNotFoundError:
            return
        whole, newline, _ = content.rpartition(b"\n")
        self._position += len(whole) + len(newline)
        for line in whole.splitlines():
            try:
                self._take(json.loads(line))
            except ValueError:
                continue

    def _take(self, event: dict[str, Any]) -> None:
        if before := event.get("resourcePreEvent"):
            metadata = before["metadata"]
            if metadata.get("op") in _DOING and not before.get("planning"):
                self.doing(f"{_DOING[metadata['op']]} {resource(metadata['urn'])}")
        if diagnostic := event.get("diagnosticEvent"):
            message = re.sub(r"<\{%.*?%\}>", "", diagnostic.get("message", "")).strip()
            known = any(noise in message for noise in _NOISE) or message in self.errors
            if diagnostic.get("severity") == "error" and message and not known:
                self.errors.append(message)
        if summary := event.get("summaryEvent"):
            self.changes = dict(summary.get("resourceChanges") or {})


def resource(urn: str) -> str:
    """Short type and name of a resource."""
    kind, _, name = urn.split("::", 2)[2].rpartition("::")
    return f"{kind.rpartition('$')[2].rpartition(':')[2]} {name}"


def last_error(log: Path) -> str:
    """The engine's own last words, where it reported no error as an event."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    if lock := re.search(r"created by (\S+) \(pid (\d+)\) at (\S+)", text):
        who, pid, since = lock.groups()
        return f"the stack is locked by {who} (process {pid}) since {since}: another update is under way; left alone"
    errors = re.findall(r"^\s*error: (.*)$", text, flags=re.MULTILINE)
    lines = text.strip().splitlines()
    return errors[-1] if errors else lines[-1] if lines else "the engine gave no reason"
