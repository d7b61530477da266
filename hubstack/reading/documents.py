"""YAML and JSON as data of JSON's types: maps with text as keys, lists, text, numbers, truth values and null."""

from __future__ import annotations

import base64
import binascii
import json
import re
from pathlib import Path
from typing import Any

import yaml

from hubstack.reading import files
from hubstack.reading.composer import DEEPEST, MOST_NODES, TOO_DEEP, TOO_MANY, Composer, compose, explained, node_error
from hubstack.reading.errors import Unreadable

_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_MOST_DIGITS = 300
"""Of a number; one of more is beyond what a float can hold."""

_NAME = re.compile(r"[\w.-]{1,100}")
"""What a setting at the top of a file may be called, in any of the product's files."""


def yaml_file(path: Path, name: str = "") -> Any:
    """What a YAML file says; None where it is empty.

    Arguments:
        path: the file.
        name: what messages call it; its path where blank.

    Raises:
        Unreadable: it cannot be read, is no YAML, or is beyond a limit.
    """
    return from_yaml(files.text(path, name), name or str(path))


def from_yaml(text: str, source: str, composer: type[Composer] = Composer) -> Any:
    """What a YAML text of one document says; None where it is empty.

    Its unquoted scalars mean what YAML 1.1 says, as PyYAML reads them, but dates are text. A key is the text that
    stands there. This is for every file but those with values, which Helm's rules apply to (``chart.helm_yaml``).

    Raises:
        Unreadable: it is no YAML, or beyond a limit; says in which line.
    """
    node = compose(text, source, composer, only_one=True)
    return None if node is None else from_node(node, source)


def from_node(node: yaml.Node, source: str) -> Any:
    """What a composed document says, by the same rules.

    Raises:
        Unreadable: JSON has no such value; says in which line.
    """
    try:
        return _value(node)
    except yaml.YAMLError as error:
        raise explained(error, source) from None


def from_json(text: str, source: str) -> Any:
    """What a JSON text says.

    Raises:
        Unreadable: it is no JSON, or beyond a limit.
    """
    try:
        found = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except json.JSONDecodeError as error:
        raise Unreadable(source, f"not valid JSON: {error.msg}", error.lineno, error.colno) from None
    except ValueError:
        raise Unreadable(source, "not valid JSON: it has a number that is too large") from None
    except RecursionError:
        raise Unreadable(source, TOO_DEEP) from None
    if reason := _beyond(found):
        raise Unreadable(source, reason)
    return found


def _beyond(value: Any) -> str | None:
    """Which limit a value exceeds, looked at level by level."""
    level, nodes = [value], 0
    for _ in range(DEEPEST + 1):
        nodes += len(level)
        containers = [each for each in level if isinstance(each, dict | list)]
        if nodes > MOST_NODES:
            return TOO_MANY
        if not containers:
            return None
        level = [m for each in containers for m in (each.values() if isinstance(each, dict) else each)]
    return TOO_DEEP


def settings(document: Any, source: str) -> dict[str, Any]:
    """A document that is a map of settings; an empty one has none.

    Raises:
        Unreadable: it is something else. It may be a passphrase or ``/etc/shadow``, named by mistake or on purpose, so
            nothing of it is in the message. Lines with a colon at their ends are a map to YAML.
    """
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise Unreadable(source, f"must be a map of settings, but it is {kind(document)}")
    if not all(_NAME.fullmatch(key) for key in document):
        raise Unreadable(source, "must be a map of settings, but it has keys that are no setting's name")
    return document


def kind(value: Any) -> str:
    """What a value is, in a word that tells nothing of it."""
    if value is None:
        return "null"
    kinds = {dict: "a map", list: "a list", bool: "a truth value", int: "a number", float: "a number"}
    return kinds.get(type(value), "text")


def _finite(found: str | float) -> float:
    number = float(found)
    if number != number or abs(number) == float("inf"):
        raise ValueError("no number of JSON")
    return number


def _value(node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_value(member) for member in node.value]
    merged: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for key, member in node.value:
        if key.tag == _MERGE:
            merged.update(_merged(member))
        else:
            own[_key(key)] = _value(member)
    return {**merged, **own}


def _merged(node: yaml.Node) -> dict[str, Any]:
    """What ``<<`` adds: of several maps, the first that has a key gives its value."""
    found = [node] if isinstance(node, yaml.MappingNode) else node.value
    if not isinstance(found, list) or not all(isinstance(each, yaml.MappingNode) for each in found):
        raise node_error(node, "'<<' needs a map or a list of maps")
    result: dict[str, Any] = {}
    for each in reversed(found):
        result.update(_value(each))
    return result


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise node_error(node, "a key must be text, not a map or a list")
    if node.tag == f"{_TAG}null":
        raise node_error(node, "a key must not be null; quote it to mean the text")
    return str(node.value)


def _scalar(node: yaml.ScalarNode) -> Any:
    """The value of a scalar by its tag; a tag that is not known means text, as it does for Pulumi."""
    kind = node.tag.removeprefix(_TAG)
    try:
        match kind:
            case "null":
                return None
            case "bool":
                return yaml.SafeLoader.bool_values[node.value.lower()]
            case "int" | "float":
                return _number(node, kind)
            case "binary":
                return base64.b64decode(re.sub(r"[\r\n]", "", node.value), validate=True).decode("utf-8", "replace")
    except (ValueError, LookupError, binascii.Error):
        raise node_error(node, f"it is not of the type that its tag '!!{kind}' says") from None
    return node.value


_CONSTRUCTOR = yaml.constructor.SafeConstructor()


def _number(node: yaml.ScalarNode, kind: str) -> int | float:
    if len(node.value) > _MOST_DIGITS:
        raise node_error(node, f"a number has more than {_MOST_DIGITS} digits; quote it to mean the text")
    if kind == "int":
        return int(_CONSTRUCTOR.construct_yaml_int(node))
    try:
        return _finite(_CONSTRUCTOR.construct_yaml_float(node))
    except ValueError:
        raise node_error(node, "it is not a number that JSON knows") from None
