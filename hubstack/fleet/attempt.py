"""One stack, from the probe of its cluster to its gates."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from hubstack.engine import operation, provider
from hubstack.engine.events import EventLog
from hubstack.engine.servers import EngineGoneError, ForkServers
from hubstack.errors import HubstackError
from hubstack.fleet import deployed, plan, probe
from hubstack.fleet.journal import Journal
from hubstack.lifecycle import guards, interruption, lost_state
from hubstack.migration import ownership
from hubstack.project import stacks

_TRANSIENT = re.compile(
    r"connection refused|connection reset|i/o timeout|TLS handshake timeout|too many requests|\b429\b|\b503\b"
    r"|service unavailable|server is currently unable|etcdserver: request timed out|unexpected EOF"
    r"|http2: client connection|cannot be reached|unreachable|leader changed",
    re.IGNORECASE,
)
"""Errors of a cluster that is down or busy for a while; the stack is tried once more at the end of its wave."""


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt."""

    state: str
    """``succeeded``, ``failed``, ``unreachable``, ``transient`` or ``skipped``."""
    reason: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Deployer:
    """Deploys single stacks for one rollout; used by several threads at once."""

    rollout: str
    folder: Path
    """Folder of the rollout, for logs."""
    environment: Mapping[str, str]
    servers: ForkServers
    journal: Journal

    def deploy(self, item: plan.Item, root: Path, doing: Callable[[str], None]) -> Outcome:
        """Bring one stack to what a revision wants.

        Arguments:
            item: the stack.
            root: folder of the revision.
            doing: told what is under way.
        """
        try:
            stack = plan.stack_of(item.stack, root)
            doing("asking the cluster")
            if reason := probe.unreachable(stack):
                return Outcome("unreachable", reason)
            return self._deploy(item, stack, doing)
        except EngineGoneError as error:
            return Outcome("transient", str(error))
        except (HubstackError, OSError) as error:  # a full disk is one stack's failure, not a traceback
            return Outcome("failed", str(error))

    def _deploy(self, item: plan.Item, stack: stacks.Stack, doing: Callable[[str], None]) -> Outcome:
        stacks.write_work_folder(stack)
        self._settle_lock(stack, doing)
        state = deployed.read(stack.name, self.environment, stack.folder)
        if state.finished and state.digest == item.digest:
            return Outcome("succeeded", "is deployed already", {"digest": state.digest, "commit": state.commit})
        guards.refuse_data_loss(stack, state.deployment)
        # What a killed update made may be in the cluster under another field manager than the state's.
        extra = dict(interruption.TAKE_OVER) if state.pending or self.journal.killed(stack.name) else {}
        if not state.exists:
            doing("making the stack")
            self._engine(stack, ["stack", "init", stack.name, "--no-select"])
        elif state.pending:
            if self.journal.interrupted(stack.name) is None:
                return Outcome(
                    "failed",
                    f"an update that no rollout of this machine began was interrupted ({state.pending} operations "
                    "pending); left alone. If it is known to be dead: pulumi refresh --stack " + stack.name,
                )
            doing("continuing after an interrupted update")
            self._settle_pending(stack, doing)
            state = deployed.read(stack.name, self.environment, stack.folder)
        if not extra:
            lost_state.refuse(stack, state.deployment)
        ownership.hand_over(stack, state.deployment)
        return self._update(item, stack, extra, doing)

    def _settle_lock(self, stack: stacks.Stack, doing: Callable[[str], None]) -> None:
        """Remove a dead update's lock; files of a local backend are looked at, any other one keeps none here."""
        backend = self.environment.get("PULUMI_BACKEND_URL", "")
        if backend.startswith("file://"):
            doing("looking for a lock")
            folder = Path(backend.removeprefix("file://")).expanduser()
            interruption.settle_lock(folder, stack, Console(quiet=True))

    def _settle_pending(self, stack: stacks.Stack, doing: Callable[[str], None]) -> None:
        """Find out what became of the operations that were under way."""
        state = json.loads(self._engine(stack, ["stack", "export", "--stack", stack.name]))
        interruption.resolve_pending(state["deployment"], stack)
        provider.adapt(state["deployment"], self.environment)
        file = stack.folder / "settled.json"
        file.touch(mode=0o600)
        try:
            file.write_text(json.dumps(state))
            self._engine(stack, ["stack", "import", "--stack", stack.name, "--file", str(file)])
        finally:
            file.unlink()
        log, events = self._files(stack, "refresh", doing)
        ended = operation.run("refresh", stack, self.servers.of(stack.root), self.environment, events, log)
        if ended.code:
            raise HubstackError(operation.failure(ended, events, log))

    def _files(self, stack: stacks.Stack, verb: str, doing: Callable[[str], None]) -> tuple[Path, EventLog]:
        """Where an operation writes what it prints and what it reports; nothing of an earlier one is left there."""
        logs = self.folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        name = stack.name if verb == "up" else f"{stack.name}.{verb}"
        log = logs / f"{name}.log"
        events = EventLog(logs / f"{name}.events.json", lambda word, what: doing(f"{word} {what}"))
        for file in (log, events.file):
            file.unlink(missing_ok=True)
        return log, events

    def _update(
        self, item: plan.Item, stack: stacks.Stack, extra: Mapping[str, str], doing: Callable[[str], None]
    ) -> Outcome:
        assert item.digest is not None
        mark = {"digest": item.digest, "commit": item.commit, "rollout": self.rollout}
        log, events = self._files(stack, "up", doing)
        options = ["--message", deployed.message(self.rollout, item.digest)]
        environment = {**self.environment, **extra, deployed.VARIABLE: json.dumps(mark)}
        doing("starting the engine")
        ended = operation.run("up", stack, self.servers.of(stack.root), environment, events, log, options)
        detail: dict[str, Any] = {"changes": events.changes, "cpu": round(ended.cpu, 2), "log": str(log)}
        if ended.code:
            reason = operation.failure(ended, events, log)
            return Outcome("transient" if _TRANSIENT.search(reason) else "failed", reason, detail)
        state = deployed.read(stack.name, self.environment, stack.folder)
        if extra:
            ownership.hand_over(stack, state.deployment)
        detail |= {"digest": state.digest, "commit": state.commit, "url": state.url}
        if not state.finished or state.digest != item.digest:
            return Outcome("failed", "the backend does not show the update as finished", detail)
        return Outcome("succeeded", said(events.changes), detail)

    def _engine(self, stack: stacks.Stack, command: Sequence[str]) -> str:
        """Run a short engine command that needs no program.

        Raises:
            HubstackError: it failed.
        """
        done = subprocess.run(
            ["pulumi", *command, "--non-interactive", "--color=never"],
            cwd=stack.folder,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )
        if done.returncode:
            lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
            errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
            raise HubstackError(f"pulumi {command[0]}: {(errors or lines or ['it gave no reason'])[-1]}")
        return done.stdout


def said(changes: Mapping[str, int]) -> str:
    """What an update changed, in words."""
    found = [f"{count} {operation}" for operation, count in sorted(changes.items()) if operation != "same"]
    return ", ".join(found) or "nothing changed"
