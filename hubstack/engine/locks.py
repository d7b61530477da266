"""The lock of a stack in a local backend: that of a dead update is removed, that of a living one is respected."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import psutil

from hubstack.cluster import process
from hubstack.engine import backend_files
from hubstack.errors import HubstackError
from hubstack.project.stacks import Stack

RUNNER = "HUBSTACK_RUNNER"
"""Environment variable of an engine: pid and start time of the command that waits for it."""

ORPHAN_SECONDS = 120
"""How long an orphaned engine may take to finish the operations that it has under way."""

WRITING_SECONDS = 1
"""How long the engine may take to write a lock, which has some hundred bytes."""


def runner() -> str:
    """Value of `RUNNER` for an engine that this process starts: a later run recognises an orphan by it."""
    return f"{os.getpid()} {process.start_time(os.getpid())}"


def settle(backend: Path, stack: Stack, say: Callable[[str], None]) -> None:
    """Remove the lock of an update that is no longer alive; end one whose command was killed and that goes on alone.

    A lock of another machine stays: the engine then refuses and says who holds it.

    Arguments:
        backend: folder of the local backend; any other backend keeps no lock files.
        stack: the stack.
        say: is called when an orphan is being ended, which takes as long as the operations that it has under way.

    Raises:
        HubstackError: a living update, of somebody who still waits for it, holds the lock.
    """
    _remove_broken_locks(backend, stack, say)
    for lock in backend_files.locks(backend, stack.project, stack.name):
        with contextlib.suppress(OSError, ValueError, KeyError):
            holder = json.loads(lock.read_text())
            if holder["hostname"] != socket.gethostname():
                continue
            pid, since = holder["pid"], holder["timestamp"]
            if is_running(pid, since):
                if not _is_orphan(pid):
                    raise HubstackError(
                        f"stack {stack.name}: an update is under way already (process {pid}, since {since[:19]} UTC); "
                        "wait for it to end, or stop it with Ctrl-C where it runs. Nothing was changed."
                    )
                say(f"an update of stack {stack.name} lost its command; ending it (process {pid})")
                os.kill(pid, signal.SIGINT)
                deadline = time.monotonic() + ORPHAN_SECONDS
                while is_running(pid, since) and time.monotonic() < deadline:
                    time.sleep(0.2)
            if not is_running(pid, since):
                lock.unlink(missing_ok=True)


def is_running(pid: int, since: str) -> bool:
    """Whether the process that took a lock still runs: same id, and not started after the lock was taken.

    Arguments:
        pid: process id on this machine.
        since: when the lock was taken, RFC 3339.
    """
    try:
        holder = psutil.Process(pid)
        if holder.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):  # ended, and nobody has asked how
            return False
        started = holder.create_time()
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
    taken = datetime.fromisoformat(since[:19] + "+00:00").timestamp()
    return started <= taken + 2


def _remove_broken_locks(backend: Path, stack: Stack, say: Callable[[str], None]) -> None:
    """Remove locks that a full disk has left unwritten: the engine reads them all, and gives up at such a one."""
    for lock in backend_files.locks(backend, stack.project, stack.name, ending=""):
        for attempt in range(WRITING_SECONDS * 10 + 1):
            with contextlib.suppress(OSError, ValueError):
                json.loads(lock.read_text())
                break
            if attempt == WRITING_SECONDS * 10 and lock.is_file():
                with contextlib.suppress(OSError):
                    lock.unlink()
                    say(f"removed an unwritten lock of stack {stack.name}, {lock.name}")
            elif not lock.is_file():
                break
            else:
                time.sleep(0.1)


def _is_orphan(pid: int) -> bool:
    """Whether this process is an engine of ours whose command is gone."""
    try:
        mark = psutil.Process(pid).environ().get(RUNNER)
    except psutil.Error:
        return False
    if not mark:
        return False
    waiting, _, started = mark.partition(" ")
    return process.start_time(int(waiting)) != started
