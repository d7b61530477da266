"""What the engine knows about a stack: its state, its decrypted settings and who holds its lock.

Everything is read from a work folder that is thrown away, and nothing is selected, locked or written.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubstack import configuration, project
from hubstack.engine import backend_files, command, locks
from hubstack.engine.environment import local_backend
from hubstack.engine.state import State
from hubstack.errors import HubstackError
from hubstack.project import stacks
from hubstack.project.stacks import Stack


@dataclass(frozen=True)
class Lock:
    """One lock of the stack."""

    holder: str
    """``user@host``."""
    host: str
    pid: int
    since: str
    """When it was taken, RFC 3339."""
    alive: bool | None
    """Whether its process still runs; None: it is on another machine."""


@dataclass(frozen=True)
class EngineState:
    """What the engine knows about one stack."""

    state: State = field(default_factory=State)
    """The state, secrets in plain text; empty where the stack is not in the backend, or `problem` says why."""
    problem: str = ""
    """Why the state could not be read."""
    entries: Mapping[str, str] | None = None
    """Text of each setting, decrypted; None where that is not possible."""
    locks: tuple[Lock, ...] = ()
    locks_known: bool = True
    """Whether the backend keeps locks where they can be seen from here."""


def read(stack: Stack, environment: Mapping[str, str]) -> EngineState:
    """Read a stack's state and settings.

    Arguments:
        stack: the stack; it need not have been deployed.
        environment: variables for the engine: tools on PATH, PULUMI_HOME, backend, passphrase.
    """
    backend = local_backend(environment)
    held = tuple(read_locks(backend, stack)) if backend else ()
    with tempfile.TemporaryDirectory(prefix="hubstack-doctor-") as name:
        stacks.write_work_folder(stack, Path(name))
        try:
            deployment = command.export(stack.name, Path(name), environment, show_secrets=True)["deployment"]
        except HubstackError as error:
            problem = "" if command.UNKNOWN_STACK in str(error) else str(error)
            return EngineState(problem=problem, locks=held, locks_known=backend is not None)
        entries = None
        with contextlib.suppress(HubstackError):
            entries = command.configuration(stack.name, Path(name), environment)
    return EngineState(State.read(deployment), "", entries, held, backend is not None)


def backend_exists() -> bool:
    """Whether there is a backend to ask; without one nothing was ever deployed from here, and none is made."""
    return bool(os.environ.get("PULUMI_BACKEND_URL")) or (project.state_dir() / "backend").is_dir()


def read_locks(backend: Path, stack: Stack) -> Iterator[Lock]:
    """The locks that an engine left in a local backend; none is removed.

    Arguments:
        backend: folder of the backend.
        stack: the stack.
    """
    for file in backend_files.locks(backend, stack.project, stack.name):
        with contextlib.suppress(OSError, ValueError, KeyError):
            holder = json.loads(file.read_text())
            host, pid, since = holder["hostname"], int(holder["pid"]), holder["timestamp"]
            alive = locks.is_running(pid, since) if host == socket.gethostname() else None
            yield Lock(f"{holder.get('username') or '?'}@{host}", host, pid, since, alive)


def entries(stack: Stack, decrypted: Mapping[str, str] | None) -> dict[str, Any]:
    """The stack's configuration as the engine would hand it to the program, without the prefix ``hubstack:``.

    Arguments:
        stack: the stack.
        decrypted: the same settings from the engine; without them secrets are `unread`.
    """
    return {**stacks.entries(stack.settings), **configuration.named(decrypted or {})}
