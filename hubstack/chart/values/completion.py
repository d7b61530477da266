"""Filling a tree of values, so that a removed setting is None on the models.

Pydantic gives an absent field its default. In Helm an absent key has lost its default to a null, so before validation
each absent key with a default gets a None. A section that may be removed gets an instance with all settings None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

from hubstack.chart.values.shared import NoDefault, Removable, Section


@dataclass(frozen=True)
class _Plan:
    """What to look at in one section; ``removed`` maps keys to what stands for them when they are absent."""

    removed: dict[str, Any]
    sections: tuple[tuple[str, type[Section], bool], ...]


def complete(model: type[Section], tree: dict[str, Any]) -> dict[str, Any]:
    """A copy of the tree, section by section, with a None for each setting that was removed."""
    plan = _plan(model)
    result = {**plan.removed, **tree}
    for key, section, removable in plan.sections:
        value = result[key]
        if isinstance(value, dict):
            result[key] = complete(section, value)
        elif value is None and removable:
            result[key] = _all_none(section)
    return result


def defaults(section: Section) -> dict[str, Any]:
    """A section's settings by their YAML keys, without those that the chart's ``values.yaml`` does not list."""
    result: dict[str, Any] = {}
    for name, field in type(section).model_fields.items():
        if any(isinstance(mark, NoDefault) for mark in field.metadata):
            continue
        value = getattr(section, name)
        result[field.alias or name] = defaults(value) if isinstance(value, Section) else deepcopy(value)
    return result


@cache
def _plan(model: type[Section]) -> _Plan:
    removed: dict[str, Any] = {}
    sections = []
    for field in model.model_fields.values():
        key = field.alias or ""
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            removed[key] = None
            sections.append((key, kind, any(isinstance(mark, Removable) for mark in field.metadata)))
        elif field.default is not None:
            removed[key] = None
    return _Plan(removed, tuple(sections))


@cache
def _all_none(model: type[Section]) -> Section:
    settings: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        kind = field.annotation
        settings[name] = _all_none(kind) if isinstance(kind, type) and issubclass(kind, Section) else None
    return model.model_construct(**settings)


def misshapen(model: type[Section], tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of sections that are something else than a map; a null removes one."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        value, kind = tree.get(key), field.annotation
        if not (isinstance(kind, type) and issubclass(kind, Section)) or value is None:
            continue
        if isinstance(value, Mapping):
            yield from misshapen(kind, value, (*path, key))
        else:
            yield (*path, key)


def unchecked(model: type[Section], tree: Mapping[str, Any]) -> Any:
    """A model of whatever the tree holds, without validation; unknown keys are left out."""
    settings: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        value = tree.get(field.alias or name)
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            settings[name] = unchecked(kind, value if isinstance(value, Mapping) else {})
        else:
            settings[name] = value
    return model.model_construct(**settings)
