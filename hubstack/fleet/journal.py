"""What rollouts did and are doing, on disk: every step before it begins and after it ended.

This is the working copy of one machine. What other machines know of a rollout is in the backend: see `shared`.
"""

from __future__ import annotations

import getpass
import itertools
import json
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubstack import file_lock, project
from hubstack.cluster import process
from hubstack.errors import HubstackError
from hubstack.fleet.lease import Lease

_TABLES = """
create table if not exists rollouts (
    id text primary key, kind text not null, state text not null, reason text not null default '',
    started real not null, ended real, owner text not null, host text not null, pid integer not null,
    pid_started text not null, plan text not null, options text not null);
create table if not exists steps (
    number integer primary key, rollout text not null references rollouts, wave text not null, stack text not null,
    kind text not null, state text not null, reason text not null default '', started real not null, ended real,
    detail text not null default '{}');
create table if not exists requests (
    rollout text not null references rollouts, request text not null, made real not null,
    primary key (rollout, request));
create table if not exists leases (
    rollout text primary key references rollouts, lease text not null, writer text not null);
create index if not exists steps_of on steps (rollout, stack);
"""

NOT_ASKED = ("unreachable", "no-credentials")
"""States of a step whose cluster could not be asked: they say nothing about the hub, and nothing was touched."""
STOPPED = "stopped"
"""Key in the detail of a step whose engine was stopped at its limit; it may have made objects that no state knows."""
ATTEMPTS = ("up", "ask")
"""Kinds of steps with which the work on a stack begins."""

_ROLLOUT = (
    "id", "kind", "state", "reason", "started", "ended", "owner", "host", "pid", "pid_started", "plan", "options",
)  # fmt: skip
_STEP = ("wave", "stack", "kind", "state", "reason", "started", "ended")
_WITH_LEASE = "select rollouts.*, leases.lease from rollouts left join leases on leases.rollout = rollouts.id"

UNFINISHED = ("running", "paused", "incomplete", "failed")
"""States from which `resume` goes on."""


@dataclass(frozen=True)
class Rollout:
    """One rollout as the journal has it."""

    id: str
    kind: str
    """``rollout`` or ``rollback``."""
    state: str
    """``running``, ``paused``, ``succeeded``, ``incomplete``, ``failed`` or ``aborted``."""
    reason: str
    started: float
    """Seconds since the epoch."""
    ended: float | None
    owner: str
    host: str
    pid: int
    pid_started: str
    plan: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    lease: Lease | None = None
    """Of the process that runs it, or did last; None before there were leases."""

    @property
    def folder(self) -> Path:
        """Folder with the rollout's source, logs and reports."""
        return folder() / self.id

    @property
    def alive(self) -> bool:
        """Whether the process that runs it still does, or has to be taken for alive."""
        if self.state == "running" and self.lease:
            return self.lease.alive
        if self.state != "running" or self.host != socket.gethostname():
            return self.state == "running"
        return process.start_time(self.pid) == self.pid_started

    @property
    def is_due(self) -> bool:
        """Whether it can be gone on with now, without a word of anybody: it was killed, or the time has come."""
        after = self.options.get("after")
        waited = self.state == "paused" and after is not None and after <= time.time()
        return waited or (self.state == "running" and not self.alive)

    def holder(self) -> str:
        """Who runs it, in words."""
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.started))
        return f"{self.owner} on {self.host} (process {self.pid}, since {since})"


@dataclass(frozen=True)
class Step:
    """One step of a rollout."""

    number: int
    rollout: str
    wave: str
    stack: str
    """Blank for a step of the whole wave."""
    kind: str
    """``up``, ``ask`` (the gates of a stack that is deployed), ``gate`` or ``bake``."""
    state: str
    """``started``, or how it ended: ``succeeded``, ``failed``, ``unreachable``, ``no-credentials``, ``transient`` or
    ``skipped``."""
    reason: str
    started: float
    ended: float | None
    detail: Mapping[str, Any]


def folder() -> Path:
    """Folder of all rollouts on this machine."""
    return project.state_dir() / "rollouts"


