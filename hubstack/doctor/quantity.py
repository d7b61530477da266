"""Kubernetes quantities as numbers."""

from __future__ import annotations

import re
from typing import Any

_SUFFIXES = {
    "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip
_QUANTITY = re.compile(r"([+-]?[0-9.]+)(?:([eE][+-]?[0-9]+)|([numkMGTPE]i?)?)")


def number(quantity: Any) -> float | None:
    """A quantity such as ``500m`` or ``2Gi`` as a number, of cores, bytes or objects; None if it is none."""
    found = _QUANTITY.fullmatch(str(quantity).strip())
    try:
        return float(found[1] + (found[2] or "")) * _SUFFIXES[found[3] or ""] if found else None
    except (ValueError, KeyError):
        return None


def spawner_bytes(size: Any) -> float | None:
    """A size as JupyterHub reads it: ``1G`` is 2 to the 30th bytes there."""
    found = re.fullmatch(r"([0-9]+\.?[0-9]*|\.[0-9]+)([KMGT]?)", str(size).strip())
    return float(found[1]) * 1024.0 ** " KMGT".index(found[2] or " ") if found else number(size)
