"""Where commands print: results, progress, warnings and errors."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from hubstack.terminal import Terminal


def console(as_json: bool) -> Console:
    """Progress goes to standard error when standard output carries JSON."""
    return Terminal(stderr=as_json)


def error(what: object) -> None:
    """Print what ends a command."""
    Terminal(stderr=True).print(Text.assemble(("error:", "red"), f" {what}"), soft_wrap=True)


def warning(doubt: object) -> None:
    """Print what is doubtful."""
    Terminal(stderr=True).print(Text.assemble(("warning:", "yellow"), f" {doubt}"), soft_wrap=True)
