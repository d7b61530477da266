"""Where the commands print: texts are shown as they are, and steer neither a terminal nor a CI runner."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from hubstack.safe_text import json_without_commands, visible_lines, without_commands


class Terminal(Console):
    """A console for texts that others wrote. Colours are given by `rich.text.Text`, never inside of a text."""

    def __init__(self, *, stderr: bool = False, quiet: bool = False, soft_wrap: bool = False) -> None:
        """A console on one of the two streams.

        Arguments:
            stderr: whether it is standard error.
            quiet: whether nothing is printed.
            soft_wrap: whether long lines are left to whoever reads.
        """
        super().__init__(
            file=_Stream("stderr" if stderr else "stdout"),  # type: ignore[arg-type]
            quiet=quiet,
            soft_wrap=soft_wrap,
            emoji=False,
            markup=False,
            highlight=False,
        )

    def render_str(self, text: str, **options: Any) -> Text:
        """A text as it is measured and printed, with control characters as escapes."""
        return super().render_str(visible_lines(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Whatever is printed; texts that bring their own colours are made harmless here."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible_lines(segment.text))


class _Stream:
    """A standard stream, whichever it is at the moment, without orders to a CI runner."""

    def __init__(self, name: str) -> None:
        self._name = name

    def write(self, text: str) -> int:
        """Write a text."""
        return int(self._target.write(without_commands(text)))

    @property
    def _target(self) -> Any:
        stream = getattr(sys, self._name)
        # While rich draws something live, it stands in for the stream, and would print through here again.
        return getattr(stream, "rich_proxied_file", stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)


def write(text: str) -> None:
    """Print a text of several lines, such as a report, to standard output."""
    sys.stdout.write(without_commands(visible_lines(text)))


def write_error(text: str) -> None:
    """Print a text of several lines to standard error."""
    sys.stderr.write(without_commands(visible_lines(text)))


def write_json(data: Any, *, indent: int | None = None) -> None:
    """Print data as JSON to standard output; every text in it is exact, and none is an order to a CI runner."""
    print(json_without_commands(json.dumps(data, indent=indent, default=str)), flush=True)
