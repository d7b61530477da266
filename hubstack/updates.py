"""Updates of a stack through the Automation API: progress for people, one clear error, recovery after an interruption."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pulumi import automation
from pulumi.automation.errors import CommandError
from pulumi.automation.events import EngineEvent, OpType
from rich.console import Console

from hubstack import stacks
from hubstack.errors import HubstackError

UPSERT = "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"
"""Lets the provider take over an object that exists already; used only for what our own interrupted update began."""

_DOING = {OpType.CREATE: "creating", OpType.UPDATE: "updating", OpType.DELETE: "deleting", OpType.REPLACE: "replacing"}
_DONE = {OpType.CREATE: "created", OpType.UPDATE: "updated", OpType.DELETE: "deleted", OpType.REPLACE: "replaced"}


@dataclass
class Report:
    """What an update did."""

    changes: dict[str, int] = field(default_factory=dict)
    """Number of resources for each operation of the engine, ``same`` included."""
    outputs: dict[str, Any] = field(default_factory=dict)
    """Stack outputs without the secret ones."""
    seconds: float = 0.0

    @property
    def changed(self) -> int:
        """Number of resources that were created, updated, replaced or deleted."""
        return sum(count for operation, count in self.changes.items() if operation not in ("same", "read", "refresh"))


class Updater:
    """Runs the engine on one stack from its work folder."""

    def __init__(self, stack: stacks.Stack, environment: Mapping[str, str], console: Console) -> None:
        """Prepare the stack's work folder and create the stack in the backend where it is new.

        Arguments:
            stack: the stack and its configuration.
            environment: variables for the engine: tools on PATH, PULUMI_HOME, backend.
            console: where progress goes.
        """
        stacks.write_work_folder(stack)
        self._stack = stack
        self._console = console
        self._messages: list[str] = []
        # The Automation API looks for the engine on this process's own PATH.
        os.environ.update(environment)
        os.environ.setdefault("PULUMI_SKIP_UPDATE_CHECK", "true")
        # Two runs at a time must not fight over the selected stack; each call names its stack.
        workspace = automation.LocalWorkspace(work_dir=str(stack.folder), env_vars=dict(environment))
        with self._explained():
            try:
                self._handle = automation.Stack.create_or_select(stack.name, workspace)
            except CommandError:
                self._release_own_lock(Path(environment.get("PULUMI_BACKEND_URL", "").removeprefix("file://")))
                self._handle = automation.Stack.create_or_select(stack.name, workspace)
        self._release_own_lock(Path(environment.get("PULUMI_BACKEND_URL", "").removeprefix("file://")))

    def up(self) -> Report:
        """Deploy; continues where an interrupted update stopped.

        Raises:
            HubstackError: the program refused the settings, or an object could not be deployed.
        """
        with self._recovery():
            return self._run(self._handle.up)

    def destroy(self) -> Report:
        """Delete everything that the stack may delete, then forget the stack."""
        with self._recovery():
            report = self._run(self._handle.destroy)
        with self._explained():
            self._handle.workspace.remove_stack(self._stack.name)
        return report

    def preview(self) -> Report:
        """Tell what `up` would do, without doing it."""
        return self._run(self._handle.preview)

    def outputs(self) -> dict[str, Any]:
        """Stack outputs of the last update, without the secret ones."""
        with self._explained():
            return _plain(self._handle.outputs())

    def _run(self, operation: Callable[..., Any]) -> Report:
        report = Report()
        self._messages = []
        started = time.monotonic()
        with self._explained():
            result = operation(on_event=lambda event: self._observe(event, report), color="never")
        report.seconds = time.monotonic() - started
        report.outputs = _plain(getattr(result, "outputs", None) or {})
        return report

    def _observe(self, event: EngineEvent, report: Report) -> None:
        if (pre := event.resource_pre_event) and pre.metadata.op in _DOING and not pre.planning:
            self._say(_DOING[pre.metadata.op], pre.metadata.urn)
        if (done := event.res_outputs_event) and done.metadata.op in _DONE and not done.planning:
            self._say(f"[green]{_DONE[done.metadata.op]}[/green]", done.metadata.urn)
        if (diagnostic := event.diagnostic_event) and diagnostic.severity == "error":
            message = re.sub(r"<\{%.*?%\}>", "", diagnostic.message).strip()
            if message and not any(noise in message for noise in _NOISE) and message not in self._messages:
                self._messages.append(message)
        if summary := event.summary_event:
            report.changes = {str(getattr(key, "value", key)): n for key, n in summary.resource_changes.items()}

    def _say(self, doing: str, urn: str) -> None:
        kind, _, name = urn.split("::", 2)[2].rpartition("::")
        kind = kind.rpartition("$")[2].rpartition(":")[2]
        self._console.print(f"  {doing} {kind} {name}", highlight=False)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the engine's failure into one error that holds what went wrong and nothing else."""
        try:
            yield
        except CommandError as error:
            messages = self._messages or [_last_error(str(error))]
            raise HubstackError("\n".join(messages)) from None

    @contextlib.contextmanager
    def _recovery(self) -> Iterator[None]:
        """Clear the pending operations of an interrupted update, and let this one take over what that one created."""
        with self._explained():
            state = self._handle.export_stack()
        pending = (state.deployment or {}).get("pending_operations") or []
        if not pending:
            yield
            return
        self._console.print(f"continuing after an interrupted update ({len(pending)} operations were under way)")
        kept = [operation for operation in pending if operation["type"] not in ("creating", "updating", "deleting")]
        state.deployment["pending_operations"] = kept
        with self._explained():
            self._handle.import_stack(state)
        self._handle.workspace.set_environment_variables({**self._handle.workspace.env_vars, UPSERT: "true"})
        yield

    def _release_own_lock(self, backend: Path) -> None:
        """Remove the lock that an update left behind which ran on this machine and is no longer alive.

        Another machine's lock, or a living process's, stays: the engine then refuses and says who holds it.
        """
        if not backend.is_dir():
            return
        for lock in backend.glob(f".pulumi/locks/**/hubstack/{self._stack.name}/*.json"):
            with contextlib.suppress(OSError, ValueError, KeyError):
                holder = json.loads(lock.read_text())
                if holder["hostname"] == socket.gethostname() and not _alive(holder["pid"], holder["timestamp"]):
                    lock.unlink()


_NOISE = ("an unhandled error occurred", "update failed", "preview failed", "resource monitor shut down")
"""The engine's own echoes of an error that it has reported already."""


def _alive(pid: int, since: str) -> bool:
    """Tell whether the process that took a lock still runs: same id, and not started after the lock was taken."""
    try:
        started = os.stat(f"/proc/{pid}").st_ctime
    except OSError:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
    return started <= datetime.fromisoformat(since.replace("Z", "+00:00")[:26].rstrip("+") + "+00:00").timestamp() + 60


def _plain(outputs: Mapping[str, Any]) -> dict[str, Any]:
    return {key: output.value for key, output in outputs.items() if not output.secret}


def _last_error(text: str) -> str:
    """The engine's own words in the text of a failed command."""
    errors = re.findall(r"^\s*error: (.*)$", text, flags=re.MULTILINE)
    return errors[-1] if errors else text.strip().splitlines()[-1]
