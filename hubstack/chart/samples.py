"""Samples: plain values in place of what is not known, so that settings can be checked and objects described without.

What an output will be is not known when a program runs, only what its setting allows. So each output gets several
samples that the setting allows. The first one stands in the settings; where another one leads to another object, that
object depends on the output. A setting that is encrypted and cannot be read gets one sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hubstack.chart.errors import Problem, SettingsError
from hubstack.chart.values.choices import choices

Path = tuple[str | int, ...]
"""Keys and list indexes that lead to a value."""

NAMES = ("sample1", "sample2")
"""Samples of a name."""
_KINDS: tuple[tuple[Any, ...], ...] = (
    NAMES,
    ("1Gi", "2Gi"),
    ("https://sample1.example.org", "https://sample2.example.org"),
    ("/sample1", "/sample2"),
    (1, 2),
    (True, False),
    ({"sample1": "sample1"}, {"sample2": "sample2"}),
    (["sample1"], ["sample2", "sample2"]),
    ([{"name": "sample1"}], [{"name": "sample2"}, {"name": "sample3"}]),
)
"""Samples of every kind of value that settings have. A word is a Python expression, a host name and an object's name
at once. Two of a kind differ from each other, lists in length and maps in keys as well.
"""


def replaced(value: Any, plain: Mapping[Path, Any], path: Path = ()) -> Any:
    """A copy of maps and lists with something else at some paths.

    Arguments:
        value: maps and lists.
        plain: what to put at a path.
    """
    if path in plain:
        return plain[path]
    if isinstance(value, Mapping):
        return {key: replaced(member, plain, (*path, str(key))) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [replaced(member, plain, (*path, index)) for index, member in enumerate(value)]
    return value


def found(tree: Any, place: Path) -> Any:
    """What is at a place of a tree; None where there is nothing."""
    for step in place:
        if isinstance(tree, Mapping):
            tree = tree.get(step)
        elif isinstance(tree, list) and isinstance(step, int) and step < len(tree):
            tree = tree[step]
        else:
            return None
    return tree


def choose(
    paths: Sequence[Path],
    problems: Callable[[Mapping[Path, Any]], Sequence[Problem]],
    objects: Callable[[Mapping[Path, Any]], object],
) -> dict[Path, list[Any]]:
    """Samples for outputs: for each path those that its setting allows.

    Arguments:
        paths: where the outputs are.
        problems: what is wrong with the settings once samples are in place.
        objects: describes the objects with samples in place; raises an error of any kind where one does not fit.

    Raises:
        SettingsError: a setting takes none of the samples, because what it holds decides more than a value.
    """
    if not paths:  # every program run without outputs
        return {}
    if whole := [path for path in paths if len(path) == 1]:
        raise SettingsError([Problem("", dotted(path), f"{NOT_ALLOWED}; its members may be Outputs") for path in whole])
    chosen: dict[Path, list[Any]] = {path: [] for path in paths}
    for kind in _KINDS:
        for sample in kind:
            found = problems(dict.fromkeys(paths, sample))
            for path in paths:
                if not any(concerns(problem, path) for problem in found):
                    chosen[path].append(sample)
    for path in paths:
        chosen[path] = _few(chosen[path]) or choices([step for step in path[1:] if isinstance(step, str)])
    _refuse([path for path in paths if not chosen[path]])
    first = {path: allowed[0] for path, allowed in chosen.items()}
    if not problems(first):  # else it is for other settings that no object can be described
        chosen = {path: [each for each in chosen[path] if _fits(objects, {**first, path: each})] for path in paths}
        _refuse([path for path in paths if not chosen[path]])
    return chosen


def fitting(
    places: Sequence[Path], first: Mapping[Path, Any], problems: Callable[[Mapping[Path, Any]], Sequence[Problem]]
) -> dict[Path, Any]:
    """One sample for each of some settings: the first one, if the setting allows it, else the best of all kinds.

    Arguments:
        places: where the settings are; each path begins with the name of what they are in.
        first: the samples to begin with.
        problems: what is wrong with the settings once samples are in place.
    """

    def count(path: Path, found: Sequence[Problem]) -> tuple[int, int]:
        return sum(concerns(problem, path) for problem in found), len(found)

    chosen = dict(first)
    found = problems(chosen)
    for path in places:
        best = count(path, found)
        if not best[0]:
            continue
        for sample in (*choices([step for step in path[1:] if isinstance(step, str)]), *_ONE_OF_EACH, {}, []):
            tried = problems({**chosen, path: sample})
            if count(path, tried) < best:
                chosen[path], best, found = sample, count(path, tried), tried
            if best == (0, 0):
                break
    return chosen


def every(place: Path) -> Iterator[Any]:
    """Samples of every kind, and the choices that a setting has, whether or not the setting allows them.

    Arguments:
        place: the setting's keys and list indexes.
    """
    yield from choices([step for step in place if isinstance(step, str)])
    for kind in _KINDS:
        yield from kind


def _refuse(paths: Sequence[Path]) -> None:
    if paths:
        raise SettingsError([Problem("", dotted(path), NOT_ALLOWED) for path in paths])


def _fits(objects: Callable[[Mapping[Path, Any]], object], plain: Mapping[Path, Any]) -> bool:
    """Whether the chart's builders can make something of samples. A free setting allows more than they understand."""
    try:
        objects(plain)
    except Exception:
        return False
    return True


def _few(allowed: Sequence[Any]) -> list[Any]:
    """Two samples of one type, and one of each other type that the setting allows."""
    two = [each for each in allowed if type(each) is type(allowed[0])][:2]
    others = {type(each): each for each in reversed(allowed) if type(each) is not type(allowed[0])}
    return [*two, *others.values()]


_ONE_OF_EACH = tuple(kind[0] for kind in _KINDS[1:] if not isinstance(kind[0], Mapping | list))
"""For a setting that takes no name."""

NOT_ALLOWED = (
    "is an Output; it decides which objects exist or how they are called, so it must be a plain value, known when the "
    "program runs"
)


def concerns(problem: Problem, path: Path) -> bool:
    """Whether a problem lies at a path, below it, or in a section around it.

    Arguments:
        problem: what is wrong; its path begins with a setting.
        path: where an output is; begins with the name of the argument.
    """
    there, here = problem.path.replace("[", ".").replace("]", ""), dotted(path[1:])
    return not there or f"{there}.".startswith(f"{here}.") or f"{here}.".startswith(f"{there}.")


def is_at(problem: Problem, path: Path) -> bool:
    """Whether a problem lies at a path or below it; arguments as for `concerns`."""
    there = problem.path.replace("[", ".").replace("]", "")
    return f"{there}.".startswith(f"{dotted(path[1:])}.")


def dotted(path: Path) -> str:
    """A path as people write it."""
    return ".".join(map(str, path))
