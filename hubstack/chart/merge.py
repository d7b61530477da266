"""Helm's rules for merging values (Helm 3.20.2: ``pkg/cli/values`` and ``pkg/chartutil/coalesce.go``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from hubstack.chart.values_tree import copied


def merge_files(documents: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge values files left to right: maps merge deep, everything else is replaced, also by a null.

    A null that a later file replaces by a map is gone: files are merged with each other before they meet the defaults.
    """
    result: dict[str, Any] = {}
    for document in documents:
        result = _merge(result, document)
    return result


def _merge(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(lower)
    for key, value in upper.items():
        below = result.get(key)
        result[key] = _merge(below, value) if isinstance(value, Mapping) and isinstance(below, Mapping) else value
    return result


def coalesce(user: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Merge the users' values over the chart's defaults; neither is changed.

    A null removes the default that it stands over. Where there is no default, or a null one, the null stays; only at
    the top level does it remove a null default too. A map and something else do not merge: the users' value stands.
    """
    merged = _coalesce(user, defaults)
    for key in defaults:
        if key in user and user[key] is None:
            merged.pop(key, None)
    return merged


def _coalesce(user: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {key: copied(value) for key, value in defaults.items() if key not in user}
    for key, value in user.items():
        default = defaults.get(key)
        if value is None and default is not None:
            continue
        if isinstance(value, Mapping) and isinstance(default, Mapping):
            result[key] = _coalesce(value, default)
        else:
            result[key] = deepcopy(value)
    return result
