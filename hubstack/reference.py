"""The settings reference, docs/settings.md, generated from the models: ``python -m hubstack.reference``."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from hubstack import project
from hubstack.chart.release import CHART_VERSION
from hubstack.chart.values import ChartValues
from hubstack.chart.values.shared import NoDefault, Section
from hubstack.configuration import PREFIX
from hubstack.settings import StackConfig

FILE = project.CODE / "docs" / "settings.md"
LONGEST_DEFAULT = 60
"""Characters up to which a default is written out."""

HEAD = f"""# Settings

Generated from the models by `make docs`. The first table is the stack's own configuration, `Pulumi.<stack>.yaml`.
The others are the values of chart {CHART_VERSION}, as they stand in a z2jh `config.yaml`: below `{PREFIX}values`,
in a file of `{PREFIX}valuesFiles`, or, where they are secret, below `{PREFIX}secretValues`. A null removes a
default.
"""


def text() -> str:
    """The whole document."""
    parts = [HEAD, "## The stack", *_table(StackConfig, PREFIX)]
    parts += ["## Values at the top level", *_table(ChartValues, "", nested=False)]
    for field in ChartValues.model_fields.values():
        section = _section(field)
        if section is not None:
            title = [f"## {field.alias}", field.description or ""]
            parts += [*title, *_table(section, f"{field.alias}.", given=field.default)]
    return "\n".join(parts) + "\n"


def _table(model: type[BaseModel], prefix: str, *, nested: bool = True, given: Any = None) -> list[str]:
    rows = [
        f"| `{path}` | {kind} | {default} | {description} |"
        for path, kind, default, description in _rows(model, prefix, nested, given)
    ]
    return ["", "| Setting | Type | Default | What it is |", "|---|---|---|---|", *rows, ""]


def _rows(model: type[BaseModel], prefix: str, nested: bool, given: Any) -> Iterator[tuple[str, str, str, str]]:
    """The settings of a model; `given` is the one that stands in its place, whose values are the defaults there."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        section = _section(field)
        if section is None:
            yield (
                path,
                _kind(field),
                _default(field, getattr(given, name, PydanticUndefined)),
                (field.description or "").replace("|", "\\|"),
            )
        elif nested:
            yield from _rows(section, f"{path}.", nested, getattr(given, name, field.default))


def _section(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a field that is a group of settings."""
    for kind in (field.annotation, *typing.get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _kind(field: FieldInfo) -> str:
    found = _kinds(field.annotation)
    return " or ".join(dict.fromkeys(found)) or "anything"


def _kinds(annotation: Any) -> list[str]:
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return [
            f"`{json.dumps(choice)}`".replace('"', "") if choice else '`""`' for choice in typing.get_args(annotation)
        ]
    if origin in (typing.Union, types.UnionType):
        return [kind for each in typing.get_args(annotation) for kind in _kinds(each)]
    if origin is typing.Annotated:
        return _kinds(typing.get_args(annotation)[0])
    names = {str: "text", bool: "true or false", int: "whole number", float: "number", dict: "map", list: "list"}
    name = names.get(origin or annotation)
    return [name] if name else []


def _default(field: FieldInfo, given: Any) -> str:
    if any(isinstance(mark, NoDefault) for mark in field.metadata):
        return ""
    if given is PydanticUndefined and field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True) if given is PydanticUndefined else given
    if value is None or value is PydanticUndefined:
        return ""
    written = json.dumps(value, ensure_ascii=False) if not isinstance(value, Section) else ""
    return f"`{written}`" if len(written) <= LONGEST_DEFAULT else "see `values.yaml` of the chart"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    print(f"wrote {FILE}")
