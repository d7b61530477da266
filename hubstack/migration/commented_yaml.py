"""Changes of a YAML file that somebody has written: comments, order and quotes of everything else stay."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from hubstack import reading
from hubstack.reading.composer import compose

if TYPE_CHECKING:
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap

COMMENT = re.compile(r"(?:^|\s)#.*$", re.MULTILINE)


def edited(text: str, top: Mapping[str, Any], config: Mapping[str, Any]) -> str | None:
    """The text of a stack's file with further keys; None where a comment would be lost, or it cannot be read.

    Arguments:
        text: the file as it is.
        top: keys for the head of the file, below the comment that it begins with.
        config: keys for the map ``config``: changed in place where they are, else put at its head.
    """
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.error import YAMLError

    try:
        reading.from_yaml(text, "")  # the editor itself knows no limits
        editor = _editor(text)
        document = editor.load(text)
    except (YAMLError, reading.Unreadable):
        return None
    if not isinstance(document, CommentedMap):
        return None
    if document.get("config") is None:
        document["config"] = CommentedMap()
    settings = document["config"]
    for key in config.keys() & settings.keys():
        _change(settings, key, config[key])
    if new := {key: value for key, value in config.items() if key not in settings}:
        _keep_first_comment(document, settings)
        for place, (key, value) in enumerate(new.items()):
            settings.insert(place, key, _node(value))
    for place, (key, value) in enumerate(top.items()):
        document.insert(place, key, _node(value))
    written = io.StringIO()
    editor.dump(document, written)
    changed = written.getvalue()
    return None if _comments(text) - _comments(changed) else changed


def _editor(text: str) -> YAML:
    """A reader and writer that indents as the text does."""
    from ruamel.yaml import YAML

    editor = YAML()
    editor.preserve_quotes = True
    editor.width = 10_000  # long ciphertexts stay on one line
    editor.representer.add_representer(
        type(None), lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    step = re.search(r"^[^\s#-][^\n]*:[ ]*\n(?:\s*#.*\n|\s*\n)*( +)[^\s#-]", text, re.MULTILINE)
    item = re.search(r"^( *)(?:- )?[^\s#-][^\n]*:[ ]*\n(?:\s*#.*\n|\s*\n)*( *)-( +)", text, re.MULTILINE)
    offset = max(0, len(item[2]) - len(item[1])) if item else 0
    width = len(item[3]) + 1 if item else 2
    editor.indent(mapping=len(step[1]) if step else 2, sequence=offset + width, offset=offset)
    editor.explicit_start = text.startswith("---")
    return editor


def _change(parent: MutableMapping[str, Any], key: str, value: Any) -> None:
    """Set a key in place; of a map, only what is different."""
    node = parent.get(key)
    if isinstance(node, MutableMapping) and isinstance(value, Mapping):
        for gone in [name for name in node if name not in value]:
            del node[gone]
        for name, member in value.items():
            _change(node, name, member)
    elif key not in parent or not (node == value or _change_items(node, value)):
        parent[key] = _node(value)


def _change_items(node: Any, value: Any) -> bool:
    """Make a list another one in place, where that only lacks items, and has new ones at its head.

    A comment below the list is tied to its last item.
    """
    from ruamel.yaml.comments import CommentedSeq

    if not isinstance(node, CommentedSeq) or not isinstance(value, list):
        return False
    kept, new = [each for each in node if each in value], [each for each in value if each not in node]
    if value != new + kept:
        return False
    below = node.ca.items.get(len(node) - 1)
    for index in reversed(range(len(node))):
        if node[index] not in value:
            del node[index]
    for each in reversed(new):
        node.insert(0, _node(each))
    if below is not None and node:
        node.ca.items.setdefault(len(node) - 1, below)
    return True


def _keep_first_comment(document: CommentedMap, settings: CommentedMap) -> None:
    """Tie the comment above the first setting to that setting, which will not be the first one any more.

    The reader ties it to the map, and to the map's own key.
    """
    if settings and (comment := settings.ca.comment) and comment[1]:
        of_key = settings.ca.items.setdefault(next(iter(settings)), [None, None, None, None])
        of_key[1] = [*comment[1], *(of_key[1] or [])]
        comment[1] = document.ca.items["config"][3] = None


def _node(value: Any) -> Any:
    """A value as the writer takes it; text that older rules of YAML read as something else is put in quotes."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if isinstance(value, Mapping):
        return CommentedMap((_node(key), _node(member)) for key, member in value.items())
    if isinstance(value, list):
        return CommentedSeq(_node(member) for member in value)
    if isinstance(value, str) and not _is_plain(value):
        return DoubleQuotedScalarString(value)
    return value


def _is_plain(text: str) -> bool:
    """Whether text without quotes is this text to PyYAML, too, which follows YAML 1.1."""
    try:
        node = compose(text, "")
    except reading.Unreadable:
        return False
    return node is not None and node.tag == "tag:yaml.org,2002:str" and node.value == text


def _comments(text: str) -> Counter[str]:
    return Counter(each.strip() for each in COMMENT.findall(text))
