"""kill -9 of one process of an update, at a moment that a seed decides."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

VICTIMS = ("command", "engine", "program", "provider")
EXPECTED = {"up": 7.0, "change": 4.0, "adopt": 3.0, "take over": 8.0, "switch": 12.0, "destroy": 6.0}
"""Seconds that an operation takes about, for moments that are spread over all of it; each run corrects them."""
PATIENCE = 300
"""Seconds after which an operation counts as hanging."""


@dataclass
class Killer:
    """Chooses who dies, and when."""

    seed: int
    expected: dict[str, float] = field(default_factory=lambda: dict(EXPECTED))

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._turn = 0

    def strike(self, operation: str, running: subprocess.Popen[str]) -> tuple[str | None, str]:
        """Kill one process of a running command.

        Arguments:
            operation: a key of `EXPECTED`.
            running: the command; it has ended afterwards.

        Returns:
            Who was killed and when, such as ``engine after 3.2 s``; None where the command had ended before. And the
            command's output.
        """
        moment = self._chance.uniform(0.0, self.expected[operation])
        victim = VICTIMS[self._turn % len(VICTIMS)]
        self._turn += 1
        started = time.monotonic()
        try:
            output, _ = running.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            killed = self._kill(victim, running)
        else:
            self.expected[operation] = max(1.0, time.monotonic() - started)
            return None, output
        after = time.monotonic() - started
        if killed == "command":
            output = ""  # what an engine that has lost its command writes, nobody reads
            running.wait(PATIENCE)
        else:
            output, _ = running.communicate(timeout=PATIENCE)
        return (f"{killed} after {after:.1f} s" if killed else None), output

    def _kill(self, victim: str, running: subprocess.Popen[str]) -> str | None:
        """Wait for the victim to be there, and end it; the command itself, where the victim never comes."""
        while running.poll() is None:
            if victim == "command":
                running.kill()
                return victim
            for pid, role in _roles(running.pid).items():
                if role == victim:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        continue
                    return victim
            time.sleep(0.02)
        return None


def _roles(command: int) -> Mapping[int, str]:
    """What each process below a command does for it."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = [(int(pid), int(parent)) for pid, parent in (line.split() for line in listing.splitlines())]
    below = {command}
    while more := {pid for pid, parent in parents if parent in below} - below:
        below |= more
    found = {}
    for pid in below - {command}:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        name = Path(words[0]).name
        if name == "pulumi":
            found[pid] = "engine"
        elif name.startswith("pulumi-resource-kubernetes"):
            found[pid] = "provider"
        elif any("pulumi-language-python-exec" in word for word in words):
            found[pid] = "program"
    return found
