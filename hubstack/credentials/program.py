"""A program that prints something, run within limits of time and length; nothing of it is left behind."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

MOST_BYTES = 1 << 20
"""What it may print; credentials are some kilobytes."""
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Ended:
    """What became of the program."""

    code: int | None
    """Exit code, negative after a signal; None: it was stopped at a limit."""
    printed: bytes
    complaint: str
    """What it wrote to its standard error."""
    too_long: bool = False
    """Whether it was stopped because it printed too much."""


def run(command: Sequence[str], environment: Mapping[str, str], seconds: float) -> Ended:
    """Run a program to its end, or to the limit.

    It gets neither a terminal nor an input: a question of its would be seen by nobody.

    Arguments:
        command: program and arguments.
        environment: all of its variables.
        seconds: how long it may take.

    Raises:
        OSError: it cannot be started.
    """
    process = subprocess.Popen(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout
    assert process.stderr
    with process.stdout as output, process.stderr as errors:
        try:
            code, texts = _followed(process, (output, errors), time.monotonic() + seconds)
        finally:
            if process.returncode is None:
                # A script leaves the program that it waits for behind, unless all of its group are ended.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    too_long = any(len(text) > MOST_BYTES for text in texts)
    return Ended(code, bytes(texts[0]), texts[1].decode(errors="replace"), too_long)


def _followed(
    process: subprocess.Popen[bytes], pipes: tuple[IO[bytes], IO[bytes]], until: float
) -> tuple[int | None, tuple[bytearray, bytearray]]:
    """Exit code and what was printed, at its end or at a limit."""
    texts = (bytearray(), bytearray())
    with selectors.DefaultSelector() as selector:
        for pipe, text in zip(pipes, texts, strict=True):
            selector.register(pipe, selectors.EVENT_READ, text)
        while (left := until - time.monotonic()) > 0:
            ready = selector.select(min(left, _POLL_SECONDS)) if selector.get_map() else []
            for key, _ in ready:
                chunk = os.read(key.fd, 65536)
                key.data.extend(chunk)
                if not chunk:
                    selector.unregister(key.fileobj)
                if len(key.data) > MOST_BYTES:
                    return None, texts
            # A child in the background may hold the pipes open; its words are nobody's credentials.
            if not ready and process.poll() is not None:
                return process.returncode, texts
            if not ready and not selector.get_map():
                time.sleep(min(left, _POLL_SECONDS))
    return None, texts
