"""Sizes of memory and numbers of cores, as JupyterHub reads them for a user's server.

Source: JupyterHub 5, ``traitlets.py``: ByteSpecification; ``spawner.py``: mem_limit, cpu_limit and the guarantees.
"""

from __future__ import annotations

import re
from typing import Any

from hubstack.chart.described import described

TRAITS = ("mem_limit", "mem_guarantee")
"""Traits of a spawner that hold a size."""
_UNITS = {"K": 1, "M": 2, "G": 3, "T": 4}


def number_of_bytes(value: Any) -> int | None:
    """A size in bytes; None for what JupyterHub does not read."""
    if isinstance(value, int | float):
        return int(value)
    if not isinstance(value, str) or value[-1:] not in _UNITS:
        return None
    try:
        return int(float(value[:-1]) * 1024 ** _UNITS[value[-1]])
    except (ValueError, OverflowError):
        return None


def refusal(value: Any) -> str | None:
    """Why JupyterHub refuses a size; None where it takes it."""
    if value is None or number_of_bytes(value) is not None:
        return None
    text = f"{described(value)} is no size that JupyterHub reads; write bytes, or a number with K, M, G or T"
    found = re.fullmatch(r"([0-9.]+)([KMGT])i?B?", value, re.IGNORECASE) if isinstance(value, str) else None
    return f"{text}: {found[1]}{found[2].upper()}" if found else text
