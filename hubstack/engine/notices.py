"""What an operation says while it runs, for whoever shows it: a terminal, a rollout's screen, or nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.text import Text


@dataclass(frozen=True)
class Notice:
    """One thing that is worth saying."""

    kind: Literal["step", "message", "started", "finished", "warning", "waiting"]
    """``step`` names a step of an update that begins, which is worth showing only while it lasts; ``started`` and
    ``finished`` are of a single resource, such as "creating Service hub"; ``waiting`` says what takes long."""
    text: str


Listener = Callable[[Notice], None]
"""Is called with each notice, in the thread of the operation."""


def ignore(_: Notice) -> None:
    """A listener that shows nothing."""


def on_console(console: Console) -> Listener:
    """A listener that prints one line for each notice, and nothing for the steps of an update."""

    def show(notice: Notice) -> None:
        if notice.kind == "step":
            return
        word, blank, rest = notice.text.partition(" ")
        line = {
            "message": (notice.text,),
            "started": ("  ", notice.text),
            "finished": ("  ", (word, "green"), blank, rest),
            "warning": (("warning", "yellow"), ": ", notice.text),
            "waiting": ("  ", (notice.text, "dim")),
        }[notice.kind]
        console.print(Text.assemble(*line), soft_wrap=True)

    return show
