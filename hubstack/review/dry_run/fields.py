"""Fields of an object by the paths that an API server writes, such as ``spec.containers[0].name``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_STEP = re.compile(r'\.?([^.\[\]"]+)|\[(\d+)\]|\[((?:[^\]"]|"(?:[^"\\]|\\.)*")+)\]')


def values(tree: Any, path: str) -> Iterator[Any]:
    """What stands at a path; several values where the path leaves out which member of a list is meant."""
    return _below(tree, [match.groups() for match in _STEP.finditer(path)])


def _below(tree: Any, steps: list[tuple[str | None, ...]]) -> Iterator[Any]:
    if not steps:
        yield tree
        return
    key, index, chosen = steps[0]
    if isinstance(tree, Mapping):
        name = key if key is not None else _plain(chosen or index or "")
        if name in tree:
            yield from _below(tree[name], steps[1:])
    elif isinstance(tree, list) and key is not None:
        for member in tree:
            yield from _below(member, steps)
    elif isinstance(tree, list) and index is not None:
        yield from _below(tree[int(index)], steps[1:]) if int(index) < len(tree) else ()
    elif isinstance(tree, list):
        wanted = dict(each.partition("=")[::2] for each in (chosen or "").split(","))
        for member in tree:
            if isinstance(member, Mapping) and str(member.get("name")) == _plain(wanted.get("name", '"None"')):
                yield from _below(member, steps[1:])


def _plain(text: str) -> str:
    return str(json.loads(text)) if text.startswith('"') and text.endswith('"') else text


def members(tree: Any, path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every member of every map and list: its path, its key, which is blank in a list, and what stands there."""
    if isinstance(tree, Mapping):
        for key, member in tree.items():
            below = f"{path}.{key}" if path else str(key)
            yield below, str(key), member
            yield from members(member, below)
    elif isinstance(tree, list):
        for index, member in enumerate(tree):
            yield f"{path}[{index}]", "", member
            yield from members(member, f"{path}[{index}]")
