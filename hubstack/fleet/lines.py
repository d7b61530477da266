"""A YAML file with the line of each of its parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from hubstack.chart.errors import Problem, SettingsError


class Lines:
    """Where each part of a YAML document stands."""

    def __init__(self, root: yaml.Node) -> None:
        self._root = root

    def line(self, path: Sequence[str | int]) -> int:
        """Line, from 1, of a path or of the longest part of it that the document has."""
        node, line = self._root, self._root.start_mark.line
        for step in path:
            entry = self._entry(node, step)
            if entry is None:
                break
            node, line = entry
        return line + 1

    def _entry(self, node: yaml.Node, step: str | int) -> tuple[yaml.Node, int] | None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    return value, key.start_mark.line
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            return node.value[step], node.value[step].start_mark.line
        return None


def document(file: Path) -> tuple[dict[str, Any], Lines]:
    """A file's content, and where its parts stand.

    Raises:
        SettingsError: it cannot be read, is no YAML map, or has a key twice.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SettingsError([Problem(file.name, "", f"cannot be read: {reason}")]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file.name}:{mark.line + 1}" if mark else file.name
        raise SettingsError([Problem(where, "", f"not valid YAML: {getattr(error, 'problem', error)}")]) from None
    if node is None or not isinstance(document, dict):
        raise SettingsError([Problem(file.name, "", "must be a map with the keys stacks and waves")])
    if twice := list(_duplicates(node)):
        raise SettingsError([Problem(f"{file.name}:{line}", key, "is written twice") for key, line in twice])
    return document, Lines(node)


def _duplicates(node: yaml.Node) -> Iterator[tuple[str, int]]:
    """Keys that a map has twice; YAML would silently keep the last."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.value, key.start_mark.line + 1
            seen.add(key.value)
            yield from _duplicates(value)
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _duplicates(each)
