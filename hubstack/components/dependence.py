"""Which fields of an object depend on a setting: those that differ when only the setting does."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import pulumi

from hubstack.chart.samples import Path

SECRET = None
"""In place of an output's path: all plain secrets together."""

_ABSENT = object()


def combined(
    value: Any,
    base: Any,
    others: Sequence[tuple[Path | None, Any]],
    later: Callable[[Path, Sequence[Path]], pulumi.Output[Any]],
    place: Path = (),
) -> Any:
    """A rendering with an output in each place that differs between renderings.

    Where two renderings differ in shape, the whole subtree depends.

    Arguments:
        value: the rendering; tokens in it may be outputs.
        base: the same with plain tokens.
        others: renderings with plain tokens and one other setting each, with the setting's path, or `SECRET`.
        later: what will be in a place of the rendering, once the outputs at some paths are known.
        place: where in the rendering this is.
    """
    changed = [(path, other) for path, other in others if other != base]
    if not changed:
        return value
    if isinstance(value, Mapping) and isinstance(base, Mapping):
        if not place:
            return _object(value, base, changed, later)
        if all(isinstance(other, Mapping) and other.keys() == base.keys() for _, other in changed):
            return {
                key: combined(
                    value[key], base[key], [(path, other[key]) for path, other in changed], later, (*place, key)
                )
                for key in base
            }
    lists = isinstance(value, list) and isinstance(base, list)
    if lists and all(isinstance(other, list) and len(other) == len(base) for _, other in changed):
        return [
            combined(value[at], base[at], [(path, other[at]) for path, other in changed], later, (*place, at))
            for at in range(len(base))
        ]
    paths = list(dict.fromkeys(path for path, _ in changed if path is not SECRET))
    result = later(place, paths) if paths else value
    return pulumi.Output.secret(result) if any(path is SECRET for path, _ in changed) else result


def _object(
    value: Mapping[str, Any],
    base: Mapping[str, Any],
    changed: Sequence[tuple[Path | None, Any]],
    later: Callable[[Path, Sequence[Path]], pulumi.Output[Any]],
) -> dict[str, Any]:
    """One object, which stays one even if another setting adds or removes one of its fields."""
    result: dict[str, Any] = {}
    for key in dict.fromkeys([*base, *(key for _, other in changed for key in other)]):
        others = [(path, other.get(key)) for path, other in changed]
        result[key] = combined(value.get(key), base.get(key), others, later, (key,))
    return result


def find_outputs(value: Any, path: Path = ()) -> Iterator[tuple[Path, pulumi.Output[Any]]]:
    """Every output inside of maps and lists, with its path. Other awaitables count as outputs, too."""
    if isinstance(value, pulumi.Output):
        yield path, value
    elif inspect.isawaitable(value):
        yield path, pulumi.Output.from_input(value)
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield from find_outputs(member, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for index, member in enumerate(value):
            yield from find_outputs(member, (*path, index))


def marked(value: Any, other: Any) -> Any:
    """Mark each place that differs between two plain trees as secret."""
    return combined(value, value, [(SECRET, other)], lambda place, paths: value, ("",))


def altered(value: Any, places: Collection[Path], path: Path = ()) -> Any:
    """A tree with another value of the same type at some places, so that whatever depends on one comes out different.

    Arguments:
        value: maps, lists and plain values.
        places: of plain values; and of maps whose keys are to be others.
        path: where in the tree this is.
    """
    if isinstance(value, Mapping):
        ending = _ALTERED if path in places else ""
        return {f"{key}{ending}": altered(member, places, (*path, str(key))) for key, member in value.items()}
    if isinstance(value, list):
        return [altered(member, places, (*path, index)) for index, member in enumerate(value)]
    if path not in places:
        return value
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1 if value + 1 != value else value * 2
    if isinstance(value, str):
        # A template that is read backwards is none.
        return f"{value if '{{' in value else value[::-1]}{_ALTERED}"
    return value


_ALTERED = "-altered"


def changed_outside(base: Any, other: Any, places: Collection[Path], place: Path = ()) -> Path | None:
    """The first place where two renderings differ, apart from some places; None where there is none."""
    if place in places or base == other:
        return None
    if isinstance(base, Mapping) and isinstance(other, Mapping):
        steps: list[Any] = list({**base, **other})
        members = [(step, base.get(step, _ABSENT), other.get(step, _ABSENT)) for step in steps]
    elif isinstance(base, list) and isinstance(other, list) and len(base) == len(other):
        members = [(at, base[at], other[at]) for at in range(len(base))]
    else:
        return place
    differences = (changed_outside(one, another, places, (*place, step)) for step, one, another in members)
    return next((each for each in differences if each is not None), None)