class Journal:
    """The journal of this machine; each write is on the disk when the call returns."""

    def __init__(self, file: Path | None = None) -> None:
        """Open it, or begin it; `changes` counts what was recorded of steps since.

        Raises:
            HubstackError: it cannot be opened.
        """
        self.file = file or folder() / "journal.sqlite"
        project.private_folder(self.file.parent)
        self.file.touch(mode=0o600)
        self.changes = 0
        self._lock = threading.RLock()
        try:
            self._database = sqlite3.connect(self.file, timeout=30, check_same_thread=False, isolation_level=None)
            self._database.row_factory = sqlite3.Row
            self._database.executescript(f"pragma synchronous = full; {_TABLES}")
        except sqlite3.Error as error:
            raise HubstackError(f"the journal {self.file} cannot be opened: {error}") from None

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Be the one rollout that runs on this machine; the kernel ends this with the process, however it ends.

        Raises:
            HubstackError: another one runs; says who holds it.
        """
        lock = file_lock.hold(self.file.with_suffix(".lock"), "running a rollout", lambda _: None, patience=0)
        with ExitStack() as until_the_end:
            try:
                until_the_end.enter_context(lock)
            except file_lock.HeldError:
                held = self.last(states=("running",))
                who = f"rollout {held.id} by {held.holder()}" if held else "another process"
                raise HubstackError(
                    f"a rollout is under way: {who}; wait for it, or see `hubstack rollout status`, `pause`, `abort`. "
                    "Nothing was changed."
                ) from None
            yield

    def begin(
        self, rollout: str, plan: Mapping[str, Any], options: Mapping[str, Any], kind: str = "rollout"
    ) -> Rollout:
        """Record a new rollout of this process."""
        self._write(
            "insert into rollouts values (?, ?, 'running', '', ?, null, ?, ?, ?, ?, ?, ?)",
            *(rollout, kind, time.time(), *_me(), json.dumps(plan), json.dumps(options)),
        )
        return self.rollout(rollout)

    def take_over(self, rollout: str, options: Mapping[str, Any]) -> None:
        """Record that this process goes on with a rollout."""
        self._write(
            "update rollouts set state = 'running', reason = '', ended = null, owner = ?, host = ?, pid = ?, "
            "pid_started = ?, options = ? where id = ?",
            *(*_me(), json.dumps(options), rollout),
        )
        self._write("delete from requests where rollout = ? and request in ('pause', 'abort')", rollout)

    def end(self, rollout: str, state: str, reason: str = "", after: float | None = None) -> None:
        """Record how a rollout ended, for now or for good.

        Arguments:
            rollout: its id.
            state, reason: how, and why.
            after: from when on it can be gone on with; None where somebody has to say so.
        """
        options = json.dumps({**self.rollout(rollout).options, "after": after})
        self._write(
            "update rollouts set state = ?, reason = ?, ended = ?, options = ? where id = ?",
            *(state, reason, time.time(), options, rollout),
        )

    def start(self, rollout: str, wave: str, stack: str, kind: str, **detail: Any) -> int:
        """Record a step before it is done; gives its number."""
        self.changes += 1
        return self._write(
            "insert into steps (rollout, wave, stack, kind, state, started, detail) "
            "values (?, ?, ?, ?, 'started', ?, ?)",
            *(rollout, wave, stack, kind, time.time(), json.dumps(detail)),
        )

    def finish(self, number: int, state: str, reason: str = "", **detail: Any) -> None:
        """Record how a step ended; details are added to those of its start."""
        self.changes += 1
        known = self._read("select detail from steps where number = ?", number)[0]["detail"]
        self._write(
            "update steps set state = ?, reason = ?, ended = ?, detail = ? where number = ?",
            *(state, reason, time.time(), json.dumps({**json.loads(known), **detail}), number),
        )

    def request(self, rollout: str, request: str) -> None:
        """Ask the process that runs a rollout for something: ``pause``, ``abort`` or ``approve WAVE``."""
        self._write("insert or replace into requests values (?, ?, ?)", rollout, request, time.time())

    def requests(self, rollout: str) -> set[str]:
        """What was asked for."""
        return {row["request"] for row in self._read("select request from requests where rollout = ?", rollout)}

    def hold(self, rollout: str, lease: Lease) -> None:
        """Record whose rollout it is; by that, this machine's record of it is the newest."""
        self._write("insert or replace into leases values (?, ?, ?)", rollout, json.dumps(lease.as_dict()), lease.home)

    def writer(self, rollout: str) -> str | None:
        """Which state folder has the newest record of a rollout, as far as this one knows."""
        rows = self._read("select writer from leases where rollout = ?", rollout)
        return rows[0]["writer"] if rows else None

    def entry(self, rollout: str) -> dict[str, Any]:
        """Everything about a rollout, as JSON types: what `load` takes on another machine."""
        found = dict(self._read("select * from rollouts where id = ?", rollout)[0])
        lease = self._read("select lease, writer from leases where rollout = ?", rollout)
        return {
            **found,
            "plan": json.loads(found["plan"]),
            "options": json.loads(found["options"]),
            "lease": json.loads(lease[0]["lease"]) if lease else None,
            "writer": lease[0]["writer"] if lease else "",
            "requests": {
                row["request"]: row["made"] for row in self._read("select * from requests where rollout = ?", rollout)
            },
            "steps": [
                [*(row[name] for name in _STEP), json.loads(row["detail"])]
                for row in self._read("select * from steps where rollout = ? order by number", rollout)
            ],
        }

    def load(self, entry: Mapping[str, Any]) -> None:
        """Take over what another machine has recorded of a rollout, in the place of what was known of it here."""
        rollout = entry["id"]
        with self._lock, self._at_once():
            for table in ("requests", "steps", "leases"):
                self._write(f"delete from {table} where rollout = ?", rollout)
            row = {**entry, "plan": json.dumps(entry["plan"]), "options": json.dumps(entry["options"])}
            marks = ", ".join("?" for _ in _ROLLOUT)
            self._write(f"insert or replace into rollouts values ({marks})", *(row[name] for name in _ROLLOUT))
            if entry["lease"]:
                self._write("insert into leases values (?, ?, ?)", rollout, json.dumps(entry["lease"]), entry["writer"])
            for request, made in entry["requests"].items():
                self._write("insert into requests values (?, ?, ?)", rollout, request, made)
            columns, marks = ", ".join(("rollout", *_STEP, "detail")), ", ".join("?" for _ in range(len(_STEP) + 2))
            for *facts, detail in entry["steps"]:
                self._write(f"insert into steps ({columns}) values ({marks})", rollout, *facts, json.dumps(detail))

    def rollout(self, rollout: str) -> Rollout:
        """One rollout.

        Raises:
            HubstackError: there is none with this id.
        """
        rows = self._read(f"{_WITH_LEASE} where id = ?", rollout)
        if not rows:
            raise HubstackError(f"rollout {rollout!r}: not in the journal; `hubstack rollout history` lists them")
        return _rollout(rows[0])

    def rollouts(self) -> list[Rollout]:
        """All rollouts, newest first."""
        return [_rollout(row) for row in self._read(f"{_WITH_LEASE} order by started desc, rollouts.rowid desc")]

    def last(self, states: tuple[str, ...] = (), kind: str | None = None) -> Rollout | None:
        """The newest rollout, of some states or of a kind where given."""
        found = (each for each in self.rollouts() if not states or each.state in states)
        return next((each for each in found if kind in (None, each.kind)), None)

    def steps(self, rollout: str, kind: str | None = None) -> list[Step]:
        """Steps of a rollout in the order in which they began."""
        rows = self._read("select * from steps where rollout = ? order by number", rollout)
        return [
            Step(**{**dict(row), "detail": json.loads(row["detail"])}) for row in rows if kind in (None, row["kind"])
        ]

    def interrupted(self, stack: str) -> str | None:
        """The rollout of ours that left a stack unfinished, if nothing of ours came after it.

        The newest step is the one under way, recorded before this is asked; what counts is the one before. A cluster
        that could not be reached was not touched, so such steps do not count.
        """
        rows = self._read(
            "select rollout, state from steps where stack = ? and kind = 'up' and state not in ('unreachable', "
            "'no-credentials') order by started desc, number desc limit 1 offset 1",
            stack,
        )
        return rows[0]["rollout"] if rows and rows[0]["state"] in ("started", "failed", "transient") else None

    def killed(self, stack: str) -> bool:
        """Whether an update of a stack was killed, or stopped at its limit, since the last one that succeeded.

        The one under way is left aside.
        """
        rows = self._read(
            "select state, detail from steps where stack = ? and kind = 'up' order by started desc, number desc", stack
        )
        since = itertools.takewhile(lambda row: row["state"] != "succeeded", rows[1:])
        return any(row["state"] == "started" or json.loads(row["detail"] or "{}").get(STOPPED) for row in since)

    def seconds(self) -> list[float]:
        """How long successful updates of stacks took."""
        rows = self._read("select ended - started as took from steps where kind = 'up' and state = 'succeeded'")
        return [row["took"] for row in rows]

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        """Let others see all of several writes, or none."""
        self._write("begin immediate")
        try:
            yield
        except BaseException:
            self._write("rollback")
            raise
        self._write("commit")

    def _write(self, statement: str, *values: Any) -> int:
        with self._lock:
            try:
                return self._database.execute(statement, values).lastrowid or 0
            except sqlite3.Error as error:
                raise JournalError(
                    f"the journal {self.file} cannot be written: {error}; nothing more is started. "
                    "Make room, then go on with: hubstack rollout resume"
                ) from None

    def _read(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._database.execute(statement, values).fetchall()


class JournalError(HubstackError):
    """A step could not be recorded, so that nothing more may be started."""


def _rollout(row: sqlite3.Row) -> Rollout:
    facts = {**dict(row), "plan": json.loads(row["plan"]), "options": json.loads(row["options"])}
    return Rollout(**facts | {"lease": Lease.from_dict(json.loads(row["lease"])) if row["lease"] else None})


def _me() -> tuple[str, str, int, str]:
    return getpass.getuser(), socket.gethostname(), os.getpid(), str(process.start_time(os.getpid()))
