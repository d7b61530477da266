"""The engine's event log of one operation: what it does, what it changed, and what went wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubstack.capacity import pending
from hubstack.engine.differences import Difference, difference, outputs_differ
from hubstack.engine.notices import Listener, Notice, ignore
from hubstack.engine.things import Planned, is_object, thing
from hubstack.errors import TRACEBACKS, mistake_in, shows_tracebacks

_DOING = {"create": "creating", "update": "updating", "delete": "deleting", "replace": "replacing"}
_DONE = {"create": "created", "update": "updated", "delete": "deleted", "replace": "replaced"}
_NOISE = ("an unhandled error occurred", "update failed", "preview failed", "resource monitor shut down")
"""The engine's own echoes of an error that it has reported already."""

_RAISED = "python inline source runtime error: "
"""How the engine's host begins the traceback of the program."""
_DECORATION = re.compile(r"<\{%.*?%\}>|^(?:Preview failed: )?before hook \"[^\"]*\" failed: ", re.MULTILINE)
"""Colours, and the engine's words around a refusal of the program's own."""


@dataclass
class EventLog:
    """Reads an event log while the engine writes it."""

    file: Path
    tell: Listener = ignore
    """Is called with what begins and what has ended well, and with each warning of the program, once."""
    changes: dict[str, int] = field(default_factory=dict)
    """Number of resources for each operation, ``same`` included."""
    steps: list[tuple[str, str]] = field(default_factory=list)
    """Operation and ``Type name`` of every resource that does not stay as it is."""
    differences: list[Difference] = field(default_factory=list)
    """What does not stay as it is, field by field; secrets hidden."""
    outputs_differ: bool = False
    """Whether the stack's outputs are others than before."""
    inputs: dict[str, Any] = field(default_factory=dict)
    """By URN what the program wants of each resource that is updated, with a mask in place of secrets."""
    warnings: list[str] = field(default_factory=list)
    """What the program finds doubtful in the settings."""
    errors: list[str] = field(default_factory=list)
    under_way: dict[str, str] = field(default_factory=dict)
    """What has begun and not ended, by the resource's URN, such as "creating Service hub"."""
    _position: int = 0
    _planned: Planned = field(default_factory=Planned)

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
                event = json.loads(line)
            except ValueError:
                continue
            self._note(event)

    def _note(self, event: Mapping[str, Any]) -> None:
        if before := event.get("resourcePreEvent"):
            self._begins(before)
        if ended := event.get("resOpFailedEvent"):
            self.under_way.pop(ended["metadata"].get("urn"), None)
        if after := event.get("resOutputsEvent"):
            self.under_way.pop(after["metadata"].get("urn"), None)
            self._ended(after)
        if diagnostic := event.get("diagnosticEvent"):
            self._note_diagnostic(diagnostic)
        if summary := event.get("summaryEvent"):
            self.changes = dict(summary.get("resourceChanges") or {})

    def _begins(self, event: Mapping[str, Any]) -> None:
        metadata = event["metadata"]
        operation = metadata.get("op")
        about = self._planned.begins(metadata)
        if operation not in _DOING:
            return
        self.steps.append((operation, resource(metadata["urn"])))
        if operation == "update":
            self.inputs[metadata["urn"]] = (metadata.get("new") or {}).get("inputs") or {}
        if is_object(_type(metadata)):
            self.differences.append(difference(metadata, about))
            if not event.get("planning"):
                self.under_way[metadata["urn"]] = f"{_DOING[operation]} {about}"
                self.tell(Notice("started", f"{_DOING[operation]} {about}", about))

    def _ended(self, event: Mapping[str, Any]) -> None:
        metadata = event["metadata"]
        operation = metadata.get("op")
        if _type(metadata) == "pulumi:pulumi:Stack" and outputs_differ(metadata):
            self.outputs_differ = True
        if not is_object(_type(metadata)) or event.get("planning"):
            return
        about = thing(metadata)
        if operation in _DONE or operation == "same":
            self.tell(Notice("finished", f"{_DONE.get(operation, 'unchanged')} {about}", about))

    def _note_diagnostic(self, diagnostic: Mapping[str, Any]) -> None:
        message = re.sub(_DECORATION, "", diagnostic.get("message", "")).strip()
        if diagnostic.get("severity") == "debug":
            if about := self._planned.named(message):
                self.tell(Notice("planned", str(about), about))
            return
        if diagnostic.get("ephemeral") and (about := self._planned.of(diagnostic.get("urn") or "")):
            self.tell(Notice("awaits", (pending.in_text(message) or [message])[0], about))
        if message.startswith(_RAISED):
            message = _mistake(message)
        if diagnostic.get("severity") == "error":
            if message and message not in self.errors and not any(noise in message for noise in _NOISE):
                self.errors.append(message)
                # What the scheduler says of a pod that waits is for people who know the scheduler.
                self.errors += [f"In short: {each}" for each in pending.in_text(message)]
        elif _is_warning(diagnostic) and message not in self.warnings:
            self.warnings.append(message)
            self.tell(Notice("warning", message))


def _mistake(message: str) -> str:
    """What is said of an error that the program has raised: one line where it is Hubstack's own."""
    if shows_tracebacks() or (found := mistake_in(message)) is None:
        return message
    return f"{found}; {TRACEBACKS}=1 shows all of it, which may quote a secret"


def _is_warning(diagnostic: Mapping[str, Any]) -> bool:
    """Whether this is a warning of the program's; the providers' own are not for whoever edits settings."""
    urn = diagnostic.get("urn") or ""
    return diagnostic.get("severity") == "warning" and (not urn or "::pulumi:pulumi:Stack::" in urn)


def _type(metadata: Mapping[str, Any]) -> str:
    """The engine's type of what a step is about."""
    return str(metadata["urn"]).split("::", 2)[2].rpartition("::")[0].rpartition("$")[2]


def resource(urn: str) -> str:
    """Short type and name of a resource."""
    kind, _, name = urn.split("::", 2)[2].rpartition("::")
    return f"{kind.rpartition('$')[2].rpartition(':')[2]} {name}"
