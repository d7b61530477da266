"""Paths of fields as people read and write them: ``spec.template.spec.containers[name=hub].image``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Item:
    """A step to the item of a list that has one field in common with it, such as a container by its name."""

    key: str
    value: Any

    def fits(self, item: Any) -> bool:
        """Whether this is the item."""
        return isinstance(item, Mapping) and item.get(self.key) == self.value


Step = str | int | Item
Path = tuple[Step, ...]

MISSING: Any = object()
"""In place of a field that is not there."""

_PLAIN = re.compile(r"[A-Za-z_][\w-]*")


def dotted(path: Sequence[Step]) -> str:
    """A path as text."""
    return "".join(map(_written, path)).removeprefix(".")


def _written(step: Step) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if isinstance(step, Item):
        return f"[{step.key}={step.value}]"
    if _PLAIN.fullmatch(step):
        return f".{step}"
    quoted = step.replace("\\", "\\\\").replace('"', '\\"')
    return f'["{quoted}"]'


def is_at_or_below(path: str, top: str) -> bool:
    """Whether a path as text is another one, or leads on from it."""
    return not top or path == top or (path.startswith(top) and path[len(top)] in ".[")


def at(value: Any, path: Sequence[Step]) -> Any:
    """What is at a path; `MISSING` where there is nothing."""
    for step in path:
        if isinstance(step, str):
            value = value.get(step, MISSING) if isinstance(value, Mapping) else MISSING
        elif not isinstance(value, list):
            return MISSING
        elif isinstance(step, int):
            value = value[step] if step < len(value) else MISSING
        else:
            value = next((each for each in value if step.fits(each)), MISSING)
        if value is MISSING:
            return MISSING
    return value


def index_of(items: Sequence[Any], step: Item) -> int | None:
    """Where in a list an item is."""
    return next((index for index, each in enumerate(items) if step.fits(each)), None)
