"""Processes that run the engine: one fork server for each revision of the program, one child for each stack."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubstack.engine import forkserver, temporary
from hubstack.errors import HubstackError

POLL_SECONDS = 0.2
"""How often the engine's events are read."""


class EngineGoneError(HubstackError):
    """The process that runs the engines has ended; the stack may be tried again."""


@dataclass(frozen=True)
class Command:
    """One engine command on one stack."""

    command: Sequence[str]
    folder: Path
    """The stack's work folder."""
    environment: Mapping[str, str]
    log: Path
    """File for what the engine prints."""


@dataclass
class Ended:
    """How a command ended."""

    code: int
    """Exit code; negative after a signal."""
    cpu: float = 0.0
    """CPU seconds of the engine, its plugins and the program."""
    awaited: str = ""
    """What was under way when it was stopped at its limit; blank where it was not."""


class ForkServer:
    """One running fork server."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        """Start it; the first command waits until it has imported the program.

        Arguments:
            root: folder of the program.
            environment: variables for the engine, and for the program while it is imported.
        """
        self._answers: dict[int, queue.Queue[dict[str, Any]]] = {}
        self._lock = threading.Lock()
        self._next = 0
        self._temporary = temporary.Folder()
        # A session of its own: Ctrl-C reaches the command, which decides what becomes of the engines.
        self._process = subprocess.Popen(
            [sys.executable, forkserver.__file__, str(root)],
            env={**environment, "TMPDIR": str(self._temporary.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=[self._temporary.descriptor],  # it may outlive this process, if that is killed
        )
        self._errors: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._keep_errors, daemon=True).start()

    def run(self, command: Command, on_start: Callable[[int], None], on_tick: Callable[[], None]) -> Ended:
        """Run one command and wait for its end.

        Arguments:
            command: what to run; the language host's address is added.
            on_start: is called with the process id.
            on_tick: called every `POLL_SECONDS` while it runs, and once after its end.

        Raises:
            EngineGoneError: the fork server has ended.
        """
        answers: queue.Queue[dict[str, Any]] = queue.Queue()
        request = {
            "command": list(command.command),
            "folder": str(command.folder),
            "environment": {**command.environment, "TMPDIR": str(self._temporary.path)},
            "log": str(command.log),
        }
        with self._lock:
            self._next += 1
            number = self._next
            self._answers[number] = answers
            try:
                assert self._process.stdin
                self._process.stdin.write(json.dumps({"id": number, **request}).encode() + b"\n")
                self._process.stdin.flush()
            except (OSError, ValueError):  # ended, or closed
                raise EngineGoneError(self._obituary()) from None
        while True:
            try:
                answer = answers.get(timeout=POLL_SECONDS)
            except queue.Empty:
                on_tick()
                if self._process.poll() is not None and answers.empty():
                    raise EngineGoneError(self._obituary()) from None
                continue
            if "code" in answer:
                on_tick()
                return Ended(answer["code"], answer["cpu"])
            on_start(answer["pid"])

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def interrupt(self) -> None:
        """Take no more commands, and ask the engines that run to stop; they write their state first."""
        assert self._process.stdin
        with self._lock, contextlib.suppress(OSError):
            self._process.stdin.close()

    def close(self) -> None:
        """`interrupt`, wait for the end, and remove what its engines have left in their temporary folder."""
        self.interrupt()
        self._process.wait()
        self._temporary.close()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            answer = json.loads(line)
            if waiting := self._answers.get(answer.get("id", 0)):
                waiting.put(answer)

    def _keep_errors(self) -> None:
        assert self._process.stderr
        for line in self._process.stderr:
            self._errors = [*self._errors[-20:], line.decode(errors="replace").rstrip()]

    def _obituary(self) -> str:
        reason = self._errors[-1] if self._errors else f"exit code {self._process.poll()}"
        return f"the process that runs the program has ended: {reason}"


@dataclass
class ForkServers:
    """Fork servers by folder, each started when it is first needed."""

    environment: Mapping[str, str]
    _servers: dict[Path, ForkServer] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, root: Path) -> ForkServer:
        """The fork server of a program's folder."""
        with self._lock:
            found = self._servers.get(root)
            if found is None or found.ended:
                if found is not None:
                    found.close()
                self._servers[root] = ForkServer(root, {**os.environ, **self.environment})
            return self._servers[root]

    def interrupt(self) -> None:
        """Ask every engine that runs to stop."""
        for server in list(self._servers.values()):
            server.interrupt()

    def close(self) -> None:
        """End all of them; engines that still run write their state first."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()
