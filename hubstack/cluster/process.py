"""Detached processes that are recognised beyond doubt: by pid and start time, and by a mark in their environment.

A pid alone is not an identity, the kernel gives it to somebody else later. So the record of a process also holds when
the process started, and no signal is ever sent to a process whose start time differs. The mark finds a process whose
starter was killed before the record was written.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import psutil

from hubstack.cluster.model import ClusterError

MARK = "HUBSTACK_CLUSTER_MARK"
"""Environment variable that says to which cluster, and which part of it, a process belongs."""
_LOG_LIMIT = 8 * 1024 * 1024
"""Bytes after which a log file is put aside when its program starts again; one old file is kept."""


@dataclass(frozen=True)
class Record:
    """One started process, as kept in its pid file."""

    pid: int
    started: str
    """Start time in the words of the operating system; compared, never interpreted."""
    fingerprint: str
    """Digest of the command line and of the files it depends on."""


def start_time(pid: int) -> str | None:
    """When the process of this pid started, or None if there is none (a zombie counts as none)."""
    try:
        since_boot = psutil.Process(pid).create_time() - psutil.boot_time()
        if psutil.Process(pid).status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return None
    except psutil.Error:
        return None
    # counted from the start of the machine, so that setting its clock makes nobody another process
    return f"{_boot()}/{round(since_boot * os.sysconf('SC_CLK_TCK'))}"


@cache
def _boot() -> str:
    """What tells this start of the machine from all others."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return str(round(psutil.boot_time()))


def fingerprint(argv: Sequence[str], inputs: Iterable[Path]) -> str:
    """Digest that changes when the command line or the content of an input file does."""
    digest = hashlib.sha256(json.dumps(list(argv)).encode())
    for path in inputs:
        digest.update(path.read_bytes() if path.exists() else b"-")
    return digest.hexdigest()


def read_record(pid_file: Path) -> Record | None:
    """What the pid file says, or None if it does not exist or is damaged."""
    try:
        return Record(**json.loads(pid_file.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def alive(record: Record | None) -> bool:
    """Whether exactly this process still runs."""
    if record is None:
        return False
    with contextlib.suppress(ChildProcessError, OSError):
        os.waitpid(record.pid, os.WNOHANG)  # a child of ours that ended would stay a zombie
    return start_time(record.pid) == record.started


def start(argv: Sequence[str], pid_file: Path, log: Path, mark: str, digest: str, env: dict[str, str]) -> Record:
    """Start a program in a session of its own, so that it outlives its starter and the terminal.

    Arguments:
        argv: absolute path of the program, then its arguments.
        pid_file: where its record goes.
        log: where its output is appended.
        mark: value of the variable MARK.
        digest: kept in the record; see `fingerprint`.
        env: its whole environment apart from the mark.

    Raises:
        ClusterError: the program cannot be executed, or the log cannot be written.
    """
    try:
        if log.exists() and log.stat().st_size > _LOG_LIMIT:
            log.replace(log.with_suffix(".old.log"))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        pid = os.posix_spawn(
            argv[0],
            list(argv),
            {**env, MARK: mark},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            setsigdef=[signal.SIGPIPE, signal.SIGINT],
        )
    except OSError as error:
        raise ClusterError(f"cannot start {argv[0]}: {error.strerror or error}") from None
    record = Record(pid, start_time(pid) or "ended at once", digest)
    write_atomically(pid_file, json.dumps(asdict(record)) + "\n")
    return record


def marked(mark: str) -> list[Record]:
    """Running processes that carry the mark; those of other users do not show it."""
    found = []
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if each.environ().get(MARK) == mark and (started := start_time(each.pid)):
                found.append(Record(each.pid, started, ""))
    return found


def stop(records: Iterable[Record], patience: float = 10.0) -> None:
    """Ask the processes to end, wait, and kill those that are still there after `patience` seconds.

    Raises:
        ClusterError: a process survives even that.
    """
    left = [record for record in records if alive(record)]
    for signum, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
        for record in left:
            _send(record, signum)
        deadline = time.monotonic() + seconds
        while left and time.monotonic() < deadline:
            left = [record for record in left if alive(record)]
            if left:
                time.sleep(0.02)
        if not left:
            return
    raise ClusterError(f"process {left[0].pid} does not end, not even by SIGKILL; look at it with ps")


def _send(record: Record, signum: signal.Signals) -> None:
    """Send a signal to this process and to no other, even if its pid is being recycled at this moment."""
    with contextlib.suppress(ProcessLookupError):
        if not hasattr(os, "pidfd_open"):
            if alive(record):
                os.kill(record.pid, signum)
            return
        descriptor = os.pidfd_open(record.pid)
        try:
            # checked after opening: the descriptor cannot change its process any more
            if start_time(record.pid) == record.started:
                signal.pidfd_send_signal(descriptor, signum)
        finally:
            os.close(descriptor)


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file so that it is always either the old or the new one, never a half."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=mode)
    draft.write_text(text)
    draft.replace(path)
