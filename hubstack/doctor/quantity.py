"""Kubernetes quantities as numbers."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from hubstack.capacity import quantities

_MOST = Fraction(10**300)
"""Amounts beyond this are taken for this: no float holds what somebody may write."""


def number(quantity: Any) -> float | None:
    """A quantity such as ``500m`` or ``2Gi`` as a number, of cores, bytes or objects; None if it is none."""
    amount = quantities.parse(str(quantity).strip())
    return None if amount is None else float(max(-_MOST, min(_MOST, amount)))


def spawner_bytes(size: Any) -> float | None:
    """A size as JupyterHub reads it: ``1G`` is 2 to the 30th bytes there."""
    found = re.fullmatch(r"([0-9]+\.?[0-9]*|\.[0-9]+)([KMGT]?)", str(size).strip())
    return float(found[1]) * 1024.0 ** " KMGT".index(found[2] or " ") if found else number(size)
