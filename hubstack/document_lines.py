"""A YAML file with the line of each of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from hubstack import reading
from hubstack.chart.errors import Problem, SettingsError
from hubstack.reading.composer import compose, duplicates
from hubstack.reading.documents import from_node


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

    def first_line(self, path: Sequence[str | int]) -> int:
        """Line, from 1, in which the text at a path begins; that of a block (``|``) is below its key."""
        node: yaml.Node | None = self._root
        for step in path:
            entry = self._entry(node, step) if node else None
            node = entry[0] if entry else None
        if node is None:
            return self.line(path)
        is_block = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
        return int(node.start_mark.line) + (2 if is_block else 1)

    def _entry(self, node: yaml.Node, step: str | int) -> tuple[yaml.Node, int] | None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    return value, key.start_mark.line
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            return node.value[step], node.value[step].start_mark.line
        return None


def document(file: Path, keys: str) -> tuple[dict[str, Any], Lines]:
    """A file's content, and where its parts stand.

    Arguments:
        file: the file.
        keys: what messages say of the keys that it has to have.

    Raises:
        SettingsError: it cannot be read, is no YAML map, or has a key twice.
    """
    try:
        node = compose(reading.text(file, file.name), file.name, only_one=True)
        found = from_node(node, file.name) if node else None
        if node is None or not isinstance(found, dict):
            raise reading.Unreadable(file.name, f"must be a map with {keys}")
        document = reading.settings(found, file.name)
    except reading.Unreadable as error:
        where = f"{file.name}:{error.line}" if error.line else file.name
        raise SettingsError([Problem(where, "", error.message)]) from None
    if twice := list(duplicates(node)):
        raise SettingsError([Problem(f"{file.name}:{line}", key, "is written twice") for key, line in twice])
    return document, Lines(node)
