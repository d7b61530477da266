"""How the command line presents itself: an option that is on or off takes no value, and its help shows none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class App(typer.Typer):
    """A group of commands with such help."""

    def __init__(self, **options: Any) -> None:
        """Make a group; options are typer's."""
        super().__init__(cls=_Group, no_args_is_help=True, pretty_exceptions_enable=False, **options)

    def command(self, name: str | None = None, **options: Any) -> Callable[[Any], Any]:
        """Add a command; options are typer's.

        Arguments:
            name: of the command; the function's by default.
            options: as typer has them.
        """
        return super().command(name, cls=_Command, **options)


def _without_types(parameters: list[Any]) -> list[Any]:
    for each in parameters:
        if getattr(each, "is_bool_flag", False):
            each.metavar = ""
    return parameters


class _Command(TyperCommand):
    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))


class _Group(TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))
