"""Members of two lists that belong together, so that a list with one member more does not differ everywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubstack.review.profiles import PROFILE_LISTS, slug

NAMES = ("name", "key", "mountPath", "display_name", "host", "secretName", "port", "number", "url", "path")
"""Keys that tell members of a list from each other, by what they usually are in lists of Kubernetes and the hub."""


@dataclass(frozen=True)
class Pair:
    """A member of a list on both sides."""

    name: str
    places: tuple[int | None, int | None]
    """Its index before and after; None where it is not there."""


def scalars(members: Sequence[Any]) -> bool:
    """Whether a list has neither maps nor lists in it."""
    return not any(isinstance(member, (Mapping, list)) for member in members)


def pairs(path: str, before: Sequence[Any], after: Sequence[Any]) -> list[Pair]:
    """The members of both lists, first those of the first, then the new ones.

    Members are found by what names them; where nothing does, by being equal, and the rest by their place.

    Arguments:
        path: of the list; profiles are named by their slugs.
    """
    if names := _named(path, before, after):
        old, new = ({name: place for place, name in enumerate(side)} for side in names)
        return [Pair(name, (old.get(name), new.get(name))) for name in dict.fromkeys((*old, *new))]
    texts = [[json.dumps(member, sort_keys=True, default=str) for member in side] for side in (before, after)]
    left = dict(enumerate(texts[1]))
    same: dict[int, int] = {}
    for place, text in enumerate(texts[0]):
        if (twin := next((other for other, each in left.items() if each == text), None)) is not None:
            same[place] = twin
            del left[twin]
    gone, fresh = [place for place in range(len(before)) if place not in same], list(left)
    known = [Pair(str(old), (old, new)) for old, new in same.items()]
    if len(gone) == len(fresh):
        return [*known, *(Pair(str(old), (old, new)) for old, new in zip(gone, fresh, strict=True))]
    return [*known, *(Pair(str(at), (at, None)) for at in gone), *(Pair(str(at), (None, at)) for at in fresh)]


def _named(path: str, before: Sequence[Any], after: Sequence[Any]) -> tuple[list[str], list[str]] | None:
    members = (*before, *after)
    if not all(isinstance(member, Mapping) for member in members):
        return None
    if path in PROFILE_LISTS:
        found = [slug(member) for member in before], [slug(member) for member in after]
        return found if all(len(set(side)) == len(side) for side in found) else None
    for key in NAMES:
        names = [[str(member.get(key, "")) for member in side] for side in (before, after)]
        if all(all(side) and len(set(side)) == len(side) for side in names):
            return names[0], names[1]
    return None
