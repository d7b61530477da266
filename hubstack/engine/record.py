"""A small document that all machines share: the output of a stack of its own, in the backend of the others.

Whatever the backend is, the engine lets one update at a time work on a stack. A change of the document is such an
update: its program, which runs in this process, reads the document, changes it and exports it again.
"""

from __future__ import annotations

import base64
import json
import os
import random
import re
import socket
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubstack.engine import backend_files, command, locks
from hubstack.engine.environment import local_backend
from hubstack.engine.operation import last_error
from hubstack.engine.state import State
from hubstack.errors import HubstackError
from hubstack.project import definition

OUTPUT = "document"
"""Stack output with the document: JSON, compressed, in base64."""

CHANGE_SECONDS = 45
"""How long one change may take; the engine is ended then."""

DEAD_LOCK_SECONDS = 60
"""How long another machine's lock is watched, before it is taken for one that a killed process has left."""

PATIENCE_SECONDS = 180
"""How long to try while others change the document."""

_LOCKED = re.compile(r"created by \S+?@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<since>\S+)")
_PASSPHRASE = "hubstack"
"""Of the stack with the document, which has no secrets: every machine can open it, whatever keys it has."""

_OWN = {
    "PULUMI_CONFIG_PASSPHRASE": _PASSPHRASE,
    "PULUMI_CONFIG_PASSPHRASE_FILE": "",
    "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",  # of each former document
    "PULUMI_DEBUG_COMMANDS": "true",
}

Document = dict[str, Any]


@dataclass(frozen=True)
class _Watched:
    """A lock in our way."""

    lock: str = ""
    since: float = 0.0
    """When it was seen first."""
    has_ended: bool = False
    """Whether its process had ended then, as far as that can be known."""


@dataclass
class Record:
    """The document, and the way to change it."""

    stack: str
    """Name of the stack whose output it is."""
    folder: Path
    """A folder with the Pulumi.yaml of the project, for the engine; is written to."""
    environment: Mapping[str, str]
    """Variables for the engine."""
    say: Callable[[str], object] = lambda _: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.environment = {**self.environment, **_OWN}

    def read(self) -> Document | None:
        """The document as it is now; None where nobody has made it yet.

        Files of a local backend are read directly, any other backend is asked by one command.

        Raises:
            HubstackError: the backend does not answer, or the document cannot be read.
        """
        try:
            if local := local_backend(self.environment):
                file = backend_files.state(local, definition.name(self.folder), self.stack)
                deployment = json.loads(file.read_bytes())["checkpoint"]["latest"]
            else:
                deployment = command.export(self.stack, self.folder, self.environment, show_secrets=False)["deployment"]
            text = State.read(deployment).outputs.get(OUTPUT)
            return json.loads(zlib.decompress(base64.b64decode(text))) if text else None
        except FileNotFoundError:
            return None
        except HubstackError as error:
            if command.UNKNOWN_STACK in str(error):
                return None
            raise HubstackError(f"stack {self.stack}: the backend cannot be asked: {error}") from None
        except (OSError, ValueError, KeyError, TypeError, zlib.error) as error:
            raise HubstackError(f"stack {self.stack}: cannot be read: {error}") from None

    def change(self, change: Callable[[Document], Document]) -> Document:
        """Change the document while nobody else does.

        Arguments:
            change: gives the new document; it is given the present one, empty where there is none. What it raises
                leaves the document as it is.

        Raises:
            HubstackError: the backend does not answer, or somebody else holds its lock for too long.
        """
        with self._lock:
            deadline, watched = time.monotonic() + PATIENCE_SECONDS, _Watched()
            while True:
                problem, result = self._try(change)
                if not problem:
                    return result
                if command.UNKNOWN_STACK in problem:
                    self._create()
                elif found := _LOCKED.search(problem):
                    watched = self._wait(found, watched)
                if not _ends_by_itself(problem) or time.monotonic() > deadline:
                    raise HubstackError(f"stack {self.stack}: {last_error(problem)}")

    def _try(self, change: Callable[[Document], Document]) -> tuple[str, Document]:
        """Run one update; gives what the engine says of a failure, and the new document."""
        import grpc
        import pulumi
        from pulumi.automation._server import LanguageServer
        from pulumi.runtime.proto import language_pb2_grpc

        result: Document = {}
        raised: list[BaseException] = []

        def program() -> None:
            before = self.read() or {}
            try:
                result.update(change(json.loads(json.dumps(before))))
            except BaseException as error:  # the update ends well, and the caller gets the error
                raised.append(error)
                result.update(before)
            packed = zlib.compress(json.dumps(result, separators=(",", ":")).encode(), 9)
            pulumi.export(OUTPUT, base64.b64encode(packed).decode())

        server = grpc.server(futures.ThreadPoolExecutor(2))
        language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageServer(program), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            done = subprocess.run(
                ["pulumi", "up", "--yes", "--skip-preview", "--suppress-outputs", "--non-interactive", "--color=never",
                 "--stack", self.stack, f"--client=127.0.0.1:{port}", "--exec-kind=auto.inline"],
                cwd=self.folder, env={**os.environ, **self.environment}, stdin=subprocess.DEVNULL, capture_output=True,
                text=True, check=False, start_new_session=True, timeout=CHANGE_SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"error: the backend took more than {CHANGE_SECONDS} s", {}
        except OSError as error:
            return f"error: the engine could not be started: {error}", {}
        finally:
            server.stop(None)
        if raised:
            raise raised[0]
        return (f"{done.stdout}\n{done.stderr}" if done.returncode else ""), result

    def _create(self) -> None:
        try:
            options = ["--no-select", "--secrets-provider", "passphrase"]
            command.run(["stack", "init", self.stack, *options], self.folder, self.environment)
        except HubstackError as error:
            if "already exists" not in str(error):
                raise

    def _wait(self, found: re.Match[str], before: _Watched) -> _Watched:
        """Wait for another change to end, and remove its lock if that is dead; gives what is known of the lock.

        A lock is dead if it is still there after its process had ended. As long as it is there, nobody gets another.
        """
        lock = found[0]
        since = before.since if lock == before.lock else time.monotonic()
        if (lock == before.lock and before.has_ended) or time.monotonic() - since > DEAD_LOCK_SECONDS:
            self.say(f"removing the lock that a killed process has left on stack {self.stack} ({lock})")
            command.run(["cancel", "--yes", self.stack], self.folder, self.environment)
            return _Watched()
        is_here = found["host"] == socket.gethostname()
        has_ended = is_here and not locks.is_running(int(found["pid"]), found["since"])
        time.sleep(random.uniform(0.2, 0.6))
        return _Watched(lock, since, has_ended)


def _ends_by_itself(problem: str) -> bool:
    """Whether a failure ends by itself: another change is under way, or the stack has just been made."""
    return command.UNKNOWN_STACK in problem or _LOCKED.search(problem) is not None
