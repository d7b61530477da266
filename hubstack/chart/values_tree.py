"""Questions to a merged tree of values, whatever its types are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def at(tree: Any, *path: str) -> Any:
    """The value at a path; None where there is none."""
    for step in path:
        if not isinstance(tree, Mapping):
            return None
        tree = tree.get(step)
    return tree


def makes_autohttps(tree: Any) -> bool:
    """Whether the chart makes the pod for automatic HTTPS."""
    https = at(tree, "proxy", "https")
    return bool(at(https, "enabled") and at(https, "type") == "letsencrypt" and at(https, "hosts"))


def pulls_images(tree: Any) -> bool:
    """Whether the chart makes an image puller."""
    return bool(at(tree, "prePuller", "hook", "enabled") or at(tree, "prePuller", "continuous", "enabled"))
