"""Both sides of one stack's change, as impact rules look at it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from hubstack.chart import values_tree
from hubstack.review.changes import ObjectChange
from hubstack.review.rendering import Rendered
from hubstack.review.setting_changes import ChangedSetting

TOLD = 6
"""Settings that one sentence names; the table has all of them."""


@dataclass(frozen=True)
class Change:
    """Both sides of one stack, the objects that differ, and the settings that do."""

    base: Rendered
    head: Rendered
    objects: tuple[ObjectChange, ...]
    rows: tuple[ChangedSetting, ...] = ()

    def settings(self, path: str) -> tuple[Any, Any]:
        """A setting on both sides; None where it is not set."""
        return at(self.base.values, path), at(self.head.values, path)

    def differs(self, *paths: str) -> bool:
        """Whether any of these settings differs."""
        return any(before != after for before, after in map(self.settings, paths))

    def changed(self, *patterns: str) -> list[ChangedSetting]:
        """The settings that differ at or below one of some paths; ``*`` is any text without a dot, ``**`` any
        at all.
        """
        matches = [_pattern(pattern) for pattern in patterns]
        return [row for row in self.rows if any(each.match(row.path) for each in matches)]

    def action(self, kind: str, component: str) -> str | None:
        """What happens to the object of a kind with a component label."""
        of_kind = (each for each in self.objects if each.name.startswith(f"{kind}/"))
        return next((each.action for each in of_kind if self.component(each) == component), None)

    def component(self, changed: ObjectChange) -> str | None:
        """The label that tells which part of the hub an object is of, however objects are named."""
        manifest = self.head.objects.get(changed.name) or self.base.objects.get(changed.name) or {}
        label: str | None = manifest.get("metadata", {}).get("labels", {}).get("component")
        return label


def at(tree: Any, path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    return values_tree.at(tree, *path.split("."))


def section(tree: Any, path: str) -> Mapping[str, Any]:
    """The map at a dotted path; an empty one where there is none, as with a chart whose settings nobody has checked."""
    found = at(tree, path)
    return found if isinstance(found, Mapping) else {}


def entries(tree: Any, path: str) -> list[Any]:
    """The list at a dotted path; an empty one where there is none."""
    found = at(tree, path)
    return found if isinstance(found, list) else []


Condition = Callable[[Change], Iterator[str]]
"""Yields a detail for each time that a rule applies."""


def rows(*patterns: str, but: tuple[str, ...] = ()) -> Condition:
    """Applies once where settings differ, and names them with both values.

    Arguments:
        patterns: paths of settings, as `Change.changed` takes them.
        but: paths below them that other rules tell of.
    """

    def applies(change: Change) -> Iterator[str]:
        others = change.changed(*but)
        found = [row for row in change.changed(*patterns) if row not in others]
        if found:
            yield in_words(found)

    return applies


def in_words(found: list[ChangedSetting]) -> str:
    """Settings with both values, the first of them where there are many."""
    more = f"; and {len(found) - TOLD} more in the table" if len(found) > TOLD else ""
    return f"{'; '.join(map(str, found[:TOLD]))}{more}"


@cache
def _pattern(path: str) -> re.Pattern[str]:
    wild = {"*": r"[^.\[]*", "**": ".*"}
    text = "".join(wild.get(part) or re.escape(part) for part in re.split(r"(\*\*?)", path))
    return re.compile(rf"{text}(?=$|[.\[ ])")
