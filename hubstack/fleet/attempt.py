"""One stack of a rollout, from the probe of its cluster to the end of its update."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from hubstack import deadline
from hubstack.credentials import CredentialsError
from hubstack.engine import command
from hubstack.engine.notices import Notice
from hubstack.engine.servers import EngineGoneError, ForkServers
from hubstack.engine.stack import EngineStack, OperationError, Report
from hubstack.engine.watch import OutOfTimeError
from hubstack.errors import HubstackError
from hubstack.fleet import begun, deployed, drifted, plan, probe
from hubstack.fleet.begun import Begun
from hubstack.fleet.duration import written
from hubstack.fleet.journal import STOPPED, Journal
from hubstack.lifecycle.deploy import Order, deploy
from hubstack.lifecycle.deploy import Outcome as Done
from hubstack.migration import access
from hubstack.migration.take_over import Source
from hubstack.project import stacks

_TRANSIENT = re.compile(
    r"connection refused|connection reset|i/o timeout|TLS handshake timeout|too many requests|\b429\b|\b503\b"
    r"|service unavailable|server is currently unable|etcdserver: request timed out|unexpected EOF"
    r"|http2: client connection|cannot be reached|unreachable|leader changed|does not answer any more"
    r"|HTTP 401|\bUnauthorized\b|asked for the client to provide credentials|getting credentials: exec",
    re.IGNORECASE,
)
"""Errors of a cluster that is down or busy for a while, or of credentials that ended on the way; the stack is tried
once more at the end of its wave, and what is wrong with the credentials is said then."""


Kind = Literal["create", "update", "unchanged", "switch", "recovery"]
"""What an update did: made a hub, changed it, found nothing to change, changed its mode or took one over, or went on
with one that was interrupted.
"""
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt."""

    state: str
    """``succeeded``, ``failed``, ``unreachable``, ``no-credentials``, ``transient`` or ``skipped``."""
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
    limits: Mapping[str, int] = field(default_factory=dict)
    """Seconds that an update of a stack may take, by the stack's name; 0 or nothing for no limit."""
    runner: str = ""
    """Name of this process in the shared journal; blank where there is none."""
    lock_of_dead: Callable[[Begun, str], bool] = lambda begun, reason: False
    """Whether an error names the lock that a dead runner's update has left, which may be removed then."""
    take_fields: bool = False
    """Whether fields that somebody else has written since are set to what the stacks say."""

    def deploy(self, item: plan.Item, root: Path, doing: Callable[[str], None]) -> Outcome:
        """Bring one stack to what a revision wants.

        Arguments:
            item: the stack.
            root: folder of the revision.
            doing: is called with what is under way.
        """
        try:
            stack = plan.stack_of(item.stack, root)
            doing("asking the cluster")
            if reason := probe.unreachable(stack):
                return Outcome("unreachable", reason)
            if item.action == "gate":
                return self._as_deployed(item, stack)
            with deadline.limited(self.limits.get(item.stack) or None):
                return self._deploy(item, stack, doing)
        except EngineGoneError as error:
            return Outcome("transient", str(error))
        except OperationError as error:
            if error.out_of_time:
                return self._late(stack, str(error), {**_detail(error.report), STOPPED: True})
            return Outcome(_state_after(str(error)), str(error), _detail(error.report))
        except OutOfTimeError as error:
            return self._late(stack, str(error), {})
        except CredentialsError as error:
            return Outcome("no-credentials", str(error))
        except (HubstackError, OSError) as error:  # a full disk is one stack's failure, not a traceback
            return Outcome("failed", str(error))
        except Exception as error:
            if (text := access.explained(error)) is None:
                raise
            return Outcome(_state_after(text), text)

    def opened(self, item: plan.Item) -> None:
        """Record in the backend that a stack's gates have opened, and that its wave has baked.

        Raises:
            HubstackError: the backend cannot be asked or written.
        """
        deployed.opened(item.stack, self.environment, stacks.engine_folder(item.stack))

    def _as_deployed(self, item: plan.Item, stack: stacks.Stack) -> Outcome:
        """A stack of which nothing but its gates is to be asked: it must be as the plan found it."""
        known = deployed.read(item.stack, self.environment, stacks.engine_folder(item.stack))
        detail = {"digest": known.digest, "commit": known.commit, "url": known.url}
        if not known.finished or known.digest != item.digest:
            return Outcome("failed", "was changed since the plan was made; `hubstack rollout plan` says how", detail)
        return Outcome("succeeded", "is deployed already", detail)

    def _deploy(self, item: plan.Item, stack: stacks.Stack, doing: Callable[[str], None]) -> Outcome:
        engine = EngineStack(stack, self.environment, _teller(doing), servers=self.servers, logs=self.folder / "logs")
        mended = [drifted.mend(engine, self.environment, doing)] if item.drift else []
        known = self._read(stack)
        if known.finished and known.digest == item.digest:
            facts = {"digest": known.digest, "commit": known.commit}
            return Outcome("succeeded", "; ".join(mended) or "is deployed already", facts)
        before = begun.read(stack.name, self.environment, stack.folder) if self.runner else None
        was_killed = self.journal.killed(stack.name) or (
            before is not None and before.was_killed(known.ended, succeeded=known.succeeded)
        )
        order = self._order(item, stack, was_killed=was_killed)
        if self.runner:
            now = begun.now(self.rollout, self.runner, after_kill=was_killed)
            begun.write(now, stack.name, self.environment, stack.folder)
        started = time.monotonic()
        try:
            try:
                done = deploy(engine, order)
            except HubstackError as error:
                if before is None or not self.lock_of_dead(before, str(error)):
                    raise
                engine.say(f"removing the lock that a killed rollout has left on stack {stack.name}")
                command.run(["cancel", "--yes", stack.name], stack.folder, self.environment)
                done = deploy(engine, order)
        except OperationError as error:
            if error.out_of_time and self.runner:  # what it has made may be in no state, as after a kill
                begun.write(replace(now, time=time.time()), stack.name, self.environment, stack.folder)
            raise
        except EngineGoneError:
            raise
        except HubstackError:
            if self.runner:  # it was refused before the engine began
                begun.forget(before, stack.name, self.environment, stack.folder)
            raise
        found = self._read(stack)
        detail: dict[str, Any] = {
            **_detail(done.report),
            "digest": found.digest,
            "commit": found.commit,
            "url": found.url,
            "update": kind_of(known, done),
            "took": round(time.monotonic() - started, 3),  # without the wait for a cluster that is slow to answer
        }
        if not found.finished or found.digest != item.digest:
            return Outcome("failed", "the backend does not show the update as finished", detail)
        reasons = [f"switched from mode {done.switched_from} to mode {stack.mode}"] if done.switched_from else []
        reasons += [*mended, in_words(done.report.changes), *(f"restarted: {each}" for each in done.restarted)]
        return Outcome("succeeded", "; ".join(reasons), detail)

    def _late(self, stack: stacks.Stack, reason: str, detail: dict[str, Any]) -> Outcome:
        """What an update is that was stopped at its limit: a failure of the hub only if its cluster answers."""
        text = f"timeout: {written(self.limits[stack.name])}: {reason}"
        if unreachable := probe.unreachable(stack):
            return Outcome("transient", f"{text}; {unreachable}", detail)
        return Outcome("failed", text, detail)

    def _order(self, item: plan.Item, stack: stacks.Stack, *, was_killed: bool) -> Order:
        assert item.digest is not None
        mark = {"digest": item.digest, "commit": item.commit, "rollout": self.rollout, "owes": item.owes}
        if item.program:
            mark |= {"program": item.program, "revision": item.revision}
        return Order(
            variables={deployed.VARIABLE: json.dumps(mark)},
            message=deployed.message(self.rollout, item.digest),
            may_settle=was_killed or self.journal.interrupted(stack.name) is not None,
            was_killed=was_killed,
            take_fields=self.take_fields,
        )

    def _read(self, stack: stacks.Stack) -> deployed.Deployed:
        return deployed.read(stack.name, self.environment, stack.folder)


