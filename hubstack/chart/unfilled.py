"""Settings that are still places of a template: somebody was to put something else there before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hubstack.chart.values.shapes import is_unfilled

Path = tuple[str, ...]

_MAY_BE_TEMPLATES = frozenset({
    "custom", "extraConfig", "extraFiles", "extraEnv", "command", "args", "cmd", "lifecycle", "lifecycleHooks",
    "initContainers", "extraContainers", "extraPodSpec", "extraPodConfig", "environment", "templateVars",
    "template_vars", "extraCommandLineFlags", "extraStaticConfig", "extraDynamicConfig", "kubespawner_override",
})  # fmt: skip
"""Keys below which code, or a text that is filled in later, may stand."""


def doubts(tree: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Path and message of each.

    Arguments:
        tree: the merged values.
    """
    for path in _texts(tree, ()):
        yield path, "looks like a template that nothing has filled in; it is used as it stands"


def _texts(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, Mapping):
        for key, member in value.items():
            if key not in _MAY_BE_TEMPLATES and "template" not in key:
                yield from _texts(member, (*path, key))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _texts(member, (*path[:-1], f"{path[-1]}[{index}]"))
    elif is_unfilled(value):
        yield path
