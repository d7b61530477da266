"""YAML by Helm's rules.

Helm reads values with a YAML 1.1 parser in Go (``sigs.k8s.io/yaml``) and turns them into JSON. Its scalars differ
from PyYAML's: ``1e3``, ``08`` and ``0o17`` are numbers, ``1:30`` and dates are text, ``y`` is true. Every number is a
float64, every key becomes text, a key that comes twice counts the last time, and only the first document of a file is
read.

Numbers get one form here: an integral float64 is an int, so ``1.0`` is 1 and 2^53 + 1 is rounded.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

import yaml

from hubstack.chart.errors import Problem, SettingsError
from hubstack.reading.composer import Composer, compose, duplicates, explained, node_error
from hubstack.reading.errors import Unreadable

_TAG = "tag:yaml.org,2002:"
_PLAIN = "!plain"
"""Tag of our own for scalars without quotes and without a tag; those alone are guessed at."""

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(["", "~", "null", "Null", "NULL"]),
    **dict.fromkeys(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"], True),
    **dict.fromkeys(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"], False),
}
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INTEGER = re.compile(r"([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BEYOND_DIGITS = 1e21
"""From here on Go writes a float with an exponent, so it stays a float."""
_MOST_DIGITS = 20
"""Decimal digits of the largest integer that Go knows."""


def load(text: str, source: str) -> Any:
    """Read the first document of a YAML text; None where there is none.

    Arguments:
        text: the YAML.
        source: name for messages, such as the file's path.

    Raises:
        SettingsError: the text is not YAML, is beyond a limit of `hubstack.reading`, or Helm could not turn it into
            JSON; says in which line.
    """
    return load_with_repeats(text, source)[0]


def load_with_repeats(text: str, source: str) -> tuple[Any, tuple[tuple[str, int], ...]]:
    """The same, and the keys that a map has twice, each with the line of the later one, which counts.

    Raises:
        SettingsError: as `load`.
    """
    try:
        node = compose(text, source, _Composer)
        if node is None:
            return None, ()
        return _value(node), tuple((key, line) for key, line in duplicates(node) if key != "<<")
    except Unreadable as error:
        raise SettingsError([Problem(source, error.where, error.message)]) from None
    except yaml.YAMLError as error:
        found = explained(error, source, text)
        raise SettingsError([Problem(source, found.where, found.message)]) from None


def plain_scalar(text: str) -> Any:
    """What an unquoted scalar means: null, a bool, a number or the text itself."""
    if text in _WORDS:
        return _WORDS[text]
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", "", 1))
    number = _number(text)
    return text if number is None else canonical_number(number)


def canonical_number(number: float) -> int | float:
    """One form for each number: rounded as a float64 rounds it, and an int where that is integral."""
    try:
        rounded = float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
    return int(rounded) if rounded.is_integer() and abs(rounded) < _BEYOND_DIGITS else rounded


def canonical(value: Any) -> Any:
    """The same value as if Helm had read it from YAML: numbers in one form, keys as text, lists, plain texts."""
    if isinstance(value, dict):
        return {str(key): canonical(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(member) for member in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return canonical_number(value)
    return str(value) if isinstance(value, str) else value


def dump(value: Any, *, sort_keys: bool = True) -> str:
    """Write YAML that Helm, the API server and PyYAML read back alike.

    Text that any of them would take for something else is quoted: ``"1e3"``, ``"y"``, ``"1:30"``, ``"="``.
    """
    return yaml.dump(
        value, Dumper=_Dumper, default_flow_style=False, sort_keys=sort_keys, allow_unicode=True, width=10**9
    )


def _number(text: str) -> int | float | None:
    """A number as Go reads it; None for text. A float beyond float64's range is text in Go."""
    if text[:1] not in "+-.0123456789":
        return None
    digits = text if text[0] == "." else text.replace("_", "")
    if found := _INTEGER.fullmatch(digits):
        body = found[2]
        octal = len(body) > 1 and body[0] == "0" and body[1].isdigit()
        decimal = body[0] != "0"
        number: int | float = 2**64 if decimal and len(body) > _MOST_DIGITS else int(body, 8 if octal else 0)
        if number < 2**64:
            return -number if found[1] == "-" else number
    if not _FLOAT.fullmatch(digits):
        return None
    number = float(digits)
    return None if number in (float("inf"), float("-inf")) else number


