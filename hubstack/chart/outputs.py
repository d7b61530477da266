"""Outputs of the engine inside of manifests: values that may not be known yet.

A token may be plain text (``hubstack manifests``) or a Pulumi output (a stack). Builders put an output into a manifest
as it is and never look inside it; what has to be computed from it goes through `apply`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def is_output(value: object) -> bool:
    """Tell whether a value is an output of the engine instead of a plain one.

    Outputs are recognised by their methods, because this package must not import Pulumi.
    """
    return hasattr(value, "apply") and hasattr(value, "is_secret")


def apply(function: Callable[..., Any], *values: Any) -> Any:
    """Call ``function(*values)`` now when all values are plain, else once the engine knows them.

    Secretness carries over: the result of a secret output is a secret output.
    """
    for value in values:
        if is_output(value):
            return type(value).all(*values).apply(lambda known: function(*known))
    return function(*values)
