"""Questions to a merged tree of values, whatever its types are."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any


def copied(tree: Any) -> Any:
    """A copy of a tree of our own, which has nothing but maps, lists and plain values, and none of these twice.

    Some ten times as fast as `deepcopy`, which what somebody else wrote needs.
    """
    if isinstance(tree, dict):
        return {key: copied(member) for key, member in tree.items()}
    return [copied(member) for member in tree] if isinstance(tree, list) else tree


def at(tree: Any, *path: str) -> Any:
    """The value at a path; None where there is none."""
    for step in path:
        if not isinstance(tree, Mapping):
            return None
        tree = tree.get(step)
    return tree


def maps(value: Any) -> list[Mapping[str, Any]]:
    """The members of a list that are maps; none where it is no list."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def without(tree: Any, paths: Iterable[Sequence[str | int]]) -> Any:
    """A copy of a tree without what is at some paths, if it is there; an item of a list becomes null."""
    copy = deepcopy(tree)
    for path in paths:
        parent: Any = copy
        for step in path[:-1]:
            parent = _member(parent, step)
        if isinstance(parent, dict):
            parent.pop(path[-1], None)
        elif _member(parent, path[-1]) is not None:
            parent[path[-1]] = None
    return copy


def _member(tree: Any, step: str | int) -> Any:
    if isinstance(tree, list):
        return tree[step] if isinstance(step, int) and step < len(tree) else None
    return at(tree, str(step))


def unwritable(tree: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Path and message of what no values file can hold, because JSON and YAML have no way of writing it."""
    if isinstance(tree, Mapping):
        for key, member in tree.items():
            here = f"{path}.{key}" if path else key
            yield from ((here.encode(errors="replace").decode(), message) for message in _half_a_character(key))
            yield from unwritable(member, here)
    elif isinstance(tree, list):
        for index, member in enumerate(tree):
            yield from unwritable(member, f"{path}[{index}]")
    elif isinstance(tree, str):
        yield from ((path, message) for message in _half_a_character(tree))
    elif isinstance(tree, float) and not math.isfinite(tree):
        yield path, f"{tree} is not a number that JSON knows; leave it out, or put it in quotes to mean the text"


def _half_a_character(text: str) -> Iterator[str]:
    if not text.isascii() and re.search("[\ud800-\udfff]", text):
        yield "holds half of a character (a lone surrogate, \\ud800 to \\udfff); write the whole character"


def makes_autohttps(tree: Any) -> bool:
    """Whether the chart makes the pod for automatic HTTPS."""
    https = at(tree, "proxy", "https")
    return bool(at(https, "enabled") and at(https, "type") == "letsencrypt" and at(https, "hosts"))


def pulls_images(tree: Any) -> bool:
    """Whether the chart makes an image puller."""
    return bool(at(tree, "prePuller", "hook", "enabled") or at(tree, "prePuller", "continuous", "enabled"))