class _Composer(Composer):
    """Tells scalars without quotes from the others, and guesses at none. The C parser is libyaml, like Go's."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else f"{_TAG}str"
        return str(super().resolve(kind, value, implicit))


def _value(node: yaml.Node) -> Any:
    """The value of a node; an alias is read again, so no two places share a map."""
    if isinstance(node, yaml.ScalarNode):
        value = _scalar(node)
        if isinstance(value, float) and (value != value or abs(value) == float("inf")):
            raise node_error(node, f"{node.value} is not a number that JSON knows")
        return value
    if isinstance(node, yaml.SequenceNode):
        return [_value(member) for member in node.value]
    return _map(node)


def _map(node: yaml.Node) -> dict[str, Any]:
    """A map. Go merges ``<<`` where it stands: over the keys before it, and under the keys after it."""
    result: dict[str, Any] = {}
    for key, member in node.value:
        if key.tag == f"{_TAG}merge" or (key.tag == _PLAIN and key.value == "<<"):
            result.update(_merged(member))
        else:
            result[_key(key)] = _value(member)
    return result


def _merged(node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.MappingNode):
        return _map(node)
    if not isinstance(node, yaml.SequenceNode) or not all(isinstance(n, yaml.MappingNode) for n in node.value):
        raise node_error(node, "'<<' needs a map or a list of maps")
    result: dict[str, Any] = {}
    for member in reversed(node.value):
        result.update(_map(member))
    return result


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise node_error(node, "a key must be text, not a map or a list")
    key = _scalar(node)
    if isinstance(key, str):
        return key
    if key is None:
        raise node_error(node, "a key must not be null; quote it to mean the text")
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int):
        return str(key)
    return node.value if _NOT_FINITE.fullmatch(node.value) else repr(key)


def _scalar(node: yaml.ScalarNode) -> Any:
    """The value of a scalar by its tag; tags that YAML does not define mean text."""
    if node.tag == _PLAIN:
        return plain_scalar(node.value)
    if node.tag == f"{_TAG}binary":
        return _binary(node)
    wanted = _TYPED.get(node.tag)
    if wanted is None:
        return node.value
    value = plain_scalar(node.value)
    if not wanted(value):
        raise node_error(node, f"it is not of the type that its tag '!!{node.tag.removeprefix(_TAG)}' says")
    return value


_TYPED: dict[str, Callable[[Any], bool]] = {
    f"{_TAG}int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    f"{_TAG}float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    f"{_TAG}bool": lambda value: isinstance(value, bool),
    f"{_TAG}null": lambda value: value is None,
}


def _binary(node: yaml.ScalarNode) -> str:
    try:
        return base64.b64decode(re.sub(r"[\r\n]", "", node.value), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise node_error(node, "the value of '!!binary' is not base64") from None


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        node: yaml.ScalarNode = self.represent_scalar(f"{_TAG}str", text, style=self._style(text))
        return node

    def _style(self, text: str) -> str | None:
        """Block style for ordinary lines, double quotes for text that could be misread; None leaves it to PyYAML."""
        if "\n" in text:
            # PyYAML's two emitters end a document differently after a block that keeps its last blank lines.
            return "|" if _BLOCK.fullmatch(text) and not text.endswith("\n\n") else '"'
        if _ODD.search(text) or text != text.strip() or not isinstance(plain_scalar(text), str):
            return '"'
        guessed = self.resolve(yaml.ScalarNode, text, (True, False))
        return '"' if guessed != f"{_TAG}str" else None


_ODD = re.compile("[\\x00-\\x1f\\x7f-\\xa0\\u2028\\u2029\\ufeff]")
"""Control characters and what YAML 1.1 takes for line breaks or blanks."""
_LINE = r"(?:[!-~\u00a1-\u2027\u2030-\ud7ff](?:[ -~\u00a1-\u2027\u2030-\ud7ff]*[!-~\u00a1-\u2027\u2030-\ud7ff])?)?"
_BLOCK = re.compile(rf"(?![ \n]){_LINE}(?:\n *{_LINE})*")
"""Lines without blanks at their ends, of which the first is not indented."""
_Dumper.add_representer(str, _Dumper.represent_text)