def kind_of(known: deployed.Deployed, done: Done) -> Kind:
    """What kind of update a deployment was, for forecasts: those of one kind take about as long.

    Arguments:
        known: what the backend said before.
        done: what became of it.
    """
    if done.settled:
        return "recovery"
    if done.switched_from or done.taken_over is not Source.NOTHING:
        return "switch"
    if known.mode is None:
        return "create"
    return "update" if done.report.changed else "unchanged"


def in_words(changes: Mapping[str, int]) -> str:
    """What an update changed, in words."""
    found = [f"{count} {operation}" for operation, count in sorted(changes.items()) if operation != "same"]
    return ", ".join(found) or "nothing changed"


def _teller(doing: Callable[[str], None]) -> Callable[[Notice], None]:
    """A listener for what is under way; what has ended, and warnings, are not for a screen with many stacks."""

    def tell(notice: Notice) -> None:
        if notice.kind in ("step", "message", "started", "waiting"):
            doing(notice.text)

    return tell


def _detail(report: Report) -> dict[str, Any]:
    """Of an operation, for the journal."""
    return {"changes": report.changes, "cpu": round(report.cpu, 2), "log": str(report.log)}


def _state_after(reason: str) -> str:
    return "transient" if _TRANSIENT.search(reason) else "failed"
