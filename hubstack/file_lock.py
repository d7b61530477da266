"""A lock among processes of one machine: a file that one of them holds at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from hubstack.errors import HubstackError

_PAUSE_SECONDS = 0.1


class HeldError(HubstackError):
    """Another process holds the lock, and has done so for longer than one would wait."""


@contextlib.contextmanager
def hold(
    path: Path,
    doing: str,
    say: Callable[[str], object],
    patience: float | None = None,
    pause: Callable[[float], object] = time.sleep,
) -> Iterator[None]:
    """Hold a lock file; the system gives it back when the process ends, however it ends.

    Arguments:
        path: the file, made where it is missing.
        doing: what those who hold it do, for whoever waits: "fetching etcd".
        say: is called once if another process holds it.
        patience: seconds to wait for it; None waits until it is free.
        pause: waits some seconds between two attempts; what it raises ends the waiting.

    Raises:
        HeldError: another process holds it for more than `patience` seconds; names the process.
    """
    descriptor = _acquired(path, doing, say, patience, pause)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _acquired(
    path: Path,
    doing: str,
    say: Callable[[str], object],
    patience: float | None,
    pause: Callable[[float], object],
) -> int:
    """Descriptor of the locked file."""
    deadline = None if patience is None else time.monotonic() + patience
    is_announced = False
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_file(descriptor, path):
                return descriptor
            os.close(descriptor)  # somebody has removed the file while we waited for it: the next one counts
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            if deadline is not None and time.monotonic() >= deadline:
                raise HeldError(
                    f"{path} has been held by process {holder} for {patience:.0f} s; wait for it or end it"
                ) from None
            if not is_announced:
                say(f"waiting for process {holder}, which is {doing}")
                is_announced = True
            pause(_PAUSE_SECONDS)


def _is_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
