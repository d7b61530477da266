"""A YAML text as a tree of nodes, within limits that no consumer of the tree has to check again.

The C parser composes by recursion, and 50,000 brackets end the whole process there. It calls `descend_resolver` before
each node and `ascend_resolver` after it, so the limits are kept while it reads: the first node too deep or too many
stops it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from hubstack.reading.errors import Unreadable
from hubstack.reading.files import MOST_BYTES

DEEPEST = 100
"""Levels of maps and lists. Real files have a dozen; recursion over a tree of so few needs no care."""
MOST_NODES = 50_000
"""Keys and values, those of aliases counted wherever they are used. The largest file of a real hub has a thousand."""
MOST_TEXT = 2 * MOST_BYTES
"""Characters of all texts, those of aliases counted wherever they are used."""

TOO_DEEP = f"maps and lists are nested more than {DEEPEST} levels deep"
TOO_MANY = f"it has more than {MOST_NODES:,} keys and values"
_ANCHOR = re.compile(r"&(?<![^\s\[{,:?-]&)[^\s&]")
"""What each anchor looks like, and little else; most files have none, and need no second look."""


class Composer(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Builds nodes, and stops at a limit."""

    most_nodes = MOST_NODES

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._levels_left = DEEPEST
        self._nodes_left = self.most_nodes

    def descend_resolver(self, parent: yaml.Node | None, index: Any) -> None:
        """Called before each node; that a text has paths of its own for tags is not used here."""
        self._levels_left = levels = self._levels_left - 1
        self._nodes_left = nodes = self._nodes_left - 1
        if levels < 0 or nodes < 0:
            raise node_error(parent, TOO_DEEP if levels < 0 else TOO_MANY)

    def ascend_resolver(self) -> None:
        """Called after each node."""
        self._levels_left += 1


class LargeComposer(Composer):
    """For the index of a chart repository, which has an entry for each version that there ever was."""

    most_nodes = 100 * MOST_NODES


def compose(text: str, source: str, composer: type[Composer] = Composer, *, only_one: bool = False) -> yaml.Node | None:
    """The first document of a YAML text; None where there is none.

    Arguments:
        text: the YAML.
        source: name for messages, such as the file's path.
        composer: gives nodes their tags.
        only_one: whether further documents are an error.

    Raises:
        Unreadable: it is not YAML, or beyond a limit; says in which line.
    """
    try:
        loader = composer(text)
    except yaml.YAMLError as error:  # the parser in Python looks for strange characters at once
        raise explained(error, source, text) from None
    except UnicodeEncodeError:
        raise Unreadable(source, "not valid YAML: it has half of a surrogate pair") from None
    try:
        node: yaml.Node | None = loader.get_node() if loader.check_node() else None
        if only_one and node is not None and loader.check_node():
            raise Unreadable(source, "not valid YAML: it has more than one document")
        if node is not None and "*" in text and _ANCHOR.search(text):
            _Aliases().measure(node)
    except yaml.YAMLError as error:
        raise explained(error, source, text) from None
    finally:
        loader.dispose()
    return node


def node_error(node: yaml.Node | None, reason: str) -> yaml.MarkedYAMLError:
    """An error of a node's place."""
    return yaml.MarkedYAMLError(problem=reason, problem_mark=node.start_mark if node else None)


def explained(error: yaml.YAMLError, source: str, text: str = "") -> Unreadable:
    """A parser's error in one line. Its own text would quote the line of the file."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text.encode()[: error.position].count(b"\n") + 1
        return Unreadable(source, f"not valid YAML: a control character (#x{error.character:02x})", line)
    mark = getattr(error, "problem_mark", None)
    message = f"not valid YAML: {getattr(error, 'problem', None) or 'it is broken'}"
    lines = text.splitlines()
    if mark and (glued := _glued(lines, mark.line)):
        message += f"; is there a blank missing behind the colon in line {glued}?"
    elif mark and any(_TAB.match(line) for line in lines[mark.line : mark.line + 1]):
        message += "; the line is indented with a tab: write blanks"
    elif mark and any(_TEMPLATE.search(line) for line in lines[max(mark.line - 1, 0) : mark.line + 1]):
        message += "; it looks like a template that nothing has filled in"
    return Unreadable(source, message, mark.line + 1, mark.column + 1) if mark else Unreadable(source, message)


_TAB = re.compile(r" *\t")
_TEMPLATE = re.compile(r"\{\{|\{%|<<\s*[^\s:]|<%|\$\{")
"""What templates of Helm, Jinja, ERB, and of a shell have where something is to be put."""
_GLUED = re.compile(r"\s*(- )?[\w.-]+:[^\s:/]\S*\s*")
"""A line such as ``enabled:true``, which is one text to YAML."""


def _glued(lines: list[str], at: int) -> int | None:
    """Number of a line like that, at an error's place or just before it."""
    return next((line + 1 for line in (at, at - 1) if 0 <= line < len(lines) and _GLUED.fullmatch(lines[line])), None)


def duplicates(node: yaml.Node) -> Iterator[tuple[str, int]]:
    """Keys that a map has twice, with their lines; YAML keeps the last without a word."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    yield key.value, key.start_mark.line + 1
                seen.add(key.value)
            yield from duplicates(value)
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from duplicates(each)


def further_document(text: str) -> int | None:
    """The line in which a second document begins that holds something, for what reads the first alone.

    Arguments:
        text: YAML whose first document can be read.
    """
    if not _PARTED.search(text):
        return None
    documents = 0
    starts_at = 0
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if isinstance(event, yaml.DocumentStartEvent):
                documents, starts_at = documents + 1, event.start_mark.line + 1 if event.start_mark else 0
            elif (
                documents > 1
                and isinstance(event, yaml.NodeEvent)
                and getattr(event, "value", True) not in ("", "null")
            ):
                return starts_at
    except yaml.YAMLError:
        return starts_at if documents > 1 else None
    return None


_PARTED = re.compile(r"^---(\s|$)", re.MULTILINE)


class _Aliases:
    """What a document with aliases would be if each were written out."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, int, int]] = {}
        self._open: set[int] = set()

    def measure(self, node: yaml.Node) -> tuple[int, int, int]:
        """Levels, nodes and characters of a node."""
        if isinstance(node, yaml.ScalarNode):
            return 1, 1, len(node.value)
        key = id(node)
        if key in self._known:
            return self._known[key]
        if key in self._open:
            raise node_error(node, "an anchor's value contains itself")
        self._open.add(key)
        members = node.value
        if isinstance(node, yaml.MappingNode):
            members = (each for pair in members for each in pair)
        levels, nodes, characters = 0, 1, 0
        for member in members:
            deep, many, long = self.measure(member)
            levels, nodes, characters = max(levels, deep), nodes + many, characters + long
        if levels >= DEEPEST:
            raise node_error(node, TOO_DEEP)
        if nodes > MOST_NODES or characters > MOST_TEXT:
            raise node_error(node, "the document refers to itself too often")
        self._open.discard(key)
        self._known[key] = levels + 1, nodes, characters
        return self._known[key]
