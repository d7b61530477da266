"""A private network with processes in it, which end together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

INSIDE = Path(__file__).with_name("inside")
"""Programs that run in there."""


class Unavailable(Exception):
    """This machine does not let us make namespaces; says why."""


@dataclass(frozen=True)
class Program:
    """What a container runs."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=lambda: {"PATH": os.environ["PATH"]})
    mounts: Sequence[tuple[Path, str]] = ()
    """Folder or file of this machine, and the path at which the program sees it."""
    cwd: str = "/"


def check() -> None:
    """Whether a network can be made here.

    Raises:
        Unavailable: it cannot; says why.
    """
    with tempfile.TemporaryDirectory() as logs:
        Network(Path(logs)).close()


class Network:
    """Network namespace whose programs see each pod and Service of a cluster as addresses of one machine.

    Root is not needed where the system lets users make namespaces.
    """

    def __init__(self, logs: Path) -> None:
        """Make it.

        Arguments:
            logs: folder for the programs' output.

        Raises:
            Unavailable: namespaces cannot be made here.
        """
        self._logs = logs
        as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
        command = ["unshare", *as_root, "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        try:
            self._holder = subprocess.Popen(
                [*command, sys.executable, INSIDE / "holder.py"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        except OSError as error:
            raise Unavailable(f"a private network needs the program unshare (util-linux): {error}") from None
        assert self._holder.stdout is not None
        assert self._holder.stderr is not None
        if not self._holder.stdout.readline():
            said = self._holder.stderr.read().strip().splitlines()
            self.close()
            raise Unavailable(f"this machine lets us make no namespaces: {said[-1] if said else 'no reason given'}")

    def start(self, name: str, program: Program) -> None:
        """Start a program under a name."""
        self._ask(
            do="start",
            name=name,
            argv=[str(word) for word in program.argv],
            env=dict(program.env),
            mounts=[(str(source), target) for source, target in program.mounts],
            cwd=program.cwd,
            log=str(self._logs / f"{name}.log"),
        )

    def stop(self, name: str, patience: float = 20.0) -> float:
        """End a program; after `patience` seconds by force. Returns the seconds that it took."""
        return self._ask(do="stop", name=name, patience=patience)["seconds"]

    def check(self, name: str) -> None:
        """Fail, with the end of its output, where a program has ended by itself."""
        code = self._ask(do="poll", name=name)["code"]
        assert code is None, f"{name} ended with {code}:\n{self.log(name)}"

    def log(self, name: str, lines: int = 40) -> str:
        """The end of a program's output, without what asking again and again leaves in a hub's."""
        text = (self._logs / f"{name}.log").read_text(errors="replace")
        told = [line for line in text.splitlines() if " 200 GET " not in line and "Skipping XSRF" not in line]
        return "\n".join(told[-lines:])

    def close(self) -> None:
        """End every program."""
        for stream in (self._holder.stdin, self._holder.stdout, self._holder.stderr):
            if stream:
                stream.close()
        try:
            self._holder.wait(10)
        except subprocess.TimeoutExpired:
            self._holder.kill()
            self._holder.wait()

    def _ask(self, **command: Any) -> dict[str, Any]:
        assert self._holder.stdin is not None
        assert self._holder.stdout is not None
        self._holder.stdin.write(json.dumps(command) + "\n")
        self._holder.stdin.flush()
        return json.loads(self._holder.stdout.readline())
