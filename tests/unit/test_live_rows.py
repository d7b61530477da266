"""What people see while the engine works: live rows on a terminal, a line for each finished object elsewhere."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

from rich.console import Console

from hubstack.engine.notices import Notice
from hubstack.engine.progress import Lines, Rows
from hubstack.engine.things import Thing

HUB, PROXY = Thing("Deployment", "hub", "hub"), Thing("Service", "proxy-public", "proxy")
WAITS = "Waiting for app ReplicaSet to be available (0/1 Pods available)"


class Clock:
    """Seconds, as a test sets them."""

    now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def recorded() -> Console:
    """A console whose text is kept."""
    return Console(record=True, width=100, file=open(os.devnull, "w"), force_terminal=False)


def test_one_line_for_each_finished_object() -> None:
    """Nothing is said of what begins or stays; whoever waits long is told why, once."""
    console, clock = recorded(), Clock()
    lines = Lines(console, clock)
    lines.tell(Notice("started", "creating Deployment hub", HUB))
    lines.tell(Notice("awaits", WAITS, HUB))
    clock.now = 20
    lines.tell(Notice("awaits", WAITS, HUB))
    lines.tell(Notice("awaits", WAITS, HUB))
    lines.tell(Notice("finished", "unchanged Service proxy-public", PROXY))
    lines.tell(Notice("finished", "created Deployment hub", HUB))
    lines.tell(Notice("step", "run engine"))
    lines.tell(Notice("message", "a sentence"))
    assert console.export_text().splitlines() == [
        f"  waiting for Deployment hub, 20 s: {WAITS}",
        "  created Deployment hub",
        "a sentence",
    ]


def test_a_row_for_each_part() -> None:
    """How many of how many, for how long, and what is waited for; a part that is complete keeps its time."""
    clock = Clock()
    rows = Rows(Console(quiet=True), "dev, simulated", clock)
    rows.tell(Notice("planned", "Deployment a-hub-deployment", HUB))
    rows.tell(Notice("planned", "Service a-hub-service", Thing("Service", "a-hub-service", "hub")))
    rows.tell(Notice("planned", "Service a-proxy-public", PROXY))
    clock.now = 1
    rows.tell(Notice("started", "", HUB))
    rows.tell(Notice("started", "", PROXY))
    clock.now = 3
    rows.tell(Notice("finished", "", PROXY))
    rows.tell(Notice("awaits", WAITS, HUB))
    rows.tell(Notice("awaits", "", HUB))
    clock.now = 9
    rows._verb = "up"
    console = recorded()
    console.print(rows)
    shown = [re.split(r"\s{2,}", line.strip()) for line in console.export_text().splitlines()]
    assert shown == [
        ["Deploying dev, simulated, 9 s", "waits for"],
        ["hub", "0 of 2", "8 s", f"Deployment hub: {WAITS}"[:51] + shown[1][3][51:]],
        ["proxy", "1 of 1", "2 s"],
    ]


SCRIPT = """
from hubstack.engine.notices import Notice
from hubstack.engine.progress import on_console
from hubstack.engine.things import Thing
from hubstack.terminal import Terminal

tell = on_console(Terminal(), "dev")
hub = Thing("Deployment", "hub", "hub")
tell(Notice("begin", "up"))
tell(Notice("started", "creating Deployment hub", hub))
tell(Notice("message", "said meanwhile"))
tell(Notice("finished", "created Deployment hub", hub))
tell(Notice("end", "up"))
print("the end")
"""


def test_rows_on_a_terminal() -> None:
    """A real terminal: rows are drawn over each other, what is said stays above them, and the cursor comes back."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "90"}
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=theirs, stderr=theirs, env=environment) as running:
        os.close(theirs)
        drawn = b""
        try:
            while chunk := os.read(ours, 65536):
                drawn += chunk
        except OSError:
            pass  # the other end is closed
        assert running.wait() == 0
    os.close(ours)
    text = drawn.decode()
    assert "\x1b[?25l" in text
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert "said meanwhile\r\n" in plain
    last = plain.rpartition("Deploying")[2].split()
    assert last == ["dev,", "0", "s", "waits", "for", "hub", "1", "of", "1", "0", "s", "the", "end"]
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
