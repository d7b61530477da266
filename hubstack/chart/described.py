"""A value in a word or two, for messages. Apart from `wording`: every command needs it, and few need Pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LONGEST_VALUE = 60
_LONGEST_NUMBER = 10**15
"""A number of more digits is written with an exponent."""


def described(value: Any, *, hide: bool = False) -> str:
    """A value as a word or two; containers and hidden values by their type only."""
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a truth value" if hide else f"the truth value {str(value).lower()}"
    if isinstance(value, int | float):
        return "a number" if hide else f"the number {_digits(value)}"
    text = repr(value)
    return "this text" if hide else f"{text[:_LONGEST_VALUE]}..." if len(text) > _LONGEST_VALUE else text


def _digits(number: int | float) -> str:
    if isinstance(number, float) or abs(number) < _LONGEST_NUMBER:
        return str(number)
    try:
        return f"{number:.3e}"
    except OverflowError:
        return "with more than 300 digits"
