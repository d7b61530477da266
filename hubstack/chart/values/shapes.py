"""How to write what somebody meant with a value of a wrong type."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hubstack.chart.values.placement import known_keys

_MAPS = ("model_type", "model_attributes_type", "dict_type")
"""Pydantic's errors where a map was wanted."""
_SIZE = re.compile(r"[0-9.]+([KMGT]i?)?")
_MOST_KEYS = 3
_UNFILLED = re.compile(r"\{\{.*\}\}|\{%.*%\}|<<.*>>|<%.*%>|\$\{\w+\}|\$[A-Z_]{3,}", re.DOTALL)


def is_unfilled(text: Any) -> bool:
    """Whether a text is nothing but a place of a template that is still to be filled in."""
    return isinstance(text, str) and _UNFILLED.fullmatch(text.strip()) is not None


def how_to_write(path: Sequence[str], value: Any, kind: str) -> str:
    """The end of a message: the shape that is wanted, with the value in it; blank where that cannot be told.

    Arguments:
        path: of the setting.
        value: what stands there.
        kind: name of Pydantic's error.
    """
    if is_unfilled(value):
        return "; it looks like a template that nothing has filled in"
    if path[0] == "singleuser" and path[1:2] == ("cpu",) and len(path) == 3:
        return _cores(value)
    if (kind in _MAPS or path[-1].endswith("Env")) and isinstance(value, str | bool | int | float):
        return _map(path, value)
    if isinstance(value, str):
        without_quotes = (kind.startswith("bool") and value.lower() in ("true", "false")) or (
            kind.startswith("int") and re.fullmatch(r"-?[0-9]+", value)
        )
        return ", without quotes" if without_quotes else ""
    return ""


def _cores(value: Any) -> str:
    """How to write a quantity of CPU, such as ``500m``, where the chart wants a number of cores."""
    text = value if isinstance(value, str) else ""
    if found := re.fullmatch(r"([0-9]+)m", text):
        return f" of cores; write {int(found[1]) / 1000:g}"
    if found := re.fullmatch(r"([0-9.]+)( *(cores?|cpus?|vcpus?))?", text, re.IGNORECASE):
        return f" of cores, without {'a unit' if found[2] else 'quotes'}; write {found[1]}"
    return " of cores" if text else ""


def _map(path: Sequence[str], value: Any) -> str:
    keys = known_keys(path)
    if shape := _filled(keys, value):
        pairs = ", ".join(f"{key}: {each}" for key, each in shape.items())
        return f"; write {path[-1]}: {{{pairs}}}"
    if keys:
        more = ", ..." if len(keys) > _MOST_KEYS else ""
        return f", such as {path[-1]}: {{{', '.join(f'{key}: ...' for key in keys[:_MOST_KEYS])}{more}}}"
    if path[-1] == "config":
        return ", such as {JupyterHub: {authenticator_class: ...}}"
    if isinstance(value, str) and (found := re.fullmatch(r"(\w+)=(\S*)", value)):
        return f"; write {path[-1]}: {{{found[1]}: {found[2]}}}"
    return f", such as {path[-1]}: {{NAME: ...}}"


def _filled(keys: Sequence[str], value: Any) -> Mapping[str, Any]:
    """The settings of a section that a value by itself may have meant."""
    if isinstance(value, bool):
        return {"enabled": str(value).lower()} if "enabled" in keys else {}
    if "name" in keys and "tag" in keys and isinstance(value, str):
        name, colon, tag = value.rpartition(":")
        return {"name": name, "tag": f'"{tag}"'} if colon and "/" not in tag else {"name": value, "tag": "..."}
    if "guarantee" in keys and "limit" in keys:
        return {"guarantee": value, "limit": value}
    if "capacity" in keys and _SIZE.fullmatch(str(value)):
        return {"capacity": value}
    return {"type": value} if "type" in keys and isinstance(value, str) and value.isascii() else {}
