"""How an operation is shown: on a terminal one live row for each part of the hub, else one line a finished object."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hubstack.engine.notices import Listener, Notice
from hubstack.engine.things import Thing

SILENT_SECONDS = 15.0
"""Where no terminal shows how time passes, whoever waits so long for an object is told what it waits for."""
_TITLES = {"up": "Deploying", "destroy": "Destroying", "refresh": "Reading the cluster", "preview": "Comparing"}


def on_console(console: Console, title: str = "") -> Listener:
    """A listener that shows what goes on.

    Arguments:
        console: a terminal gets live rows, anything else gets lines.
        title: names the stack above the rows.
    """
    return Rows(console, title).tell if console.is_terminal and not console.quiet else Lines(console).tell


class Lines:
    """One line for each finished object; nothing for what only begins, and nothing for what stays as it is."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        """Print to a console; the clock gives seconds."""
        self._console = console
        self._clock = clock
        self._began: dict[Thing, float] = {}
        self._said: set[tuple[Thing, str]] = set()

    def tell(self, notice: Notice) -> None:
        """Take in a notice."""
        about = notice.about
        if notice.kind == "started" and about:
            self._began[about] = self._clock()
        elif notice.kind == "awaits" and about:
            waited = self._clock() - self._began.get(about, self._clock())
            if notice.text and waited >= SILENT_SECONDS and (about, notice.text) not in self._said:
                self._said.add((about, notice.text))
                self._print(f"  waiting for {about}, {waited:.0f} s: {notice.text}")
        elif notice.kind == "finished":
            word, _, rest = notice.text.partition(" ")
            if word != "unchanged":
                self._print("  ", (word, "green"), " ", rest)
        elif notice.kind in ("message", "warning", "waiting"):
            self._print(*_plain(notice))

    def _print(self, *parts: str | tuple[str, str]) -> None:
        self._console.print(Text.assemble(*parts), soft_wrap=True)


@dataclass
class Part:
    """One row: a part of the hub."""

    planned: set[str] = field(default_factory=set)
    begun: dict[Thing, float] = field(default_factory=dict)
    """What is under way, with the time of its begin."""
    done: set[Thing] = field(default_factory=set)
    first: float = 0.0
    last: float = 0.0
    """When the part began, and when its last object was finished."""
    waits: dict[Thing, str] = field(default_factory=dict)
    """What the provider says of an object that is under way."""

    @property
    def total(self) -> int:
        """Objects that are known of."""
        return max(len(self.planned), len(self.done) + len(self.begun))


class Rows:
    """A live table with a row for each part: how much of it is there, for how long, and what is waited for."""

    def __init__(self, console: Console, title: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Show nothing yet; the clock gives seconds."""
        self._console = console
        self._title = title
        self._clock = clock
        self._lock = threading.Lock()
        self._live: Live | None = None
        self._parts: dict[str, Part] = {}
        self._verb = ""
        self._began = 0.0

    def tell(self, notice: Notice) -> None:
        """Take in a notice."""
        if notice.kind == "begin":
            self._begin(notice.text)
        elif notice.kind == "end":
            self._end()
        elif notice.kind in ("message", "warning"):
            self._console.print(Text.assemble(*_plain(notice)), soft_wrap=True)
        elif notice.about:
            with self._lock:
                self._take(notice, notice.about)

    def _begin(self, verb: str) -> None:
        with self._lock:
            self._parts.clear()
        self._verb, self._began = verb, self._clock()
        self._live = Live(self, console=self._console, refresh_per_second=4, transient=verb != "up")
        self._live.start()

    def _end(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def _take(self, notice: Notice, about: Thing) -> None:
        part = self._parts.setdefault(about.part, Part())
        now = self._clock()
        if notice.kind == "planned":
            part.planned.add(notice.text)
        elif notice.kind == "started":
            part.first = part.first or now
            part.begun[about] = now
        elif notice.kind == "awaits" and notice.text:
            part.waits[about] = notice.text
        elif notice.kind == "finished":
            part.begun.pop(about, None)
            part.waits.pop(about, None)
            part.done.add(about)
            part.first, part.last = part.first or now, now

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table as it is now."""
        with self._lock:
            table = Table(box=None, padding=(0, 2, 0, 0), expand=True)
            title = " ".join(each for each in (_TITLES.get(self._verb, self._verb), self._title) if each)
            table.add_column(Text(f"{title}, {self._clock() - self._began:.0f} s"), no_wrap=True)
            table.add_column("", justify="right", no_wrap=True)
            table.add_column("", justify="right", no_wrap=True)
            table.add_column("waits for", no_wrap=True, overflow="ellipsis", ratio=1)
            for name, part in self._parts.items():
                table.add_row(*self._row(name, part))
            yield table

    def _row(self, name: str, part: Part) -> Iterator[Text]:
        now = self._clock()
        complete = len(part.done) >= part.total
        yield Text(name, "green" if complete else "")
        yield Text(f"{len(part.done)} of {part.total}")
        yield Text(f"{(part.last if complete else now) - part.first:.0f} s" if part.first else "")
        yield Text("" if complete else _awaited(part))


def _awaited(part: Part) -> str:
    """What a part waits for: the object that has been under way for longest, and why."""
    if not part.begun:
        return "" if part.done else "its turn"
    about = min(part.begun, key=lambda each: (not part.waits.get(each), part.begun[each]))
    why = part.waits.get(about)
    others = f" and {len(part.begun) - 1} more" if part.begun.keys() - {about} else ""
    return f"{about}{f': {why}' if why else ''}{others}"


def _plain(notice: Notice) -> tuple[str | tuple[str, str], ...]:
    return (("warning", "yellow"), ": ", notice.text) if notice.kind == "warning" else (notice.text,)
