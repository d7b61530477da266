"""Which file sets a setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hubstack.review.rendering import Rendered

DEFAULT = "default"
"""Where no file sets it: the chart's or the stack's default."""
STACK_FILE = "stack file"
"""Where the stack's own settings are; its name differs from stack to stack, and the row does not."""


def origin(keys: Sequence[str], base: Rendered, head: Rendered) -> str:
    """The last file of the head that sets a value of the chart, or else, for one that goes, of the base.

    Arguments:
        keys: the setting's keys, up to a list.
    """
    for side in (head, base):
        for name, document in reversed(side.sources):
            if _has(document, keys):
                return str(name)
    return DEFAULT


def _has(document: Mapping[str, Any], keys: Sequence[str]) -> bool:
    found: Any = document
    for key in keys:
        if not isinstance(found, Mapping) or key not in found:
            return False
        found = found[key]
    return True
