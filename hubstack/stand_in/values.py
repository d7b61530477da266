"""Property values as they are on the wire: secrets, what a preview does not know yet, texts."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from google.protobuf import json_format, struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime.rpc import UNKNOWN as UNKNOWN  # stands where a preview does not know a value yet

Properties = dict[str, Any]

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
"""A map with this signature is a secret and not a map (pulumi/pulumi: sdk/go/common/resource/sig)."""


def secret(value: Any) -> Properties:
    """A value that the state must encrypt and nobody may print."""
    return {_SIGNATURE: _SECRET, "value": value}


def read(properties: struct_pb2.Struct) -> Properties:
    """Properties that the engine sent, secrets in the open."""
    return {name: _revealed(value) for name, value in json_format.MessageToDict(properties).items()}


def write(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Properties for the engine."""
    message = struct_pb2.Struct()
    message.update(properties)
    return message


def text(value: Any) -> str | None:
    """A text, or what the real plugin takes for one: numbers and truth values. None stays None.

    Raises:
        ValueError: it is a list or a map.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    raise ValueError(f"must be text, not {value!r}")


def whole_number(value: Any) -> int:
    """A whole number, or the text of one.

    Raises:
        ValueError: it is something else.
    """
    try:
        number = None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = None
    if number is None or not number.is_integer():
        raise ValueError(f"must be a whole number, not {value!r}")
    return int(number)


def _revealed(value: Any) -> Any:
    if isinstance(value, list):
        return [_revealed(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get(_SIGNATURE) == _SECRET:
        return _revealed(value["value"])
    return {name: _revealed(each) for name, each in value.items()}
