"""Durations as people write them: ``90s``, ``10m``, ``1h30m``, ``2d``."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from hubstack.chart.described import described

UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
LONGEST = 3660 * 86400
"""Ten years: more is a slip of the pen, and beyond what timers of the system take."""
PATTERN = r"^(0|([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?)$"


def seconds(text: str) -> int:
    """Seconds of a duration.

    Raises:
        ValueError: it is not written in days, hours, minutes and seconds, in this order; or it is too long.
    """
    if not text or not re.fullmatch(PATTERN, text):
        raise ValueError(f"{described(text)} is no duration; write it like 90s, 10m, 1h30m or 2d")
    total = sum(float(number) * UNITS[unit] for number, unit in re.findall(r"([0-9]+)([dhms])", text))
    if total > LONGEST:
        raise ValueError(f"{described(text)} is longer than ten years")
    return int(total)


def written(total: float) -> str:
    """Seconds as a duration, without fractions."""
    rest, parts = round(total), []
    for unit, size in UNITS.items():
        count, rest = divmod(rest, size)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"


def _validate(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return seconds(value)
        except ValueError as error:
            raise PydanticCustomError("duration", "{text}", {"text": str(error)}) from None
    if value == 0 and type(value) is int:  # the one number that needs no unit
        return 0
    raise PydanticCustomError("duration", "must be a duration with its unit, like 90s, 10m, 1h30m or 2d")


Duration = Annotated[
    int,
    BeforeValidator(_validate),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["90s", "10m", "1h30m"]}),
]
"""Seconds; written as text with units."""
