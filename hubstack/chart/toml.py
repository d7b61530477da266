"""TOML as the chart's ``toToml`` writes it (Helm: ``github.com/BurntSushi/toml`` 1.6.0, ``encode.go``).

Every number is a float, because Helm's numbers all are. Plain values stand before tables, both by name; nulls are left
out; what is below a table is indented.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hubstack.chart.text import go_text

_INDENT = "  "
_ESCAPED = {
    **{chr(code): f"\\u{code:04x}" for code in (*range(0x20), 0x7F)},
    **{"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"},
}


def dump(data: Mapping[str, Any]) -> str:
    """Write a map as a document."""
    lines = list(_table(data, ()))
    # The blank line before a table is not written at the top.
    return "".join(f"{line}\n" for line in (lines[1:] if lines[:1] == [""] else lines))


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    indent = _INDENT * len(path)
    for key, value in _ordered(table):
        name = (*path, key)
        header = ".".join(map(_key, name))
        if isinstance(value, Mapping):
            yield from ([] if path else [""])
            yield f"{indent}[{header}]"
            yield from _table(value, name)
        elif _is_table(value):
            for member in value:
                yield from ("", f"{indent}[[{header}]]")
                yield from _table(member, name)
        else:
            yield f"{indent}{_key(key)} = {_value(value)}"


def _ordered(table: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Members by name, tables last, without nulls."""
    members = [(key, value) for key, value in table.items() if value is not None]
    return sorted(members, key=lambda member: (_is_table(member[1]), member[0]))


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list) and bool(value) and all(isinstance(member, Mapping) for member in value)
    )


def _key(key: str) -> str:
    return key if re.fullmatch("[A-Za-z0-9_-]+", key) else _quoted(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return go_text(value)
    if isinstance(value, int | float):
        text = go_text(value)
        return text if set(text) & set(".e") else f"{text}.0"
    if isinstance(value, list):
        # A null in a list makes the chart write the text of an error instead of the file.
        return f"[{', '.join(_value(member) for member in value if member is not None)}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_value(member)}" for key, member in _ordered(value)) + "}"
    return _quoted(str(value))


def _quoted(text: str) -> str:
    return f'"{"".join(_ESCAPED.get(character, character) for character in text)}"'
