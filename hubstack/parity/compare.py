"""Compare two sets of objects and say where they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Identity = tuple[str, str, str]
"""apiVersion, kind, name."""

SHOWN = 160
"""Characters of a value that a difference shows."""


def identity(manifest: dict[str, Any]) -> Identity:
    """What tells an object from all others of its namespace; a name that the chart writes as null is blank here."""
    return manifest["apiVersion"], manifest["kind"], str(manifest["metadata"].get("name", ""))


def index(manifests: Sequence[dict[str, Any]]) -> dict[Identity, dict[str, Any]]:
    """Objects by identity; two of one identity are an error."""
    found: dict[Identity, dict[str, Any]] = {}
    for manifest in manifests:
        if identity(manifest) in found:
            raise ValueError(f"two objects are {'/'.join(identity(manifest))}")
        found[identity(manifest)] = manifest
    return found


@dataclass(frozen=True)
class Place:
    """One place where two trees differ."""

    path: str
    chart: str | None
    """The chart's value as text; None where only we have the place."""
    ours: str | None
    """Our value as text; None where only the chart has the place."""

    def __str__(self) -> str:
        if self.ours is None:
            return f"{self.path}: only in the chart: {self.chart}"
        if self.chart is None:
            return f"{self.path}: only in ours: {self.ours}"
        return f"{self.path}: chart {self.chart}, ours {self.ours}"


def shown(value: Any) -> str:
    """A value as a difference shows it."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text)} characters)"


def differences(chart: Any, ours: Any, path: str = "", show: Callable[[Any], str] = shown) -> Iterator[Place]:
    """Every place where two trees differ; a truth value never equals a number.

    Arguments:
        chart, ours: the trees.
        path: where they are.
        show: gives a value's text.
    """
    if isinstance(chart, dict) and isinstance(ours, dict):
        for key in sorted(chart.keys() | ours.keys(), key=str):
            place = f"{path}.{key}" if path else str(key)
            if key not in ours:
                yield Place(place, show(chart[key]), None)
            elif key not in chart:
                yield Place(place, None, show(ours[key]))
            else:
                yield from differences(chart[key], ours[key], place, show)
    elif isinstance(chart, list) and isinstance(ours, list):
        for position in range(max(len(chart), len(ours))):
            place = f"{path}[{position}]"
            if position >= len(ours):
                yield Place(place, show(chart[position]), None)
            elif position >= len(chart):
                yield Place(place, None, show(ours[position]))
            else:
                yield from differences(chart[position], ours[position], place, show)
    elif type(chart) is not type(ours) or chart != ours:
        yield Place(path, show(chart), show(ours))


def report(chart: dict[Identity, dict[str, Any]], ours: dict[Identity, dict[str, Any]]) -> list[str]:
    """All differences of the objects that both sides have, with the object's kind and name before each."""
    return [
        f"{kind}/{name}: {place}"
        for version, kind, name in sorted(chart.keys() & ours.keys())
        for place in differences(chart[version, kind, name], ours[version, kind, name])
    ]
