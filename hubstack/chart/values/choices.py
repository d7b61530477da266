"""The texts that a setting chooses from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from hubstack.chart.values import ChartValues


def choices(path: Sequence[str]) -> list[str]:
    """Every text that a setting takes; empty where it is no choice between texts.

    Arguments:
        path: the setting's keys, as in ``config.yaml``.
    """
    model: type[BaseModel] = ChartValues
    annotation: Any = None
    for key in path:
        field = next((field for field in model.model_fields.values() if field.alias == key), None)
        if field is None:
            return []
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return [text for text in _literals(annotation) if isinstance(text, str)]


def _literals(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [text for part in get_args(annotation) for text in _literals(part)]
