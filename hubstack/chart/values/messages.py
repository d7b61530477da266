"""What is wrong with a value, said to whoever edits the YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic_core import ErrorDetails

from hubstack.chart.values.legacy import replacement
from hubstack.chart.values.placement import belongs, known_keys
from hubstack.chart.values.shapes import how_to_write
from hubstack.chart.wording import WANTED, nearest, place, unknown, wrong

Path = tuple[str, ...]

_SENSITIVE = re.compile(r"(password|token|secret|credential|key|\.url)s?$", re.IGNORECASE)
"""Settings whose value stays out of messages wherever it was written."""


def explain(detail: ErrorDetails, tree: Mapping[str, Any], *, hide: bool) -> Iterator[tuple[Path, str]]:
    """Turn an error of the models into paths with messages.

    Arguments:
        detail: what Pydantic found.
        tree: the tree that was validated.
        hide: whether the value must not be shown.
    """
    path = steps(detail)
    kind, value = detail["type"], detail["input"]
    hide = hide or _SENSITIVE.search(".".join(path)) is not None
    if kind == "pull_secret":
        yield from _pull_secret(path, detail["ctx"])
    elif kind == "extra_forbidden":
        yield path, unknown_key(path, value)
    elif kind == "string_pattern_mismatch":
        yield path, _unknown_class(path[-1])
    elif value is None and kind != "missing" and not _holds(tree, path):
        hint = f" or set it to {WANTED[kind]}" if kind in WANTED else ""
        yield path, f"is required, but a null removes it; leave it out to get its default{hint}"
    else:
        yield path, f"{wrong(detail, hide=hide)}{'' if hide else how_to_write(path, value, kind)}"


def steps(detail: ErrorDetails) -> Path:
    """The path of an error; an index belongs to the step of its list: ``("hub", "args[0]")``."""
    found: list[str] = []
    for step in place(detail):
        if isinstance(step, int) and found:
            found[-1] += f"[{step}]"
        else:
            found.append(str(step))
    return tuple(found)


def unknown_key(path: Sequence[str], value: Any = None) -> str:
    """Say that a key is unknown, and which one may have been meant."""
    if moved := replacement(path):
        return f"unknown key; {moved}"
    known = known_keys(path[:-1])
    if nearest(path[-1], known) and not belongs(path):
        return unknown(path[-1], known)
    if len(path) == 1 and isinstance(value, Mapping) and OWN_KEYS & value.keys():
        return (
            "unknown key; settings of this chart stand below it: move them up to the top. If all of a parent chart's "
            f"file were written that way, --values-key {path[0]} would take them from there"
        )
    if places := belongs(path):
        return f"unknown key; it belongs {' or '.join(places)}"
    return unknown(path[-1], known)


OWN_KEYS = frozenset({"hub", "proxy", "singleuser", "scheduling", "prePuller", "cull"})
"""Keys by which values of this chart are known; its others are names that any chart may have."""


def _holds(tree: Mapping[str, Any], path: Path) -> bool:
    found: Any = tree
    for step in path:
        if not isinstance(found, Mapping) or step not in found:
            return False
        found = found[step]
    return True


def _unknown_class(name: str) -> str:
    if name in known_keys(("hub",)):
        return f"unknown key; it belongs one level up: hub.{name}"
    usual = ["JupyterHub", "KubeSpawner", "Authenticator", "CryptKeeper", "ConfigurableHTTPProxy"]
    folded = {key.lower(): key for key in usual}
    guess = folded.get(name.lower()) or f"{name[:1].upper()}{name[1:]}"
    return f"unknown key; keys of hub.config are class names and start with a capital; did you mean {guess!r}?"


def _pull_secret(path: Path, context: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    for key in context["lacking"]:
        yield (*path, key), "is required while imagePullSecret.create is true; set it to text"
    for key in context["unknown"]:
        yield (*path, key), unknown_key((*path, key))
