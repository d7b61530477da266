"""What Pydantic finds wrong with a setting, in words for whoever edits the YAML; the one home of these sentences."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from hubstack.chart.described import described

WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number that is not infinite",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a map",
    "list_type": "a list",
    "model_type": "a map of settings",
    "model_attributes_type": "a map of settings",
    "too_short": "a list with something in it",
}
"""What is allowed, by the name of Pydantic's error."""


def wrong(detail: ErrorDetails, *, hide: bool = False) -> str:
    """What is wrong with a value, and what is allowed.

    Arguments:
        detail: what Pydantic found; `unknown` is for keys.
        hide: whether the value must not be shown.
    """
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    shown = described(value, hide=hide)
    if kind == "missing":
        return "is missing; it is required here"
    if value is None:
        return f"must not be null; leave it out{f' or set it to {WANTED[kind]}' if kind in WANTED else ''}"
    if kind == "literal_error":
        return f"{shown} is not allowed; use one of: {_choices(str(context['expected']))}"
    if kind == "string_type" and not isinstance(value, dict | list):
        return f"must be text, not {shown}; put it in quotes"
    if allowed := _allowed(kind, context):
        return f"{shown} is not allowed; must be {allowed}"
    text = str(detail["msg"])  # an error of our own
    return f"{shown} is not allowed; {text}" if text.startswith("must ") else text


def _allowed(kind: str, context: Mapping[str, Any]) -> str | None:
    match kind:
        case "greater_than_equal":
            return f"{context['ge']} or more"
        case "greater_than":
            return f"more than {context['gt']}"
        case "less_than":
            return f"less than {context['lt']}"
        case "less_than_equal":
            return f"{context['le']} or less"
        case "wrong_type":
            return str(context["described"])
        case "string_pattern_mismatch":
            return _PATTERNS.get(context["pattern"], f"text that matches {context['pattern']}")
    return WANTED.get(kind)


_PATTERNS = {
    r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$": "1 to 63 lower-case letters, digits and '-', with no '-' at either end",
    r"^[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?$": "1 to 53 lower-case letters, digits and '-', with no '-' at either end",
    r"^[A-Za-z0-9][A-Za-z0-9._-]*$": "letters, digits, '.', '_' and '-', with a letter or a digit first",
    r"^[A-Za-z0-9]": "text that begins with a letter or a digit",
    r"^[a-z0-9][a-z0-9-]*$": "lower-case letters, digits and '-', with no '-' first",
    r"^[A-Za-z0-9][A-Za-z0-9._/+-]*$": "the name of a commit, a tag or a branch",
    r"\S": "text that is not blank",
    r"^[^.\s]+(\.[^.\s]+)*$": "names of charts, joined by dots, such as basehub.jupyterhub",
    r"^https?://": "a URL that begins with http:// or https://",
}
"""Patterns of settings in words."""


def _choices(expected: str) -> str:
    """Pydantic's ``'a', 'b' or 'c'`` as ``a, b, c``; a blank one stays in quotes."""
    return ", ".join(choice or '""' for choice in re.findall(r"'([^']*)'", expected))


def place(detail: ErrorDetails) -> tuple[str | int, ...]:
    """Where it is: keys and list indexes. Of a map's key that is wrong, Pydantic says so by one more step."""
    path = detail["loc"]
    return path[:-1] if path[-1:] == ("[key]",) and detail["type"] != "extra_forbidden" else path


def unknown(key: str, known: Iterable[str]) -> str:
    """Say that a key is unknown, and which one may have been meant."""
    names = sorted(known)
    if near := nearest(key, names):
        return f"unknown key; did you mean {near!r}?"
    return f"unknown key; known here: {', '.join(names)}" if names else "unknown key"


def nearest(key: str, known: Sequence[str]) -> str | None:
    """The known key that may have been meant, if any; case and underscores are no difference."""
    folded = {each.lower(): each for each in known}
    return next(iter(difflib.get_close_matches(key, known, n=1)), None) or folded.get(key.replace("_", "").lower())


def dotted(path: Iterable[str | int]) -> str:
    """A path as people write it: ``waves[0].gates[1].type``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def keys(model: type[BaseModel]) -> list[str]:
    """The keys of a model, as they are written."""
    return [field.alias or name for name, field in model.model_fields.items()]


def model_at(model: Any, path: Sequence[str | int], document: Any) -> type[BaseModel] | None:
    """The model that a place of a document is read with; None where anything goes.

    Arguments:
        model: the model of the whole document.
        path: keys and list indexes.
        document: the document; of models that are told apart by their ``type``, it says which one is meant.
    """
    for step in path:
        document = _member(document, step)
        model = _step(model, step, document)
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _member(document: Any, step: str | int) -> Any:
    if isinstance(document, Mapping):
        return document.get(step)
    return document[step] if isinstance(document, list) and isinstance(step, int) and step < len(document) else None


def _step(model: Any, step: str | int, document: Any) -> Any:
    """The type of a member of something of a type."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
        member = fields.get(str(step))
    else:
        member = next(reversed(get_args(model)), None) if get_origin(model) in (dict, list) else None
    return _chosen(member, document)


def _chosen(member: Any, document: Any) -> Any:
    """Of a choice of types the model that a document's ``type`` names, or the only one."""
    if get_origin(member) is Annotated:
        return _chosen(get_args(member)[0], document)
    if get_origin(member) not in (Union, UnionType):
        return member
    choices = [each for each in get_args(member) if each is not type(None)]
    if len(choices) == 1:
        return choices[0]
    wanted = document.get("type") if isinstance(document, Mapping) else None
    return next((each for each in choices if wanted in _types(each)), None)


def _types(model: Any) -> tuple[Any, ...]:
    field = model.model_fields.get("type") if isinstance(model, type) and issubclass(model, BaseModel) else None
    return get_args(field.annotation) if field and get_origin(field.annotation) is Literal else ()
