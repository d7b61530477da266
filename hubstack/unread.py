"""Settings that are encrypted in a stack's file, where nothing decrypts them: they are not judged."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Place = tuple[str | int, ...]
"""Keys and list indexes that lead to a value."""

_WORD = "encrypted"
_STAND_IN = re.compile(rf"{_WORD}[0-9a-f]{{16}}")


class Unread(str):
    """An encrypted setting, of which only the ciphertext is known.

    As a text it is a word that tells one ciphertext from another. The word is a name, a host and an expression at once,
    so it may stand where a text is wanted.
    """

    @classmethod
    def of(cls, ciphertext: str) -> Unread:
        """The setting with a ciphertext."""
        return cls(_WORD + hashlib.sha256(ciphertext.encode()).hexdigest()[:16])


def is_encrypted(value: Any) -> bool:
    """Whether a setting in a stack's file is one ciphertext (Pulumi: a map with the only key ``secure``)."""
    return isinstance(value, Mapping) and set(value) == {"secure"} and isinstance(value["secure"], str)


def opened(value: Any) -> Any:
    """A setting as it stands in a stack's file, with an `Unread` in place of each ciphertext."""
    if is_encrypted(value):
        return Unread.of(value["secure"])
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else json.dumps(key, default=str): opened(value[key]) for key in value}
    return [opened(member) for member in value] if isinstance(value, list) else value


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Where in a setting something is unread; the empty place where all of it is."""
    if isinstance(value, Unread):
        yield place
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield from places(member, (*place, str(key)))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from places(member, (*place, index))


def stands_in(text: object) -> bool:
    """Whether a text was made of a setting that is unread."""
    return bool(_STAND_IN.search(str(text)))
