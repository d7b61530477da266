"""What only the engine knows of a change: its own preview against each stack's cluster and backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from hubstack.errors import HubstackError

if TYPE_CHECKING:  # an offline review does not pay for the engine's API
    from hubstack.lifecycle.updates import Updater

T = TypeVar("T")
R = TypeVar("R")
AT_ONCE = 2
"""Previews that run side by side; each takes an engine, a program and two providers, some 500 MB."""


@dataclass(frozen=True)
class EngineView:
    """The engine's preview of one stack."""

    steps: tuple[tuple[str, str], ...] = ()
    """Operation and ``Type name`` of what does not stay as it is; drift is an operation that nobody asked for."""
    error: str | None = None
    """Why there is no preview: the cluster does not answer, the stack is not deployed, or the program refused."""
    switch: str | None = None
    """What happens instead of the preview's steps where the mode is switched."""

    @property
    def destructive(self) -> tuple[str, ...]:
        """What would be deleted or replaced."""
        return tuple(f"{operation} {name}" for operation, name in self.steps if operation in ("delete", "replace"))


def preview_all(stacks: Sequence[str], open_updater: Callable[[str], Updater]) -> dict[str, EngineView]:
    """Preview stacks side by side; one that fails stops no other, and nothing is changed anywhere.

    Arguments:
        stacks: names of the stacks.
        open_updater: gives the engine on a stack; must not create stacks.
    """
    return dict(zip(stacks, side_by_side(lambda name: _preview(name, open_updater), stacks), strict=True))


def side_by_side(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """What `work` gives for each item, `AT_ONCE` at a time, in the order of the items."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(work, items))


def _preview(name: str, open_updater: Callable[[str], Updater]) -> EngineView:
    try:
        updater = open_updater(name)
        if switch := updater.switching():
            return EngineView(switch=switch)
        return EngineView(tuple(updater.preview(refresh=True).steps))
    except HubstackError as error:
        return EngineView(error=str(error))
