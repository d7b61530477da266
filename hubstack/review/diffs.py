"""Diffs of objects as YAML: only what differs, below the keys that lead to it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hubstack.chart import helm_yaml

CONTEXT_LINES = 3
MORE = "\N{HORIZONTAL ELLIPSIS}"
_FOLLOWS = re.compile(r"chart|helm\.sh/chart|app\.kubernetes\.io/version|checksum[/_].*")
"""Keys that say which chart made an object, or that another object differs, which is shown itself."""
_KEY = re.compile(r"\s*[\"']?([\w./-]+)[\"']?:( |$)")


def unified(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What differs between two objects, without what only follows from other changes unless nothing else differs."""
    old, new = _differing(before, after)
    quiet = _without(old), _without(new)
    return _diff(*quiet) if quiet[0] != quiet[1] else _diff(old, new)


def _differing(before: Any, after: Any) -> tuple[Any, Any]:
    """Both values without what is equal in them; what names a member of a list stays."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return _maps(before, after)
    if isinstance(before, list) and isinstance(after, list):
        return _lists(before, after)
    return before, after


def _maps(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    old, new = dict(before), dict(after)
    for key in before.keys() & after.keys():
        if before[key] == after[key]:
            del old[key], new[key]
        else:
            old[key], new[key] = _differing(before[key], after[key])
    if old and new:
        return old, new
    # Without a word for the rest, one side would look as if it were empty.
    rest = {MORE: f"{len(before) - len(old)} more"} if len(before) > len(old) else {}
    return {**rest, **old}, {**rest, **new}


def _lists(before: list[Any], after: list[Any]) -> tuple[list[Any], list[Any]]:
    if len(before) == len(after):
        pairs = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
        small = [_differing(*pair) for pair in pairs]
        old = [_named(each[0], pair[0]) for each, pair in zip(small, pairs, strict=True)]
        return old, [_named(each[1], pair[1]) for each, pair in zip(small, pairs, strict=True)]
    old = [member for member in before if member not in after]
    new = [member for member in after if member not in before]
    if not old and not new:
        return before, after
    rest = [f"{MORE} {len(before) - len(old)} more"] if len(before) > len(old) else []
    return [*rest, *old], [*rest, *new]


def _named(small: Any, whole: Any) -> Any:
    return {"name": whole["name"], **small} if isinstance(small, dict) and "name" in whole else small


def _without(value: Any) -> Any:
    """A value without the keys of `_FOLLOWS`, and without maps that have nothing else."""
    if not isinstance(value, Mapping):
        return value
    kept = {key: _without(member) for key, member in value.items() if not _FOLLOWS.fullmatch(str(key))}
    return {key: member for key, member in kept.items() if member or not value[key]}


def _diff(before: Any, after: Any) -> str:
    old, new = (helm_yaml.dump(side).splitlines() if side else [] for side in (before, after))
    lines = list(difflib.unified_diff(old, new, lineterm="", n=CONTEXT_LINES))[2:]
    titled = (_title(line, old) if line.startswith("@@") else line for line in lines)
    return "\n".join(line for line in titled if line)


def _title(hunk: str, lines: Sequence[str]) -> str:
    """The head of a hunk with the path of its first line; blank for one that starts at the top."""
    start = int(hunk.split()[1].lstrip("-").partition(",")[0]) - 1
    return f"{hunk} {_path(lines, start)}".rstrip() if start > 0 else ""


def _path(lines: Sequence[str], place: int) -> str:
    """Keys that lead to a line; members of lists have none."""
    keys: list[str] = []
    level = _level(lines[place]) if place < len(lines) else 0
    for line in reversed(lines[:place]):
        if _level(line) < level:
            level = _level(line)
            if key := _KEY.match(line):
                keys.append(key[1])
    return ".".join(reversed(keys))


def _level(line: str) -> int:
    """How deep a line is; a list's member is deeper than the key above it, which may stand at the same place."""
    text = line.lstrip()
    return 2 * (len(line) - len(text)) + text.startswith("- ")
