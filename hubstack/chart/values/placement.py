"""Where a key belongs that stands in a wrong place: a level too deep, too high, or below another section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from hubstack.chart.values import ChartValues
from hubstack.chart.values.shared import Section
from hubstack.chart.wording import keys, model_at

_ANYBODYS = ("enabled", "global")
"""Keys at the top that are there for parent charts."""
_MOST_PLACES = 2
"""A key that more sections have says nothing of where it was meant."""


def known_keys(path: Sequence[str]) -> list[str]:
    """The keys that a section knows; none where anything goes."""
    model = model_at(ChartValues, path, None)
    return keys(model) if model and issubclass(model, Section) else []


def belongs(path: Sequence[str]) -> list[str]:
    """Where a key belongs that its section does not know; empty where that cannot be told.

    Arguments:
        path: of the key.
    """
    *above, key = path
    if above and key in known_keys(above[:-1]) and (above[:-1] or key not in _ANYBODYS):
        return [f"one level up: {'.'.join((*above[:-1], key))}"]
    places = _sections().get(key, ())
    own = tuple(above)
    below = [place for place in places if place[: len(own)] == own]
    outside = [place for place in places if own[: len(place)] == place]
    found = below or outside or (places if not own or len(places) == 1 else ())
    if not found or len(found) > _MOST_PLACES:
        return []
    return [f"below {'.'.join(each)}" if each else "at the top level" for each in found]


@cache
def _sections() -> Mapping[str, list[tuple[str, ...]]]:
    """The sections that know each key."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for path, model in _models(ChartValues, ()):
        for key in keys(model):
            found.setdefault(key, []).append(path)
    return found


def _models(model: type[Section], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], type[Section]]]:
    yield path, model
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from _models(kind, (*path, field.alias or name))
