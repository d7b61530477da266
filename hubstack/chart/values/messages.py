"""What is wrong with a value, said to whoever edits the YAML."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic_core import ErrorDetails

from hubstack.chart.values import ChartValues
from hubstack.chart.values.legacy import replacement
from hubstack.chart.values.shared import Section

Path = tuple[str, ...]

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a map",
    "list_type": "a list",
    "model_type": "a map of settings",
}
"""What is allowed, by the name of Pydantic's error."""

_SENSITIVE = re.compile(r"(password|token|secret|credential|key|\.url)s?$", re.IGNORECASE)
"""Settings whose value stays out of messages wherever it was written."""

_LONGEST_VALUE = 60


def explain(detail: ErrorDetails, tree: Mapping[str, Any], *, hide: bool) -> Iterator[tuple[Path, str]]:
    """Turn an error of the models into paths with messages.

    Arguments:
        detail: what Pydantic found.
        tree: the tree that was validated.
        hide: whether the value must not be shown.
    """
    path = tuple(str(step) for step in detail["loc"] if step != "[key]")
    kind, value = detail["type"], detail["input"]
    hide = hide or _SENSITIVE.search(".".join(path)) is not None
    if kind == "pull_secret":
        yield from _pull_secret(path, detail["ctx"])
    elif kind == "extra_forbidden":
        yield path, unknown_key(path, value)
    elif kind == "string_pattern_mismatch":
        yield path, _unknown_class(path[-1])
    elif value is None or kind == "missing":
        yield path, _null(kind, path, tree)
    else:
        yield path, f"{_what_is_wrong(kind, value, hide)}{_allowed(detail)}"


def described(value: Any, *, hide: bool = False) -> str:
    """A value as a word or two; containers and hidden values by their type only."""
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a truth value" if hide else f"the truth value {str(value).lower()}"
    if isinstance(value, int | float):
        return "a number" if hide else f"the number {value}"
    text = repr(value)
    return "this text" if hide else f"{text[:_LONGEST_VALUE]}..." if len(text) > _LONGEST_VALUE else text


def unknown_key(path: Sequence[str], value: Any = None) -> str:
    """Say that a key is unknown, and which one may have been meant."""
    if moved := replacement(path):
        return f"unknown key; {moved}"
    known = known_keys(path[:-1])
    if near := difflib.get_close_matches(path[-1], known, n=1):
        return f"unknown key; did you mean {near[0]!r}?"
    folded = {key.lower(): key for key in known}
    if same := folded.get(path[-1].replace("_", "").lower()):
        return f"unknown key; did you mean {same!r}?"
    if len(path) == 1 and isinstance(value, Mapping) and set(value) & set(known):
        return "unknown key; values of an umbrella chart? move what is below it up to the top"
    return f"unknown key; known here: {', '.join(sorted(known))}" if known else "unknown key"


def known_keys(path: Sequence[str]) -> list[str]:
    """The keys that a section knows; none where anything goes."""
    model: Any = ChartValues
    for step in path:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        model = fields[step].annotation if step in fields else None
        if not (isinstance(model, type) and issubclass(model, Section)):
            return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _what_is_wrong(kind: str, value: Any, hide: bool) -> str:
    if kind == "literal_error":
        return f"{described(value, hide=hide)} is not allowed; "
    if kind == "string_type" and not isinstance(value, dict | list):
        return f"must be text, not {described(value, hide=hide)}; put it in quotes"
    return f"{described(value, hide=hide)} is not allowed; must be "


def _allowed(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "literal_error":
        return f"use one of: {_choices(str(context['expected']))}"
    if kind == "greater_than_equal":
        return f"{context['ge']} or more"
    if kind == "wrong_type":
        return str(context["described"])
    if kind == "string_type" and not isinstance(detail["input"], dict | list):
        return ""
    return _WANTED.get(kind, str(detail["msg"]))


def _choices(expected: str) -> str:
    """Pydantic's ``'a', 'b' or 'c'`` as ``a, b, c``; a blank one stays in quotes."""
    return ", ".join(choice or '""' for choice in re.findall(r"'([^']*)'", expected))


def _null(kind: str, path: Path, tree: Mapping[str, Any]) -> str:
    wanted = _WANTED.get(kind)
    hint = f" or set it to {wanted}" if wanted else ""
    if kind == "missing":
        return "is missing; it is required here"
    if _holds(tree, path):
        return f"must not be null; leave it out{hint}"
    return f"is required, but a null removes it; leave it out to get its default{hint}"


def _holds(tree: Mapping[str, Any], path: Path) -> bool:
    found: Any = tree
    for step in path:
        if not isinstance(found, Mapping) or step not in found:
            return False
        found = found[step]
    return True


def _unknown_class(name: str) -> str:
    usual = ["JupyterHub", "KubeSpawner", "Authenticator", "CryptKeeper", "ConfigurableHTTPProxy"]
    folded = {key.lower(): key for key in usual}
    guess = folded.get(name.lower()) or f"{name[:1].upper()}{name[1:]}"
    return f"unknown key; keys of hub.config are class names and start with a capital; did you mean {guess!r}?"


def _pull_secret(path: Path, context: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    for key in context["lacking"]:
        yield (*path, key), "is required while imagePullSecret.create is true; set it to text"
    for key in context["unknown"]:
        yield (*path, key), unknown_key((*path, key))
