"""Settings of a release in two parts: what may be read by everybody, and what is secret by its place or its value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hubstack import secret_settings
from hubstack.secret_settings import Place


@dataclass(frozen=True)
class Parts:
    """Settings in two parts; merged again by Helm's rules, they are the whole."""

    public: dict[str, Any]
    secret: dict[str, Any]
    readable: frozenset[Place] = field(default_factory=frozenset)
    """Leaves of the secret part that are no secrets: a list is replaced when values merge, so it is not divided."""


def split(values: Mapping[str, Any]) -> Parts:
    """Divide values by what `secret_settings` knows.

    A list with a secret anywhere in it goes into the secret part as a whole.
    """
    places = frozenset(secret_settings.places(values))
    public, secret = _split(values, (), places)
    leaves = (place for place, _ in scalars(secret) if place and place not in places)
    readable = frozenset(place for place in leaves if not any(place[:at] in places for at in range(len(place))))
    return Parts(public, secret, readable)


def _split(values: Mapping[str, Any], above: Place, places: frozenset[Place]) -> tuple[dict[str, Any], dict[str, Any]]:
    public: dict[str, Any] = {}
    secret: dict[str, Any] = {}
    for key, value in values.items():
        here = (*above, str(key))
        if here in places or (isinstance(value, list) and any(place[: len(here)] == here for place in places)):
            secret[key] = value
        elif isinstance(value, Mapping) and value:
            open_part, secret_part = _split(value, here, places)
            if open_part or not secret_part:
                public[key] = open_part
            if secret_part:
                secret[key] = secret_part
        else:
            public[key] = value
    return public, secret


def scalars(tree: Any, place: Place = ()) -> list[tuple[Place, Any]]:
    """Everything that is neither map nor list, and every empty one of these, with its place."""
    if isinstance(tree, Mapping) and tree:
        return [leaf for key, each in tree.items() for leaf in scalars(each, (*place, str(key)))]
    if isinstance(tree, list) and tree:
        return [leaf for index, each in enumerate(tree) for leaf in scalars(each, (*place, index))]
    return [(place, tree)]
