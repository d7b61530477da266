"""Who runs a rollout: a process that says again and again, in the shared journal, that it lives."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hubstack import project
from hubstack.cluster import process
from hubstack.errors import HubstackError

SECONDS = 180
"""How long a lease lasts unless it is renewed."""

RENEWALS = 4
"""How often a lease is renewed in its time, so that a renewal may be late."""


@dataclass(frozen=True)
class Lease:
    """The right to run a rollout, for some time."""

    runner: str
    """Random name of the process that has it."""
    home: str
    """Random name of the state folder that the process works with: `home`."""
    machine: str
    """On which processes can be asked whether they live: `machine`."""
    host: str
    pid: int
    pid_started: str
    seconds: int
    seen: float
    """When it was renewed last, seconds since the epoch."""

    @property
    def until(self) -> float:
        """When it ends."""
        return self.seen + self.seconds

    @property
    def alive(self) -> bool:
        """Whether its process has to be taken for alive. On its own machine that can be looked up."""
        if self.machine == machine():
            return process.start_time(self.pid) == self.pid_started
        return self.until > time.time()

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON types."""
        return asdict(self)

    @staticmethod
    def from_dict(found: Mapping[str, Any]) -> Lease:
        """What `as_dict` gave."""
        return Lease(**found)


def new(seconds: int = SECONDS) -> Lease:
    """A lease for this process, from now on."""
    pid = os.getpid()
    started = str(process.start_time(pid))
    name = secrets.token_hex(4)
    return Lease(name, home(), machine(), socket.gethostname(), pid, started, seconds, time.time())


def home() -> str:
    """Name of this state folder, made at the first call.

    Raises:
        HubstackError: the folder cannot be written.
    """
    file = project.private_folder(project.state_dir() / "rollouts") / "home"
    with suppress(FileNotFoundError):
        return file.read_text(encoding="utf-8").strip()
    name = secrets.token_hex(8)
    try:
        project.write_private(file, name)
    except OSError as error:
        raise HubstackError(f"{file}: cannot be written: {error.strerror}") from None
    return name


@cache
def machine() -> str:
    """What tells processes that can be looked up from others; hosts and containers may have the same name."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)
