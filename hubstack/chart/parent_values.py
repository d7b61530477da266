"""Values of a parent chart: what the hub's own chart gets of a file in which it is one part among others.

Source: Helm 3.20.2, ``pkg/chartutil/coalesce.go`` (coalesceDeps, coalesceGlobals). Decided in ADR 37.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from hubstack.chart.values import ChartValues
from hubstack.chart.values.messages import OWN_KEYS
from hubstack.chart.wording import keys

Path = tuple[str, ...]
Tree = Mapping[str, Any]

KEY_PATTERN = r"^[^.\s]+(\.[^.\s]+)*$"
"""How a key is written: names of charts, joined by dots."""
GLOBAL = "global"

_USUAL_NAME = "jupyterhub"
_DEEPEST = 3
"""How far below the top values of this chart are looked for."""


@dataclass(frozen=True)
class Part:
    """What one file holds for the chart."""

    values: Any
    """The chart's own; a map, unless the file is wrong."""
    globals: tuple[Tree, ...] = ()
    """What each chart above it shares with all below, the outermost first; as many as the key has steps."""
    found: Path = ()
    """Where the values are; blank for a file that is the chart's own as a whole."""
    left_out: tuple[str, ...] = ()
    """Settings of other charts, dotted."""


def part(document: Tree, key: str) -> Part:
    """The part of a file that is the chart's.

    A file of an inner parent chart, such as its ``values.yaml``, has the end of the key alone. A file with none of the
    key's names is the chart's own if it looks like that, and otherwise sets nothing.

    Arguments:
        document: the file.
        key: where the chart's values are, ``basehub.jupyterhub``.
    """
    path = tuple(key.split("."))
    start = next((at for at, step in enumerate(path) if step in document), None)
    if start is None:
        if OWN_KEYS & document.keys():
            return Part(document, ({},) * len(path))
        others = tuple(sorted(set(document) - {GLOBAL}))
        return Part({}, (_shared(document), *({},) * (len(path) - 1)), left_out=others)
    level: Any = document
    shared: list[Tree] = [{}] * start
    left_out: list[str] = []
    for at, step in enumerate(path[start:], start):
        if not isinstance(level, Mapping):
            return Part(level, tuple(shared + [{}] * (len(path) - len(shared))), path[start:at], tuple(left_out))
        shared.append(_shared(level))
        left_out += (".".join((*path[start:at], other)) for other in sorted(level) if other not in (step, GLOBAL))
        level = level.get(step, {})
    return Part(level, tuple(shared), path[start:], tuple(left_out))


def _shared(level: Tree) -> Tree:
    found = level.get(GLOBAL)
    return found if isinstance(found, Mapping) else {}


def with_globals(user: Tree, shared: Sequence[Tree]) -> dict[str, Any]:
    """Values with what the charts above share: an outer chart's setting comes before an inner one's.

    Arguments:
        user: the chart's own values, merged.
        shared: what each chart above shares, merged over the files, the outermost first.
    """
    inner = user.get(GLOBAL, {})
    if not isinstance(inner, Mapping) or not any(shared):
        return dict(user)
    found: Tree = {}
    for own in (*shared, inner):
        found = _over(found, own)
    return {**user, GLOBAL: found}


def _over(outer: Tree, inner: Tree) -> dict[str, Any]:
    """Helm's ``coalesceGlobals``: a map and something else do not merge, and the inner one stays."""
    result = deepcopy(dict(inner))
    for key, value in outer.items():
        below = result.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            result[key] = _coalesced(value, below)
        elif key not in result or not (isinstance(value, Mapping) or isinstance(below, Mapping)):
            result[key] = deepcopy(value)
    return result


def _coalesced(upper: Tree, lower: Tree) -> dict[str, Any]:
    result = deepcopy(dict(upper))
    for key, value in lower.items():
        if key not in result:
            result[key] = deepcopy(value)
        elif result[key] is None:
            del result[key]
        elif isinstance(result[key], Mapping) and isinstance(value, Mapping):
            result[key] = _coalesced(result[key], value)
    return result


def detected(document: Tree) -> str | None:
    """Where values of this chart are in a file that is not its own; None where they are not, or it is its own."""
    if not isinstance(document, Mapping) or OWN_KEYS & document.keys():
        return None
    return next((".".join(path) for path in _nests(document) if path), None)


def _nests(document: Tree) -> Iterator[Path]:
    """Paths of maps that look like values of this chart, those with the usual name and near the top first."""
    level: list[tuple[Path, Tree]] = [((), document)]
    for _ in range(_DEEPEST):
        level = [
            ((*path, str(name)), member)
            for path, found in level
            for name, member in found.items()
            if isinstance(member, Mapping) and name not in _NOT_CHARTS
        ]
        likely = [path for path, found in level if _looks_like_it(path[-1], found)]
        yield from sorted(likely, key=lambda path: path[-1] != _USUAL_NAME)


_NOT_CHARTS = frozenset({GLOBAL, *(keys(ChartValues))})


def _looks_like_it(name: str, found: Tree) -> bool:
    named = {key for key in OWN_KEYS & found.keys() if isinstance(found[key], Mapping)}
    return (
        len(named) > 1 or "singleuser" in named or (name == _USUAL_NAME and bool(set(keys(ChartValues)) & set(found)))
    )
