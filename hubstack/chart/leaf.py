"""Leaves that are not known yet.

A token may be plain text (``hubstack manifests``) or a Pulumi output (a stack). Builders put such a leaf into a
manifest as it is and never look inside it; what has to be computed from it goes through `lift`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def is_deferred(leaf: object) -> bool:
    """Tell whether a leaf is an output of the engine instead of a plain value.

    Outputs are recognised by their methods, because this package must not import Pulumi.
    """
    return hasattr(leaf, "apply") and hasattr(leaf, "is_secret")


def lift(function: Callable[..., Any], *leaves: Any) -> Any:
    """Call ``function(*leaves)`` now when all leaves are plain, else once the engine knows them.

    Secretness carries over: the result of a secret output is a secret output.
    """
    for leaf in leaves:
        if is_deferred(leaf):
            return type(leaf).all(*leaves).apply(lambda known: function(*known))
    return function(*leaves)
