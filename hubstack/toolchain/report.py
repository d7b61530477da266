"""What people see while programs are fetched; also how the threads that fetch them learn of an interruption."""

from __future__ import annotations

import threading
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.text import Text

_TICK_SECONDS = 0.1


class Interrupted(Exception):
    """Somebody gave up; raised in the threads that work for them."""


class Report:
    """Bars on a terminal, else one plain line for each file; threads may share it."""

    def __init__(self, console: Console | None) -> None:
        self._console = console
        self._stop = threading.Event()
        self._bars = None
        if console is not None and console.is_terminal:
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
            )
            self._bars = Progress(*columns, console=console, transient=True)

    def __enter__(self) -> Report:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars:
            self._bars.stop()

    def stop(self) -> None:
        """Make all work on it end soon."""
        self._stop.set()

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._console is not None:
            self._console.print(Text(text), soft_wrap=True)

    def begin(self, text: str, origin: str) -> Task:
        """Start to work on a file; `origin` is shown only where there is no bar."""
        if not self._bars:
            self.say(f"{text} from {origin}")
            return Task(self, None, None)
        return Task(self, self._bars, self._bars.add_task(text, total=None))

    def check(self) -> None:
        """Raises Interrupted if the work is no longer wanted."""
        if self._stop.is_set():
            raise Interrupted

    def wait(self, event: threading.Event, deadline: float) -> None:
        """Wait for something until a time of `time.monotonic`. Raises Interrupted if the work is no longer wanted."""
        while not event.is_set() and (left := deadline - time.monotonic()) > 0:
            self.check()
            event.wait(min(_TICK_SECONDS, left))

    def sleep(self, seconds: float) -> None:
        """Wait. Raises Interrupted as soon as the work is no longer wanted."""
        if self._stop.wait(seconds):
            raise Interrupted


class Task:
    """Progress with one file."""

    def __init__(self, report: Report, bars: Progress | None, number: TaskID | None) -> None:
        self.report = report
        self._bars = bars
        self._number = number

    def update(self, done: int, total: int | None) -> None:
        """Bytes done so far, of so many. Raises Interrupted if the work is no longer wanted."""
        self.report.check()
        if self._bars is not None and self._number is not None:
            self._bars.update(self._number, completed=done, total=total)

    def end(self) -> None:
        """Take the bar away."""
        if self._bars is not None and self._number is not None:
            self._bars.remove_task(self._number)
