"""What is going on in a rollout, shown as it happens: live, line by line, or as JSON."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hubstack.safe_text import json_without_commands, visible, visible_lines

COLOURS = {
    "succeeded": "green",
    "failed": "red",
    "unreachable": "yellow",
    "no-credentials": "yellow",
    "transient": "yellow",
    "flaky": "yellow",
    "refused": "red",
}


class Progress(Protocol):
    """Shows what happens in a rollout."""

    def event(self, kind: str, **facts: Any) -> None:
        """Something happened: `kind` is ``rollout``, ``wave``, ``stack``, ``doing``, ``gate``, ``wait`` or ``end``."""

    def ask(self, question: str) -> bool:
        """Ask the person who looks on; no where there is none."""

    def close(self) -> None:
        """Nothing more will happen."""


REMIND_SECONDS = 30.0
"""How often a log gets a line about what is still awaited."""


class Lines:
    """One line for each event, for a terminal that is none and for logs, and one now and then while nothing happens."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._running: dict[str, tuple[float, str]] = {}
        self._awaited: tuple[float, str] | None = None
        self._closed = threading.Event()
        threading.Thread(target=self._remind, daemon=True).start()

    def event(self, kind: str, **facts: Any) -> None:
        """Print it; what a stack is doing in detail is shown only where it takes long."""
        with self._lock:
            stack, now = facts.get("stack", ""), time.monotonic()
            if kind == "doing":
                self._running[stack] = (self._running.get(stack, (now, ""))[0], facts["doing"])
                return
            if kind == "stack":
                self._running.pop(stack, None)
            self._awaited = (now, str(facts.get("reason", ""))) if kind == "wait" else None
            self._print(line(kind, facts))

    def ask(self, question: str) -> bool:
        """Nobody is there to answer."""
        return False

    def close(self) -> None:
        """No more lines."""
        self._closed.set()

    def _print(self, text: Text) -> None:
        with _whoever_listens():
            self._console.print(Text.assemble(f"{time.strftime('%H:%M:%S')} ", text), soft_wrap=True)

    def _remind(self) -> None:
        """Say what is still awaited, so that a log shows that somebody waits, and what for."""
        while not self._closed.wait(REMIND_SECONDS):
            with self._lock:
                now = time.monotonic()
                for stack, (since, doing) in sorted(self._running.items()):
                    if now - since >= REMIND_SECONDS:
                        self._print(Text(f"  {visible(stack)}: after {now - since:.0f} s: {visible(doing)}"))
                if self._awaited and not self._running:
                    since, reason = self._awaited
                    self._print(Text(f"still waiting after {now - since:.0f} s: {visible(reason)}"))


class JsonLines:
    """One JSON object a line, for machines."""

    def __init__(self, write: Callable[[str], object] | None = None) -> None:
        self._write = write or (lambda text: print(json_without_commands(text), flush=True))
        self._lock = threading.Lock()

    def event(self, kind: str, **facts: Any) -> None:
        """Print it with the time, seconds since the epoch."""
        with self._lock, _whoever_listens():
            self._write(json.dumps({"event": kind, "time": round(time.time(), 3), **facts}, default=str))

    def ask(self, question: str) -> bool:
        """Nobody is there to answer."""
        return False

    def close(self) -> None:
        """Nothing to do."""


class Screen:
    """What has ended scrolls by; below it, the stacks that are under way."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._running: dict[str, tuple[float, str]] = {}
        self._title = Text()
        self._lock = threading.Lock()
        self._live = Live(console=console, refresh_per_second=4, transient=True, get_renderable=self._draw)
        self._live.start()

    def event(self, kind: str, **facts: Any) -> None:
        """Show it."""
        with self._lock:
            stack = facts.get("stack", "")
            if kind == "doing":
                self._running[stack] = (self._running.get(stack, (time.monotonic(), ""))[0], facts["doing"])
                return
            if kind == "stack":
                self._running.pop(stack, None)
            if kind == "wait":
                self._title = line(kind, facts)
                return
            self._title = Text()
        with _whoever_listens():
            self._console.print(line(kind, facts), soft_wrap=True)

    def ask(self, question: str) -> bool:
        """Ask, with the lower part out of the way."""
        self._live.stop()
        try:
            return self._console.input(f"{visible(question)} [y/N] ", markup=False).strip().lower() in ("y", "yes")
        except EOFError:
            return False
        finally:
            self._live.start()

    def close(self) -> None:
        """Take the lower part away."""
        self._live.stop()

    def _draw(self) -> Group:
        table = Table.grid(padding=(0, 2))
        with self._lock:
            for stack, (since, doing) in sorted(self._running.items()):
                table.add_row(Text(f"  {visible(stack)}"), f"{time.monotonic() - since:4.0f} s", Text(visible(doing)))
            return Group(table, self._title)


def _whoever_listens() -> AbstractContextManager[None]:
    """A reader that has gone away, such as a closed terminal, is no reason to end a rollout."""
    return suppress(OSError, SystemExit)  # rich makes a SystemExit of a broken pipe


def line(kind: str, facts: dict[str, Any]) -> Text:
    """An event in words, with its state in colour."""
    state, reason = str(facts.get("state", "")), visible_lines(facts.get("reason", ""))
    shown = (state, COLOURS.get(state, ""))
    because = f": {reason}" if reason else ""
    if kind == "stack":
        took = f" ({facts['seconds']:.1f} s)" if facts.get("seconds") else ""
        return Text.assemble(f"  {visible(facts['stack'])}: ", shown, took, because)
    if kind == "gate":
        return Text.assemble(f"  {visible(facts['stack'])}: gate {visible(facts['gate'])} ", shown, because)
    if kind == "wave":
        return Text.assemble(f"wave {visible(facts['wave'])}: ", shown, because)
    if kind == "wait":
        return Text(f"waiting{because}")
    return Text.assemble(f"{kind} {visible(facts.get('rollout', ''))}: ", shown, because)


def choose(console: Console, *, as_json: bool) -> Progress:
    """The kind of progress that suits whoever reads."""
    if as_json:
        return JsonLines()
    return Screen(console) if console.is_terminal else Lines(console)
