"""Compare two sets of objects and say where they differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Identity = tuple[str, str, str]
"""apiVersion, kind, name."""

SHOWN = 160
"""Characters of a value that a difference shows."""


def identity(manifest: dict[str, Any]) -> Identity:
    """What tells an object from all others of its namespace."""
    return manifest["apiVersion"], manifest["kind"], manifest["metadata"]["name"]


def index(manifests: Sequence[dict[str, Any]]) -> dict[Identity, dict[str, Any]]:
    """Objects by identity; two of one identity are an error."""
    found: dict[Identity, dict[str, Any]] = {}
    for manifest in manifests:
        if identity(manifest) in found:
            raise ValueError(f"two objects are {'/'.join(identity(manifest))}")
        found[identity(manifest)] = manifest
    return found


def differences(chart: Any, ours: Any, path: str = "") -> Iterator[str]:
    """One line for each place where two trees differ; a truth value never equals a number."""
    if isinstance(chart, dict) and isinstance(ours, dict):
        for key in sorted(chart.keys() | ours.keys(), key=str):
            place = f"{path}.{key}" if path else str(key)
            if key not in ours:
                yield f"{place}: only in the chart: {_shown(chart[key])}"
            elif key not in chart:
                yield f"{place}: only in ours: {_shown(ours[key])}"
            else:
                yield from differences(chart[key], ours[key], place)
    elif isinstance(chart, list) and isinstance(ours, list):
        for position in range(max(len(chart), len(ours))):
            place = f"{path}[{position}]"
            if position >= len(ours):
                yield f"{place}: only in the chart: {_shown(chart[position])}"
            elif position >= len(chart):
                yield f"{place}: only in ours: {_shown(ours[position])}"
            else:
                yield from differences(chart[position], ours[position], place)
    elif type(chart) is not type(ours) or chart != ours:
        yield f"{path}: chart {_shown(chart)}, ours {_shown(ours)}"


def report(chart: dict[Identity, dict[str, Any]], ours: dict[Identity, dict[str, Any]]) -> list[str]:
    """All differences of the objects that both sides have, with the object's kind and name before each."""
    return [
        f"{kind}/{name}: {line}"
        for version, kind, name in sorted(chart.keys() & ours.keys())
        for line in differences(chart[version, kind, name], ours[version, kind, name])
    ]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text)} characters)"
