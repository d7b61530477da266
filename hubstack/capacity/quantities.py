"""Kubernetes quantities, exactly: the scheduler compares whole numbers, and a rounded one decides wrongly."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

Amounts = Mapping[str, Fraction]
"""Amount of each resource: cores, bytes or pieces."""

_POWERS = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_QUANTITY = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:[eE]([+-]?[0-9]+)|([KMGTPE]i|[numkMGTPE]?))")
_MOST_DIGITS, _MOST_DIGITS_OF_EXPONENT = 100, 3
"""More has no amount of anything, and would take for ever to compute with."""
_IN_BYTES = ("memory", "ephemeral-storage", "storage")


def parse(quantity: Any) -> Fraction | None:
    """A quantity such as ``500m``, ``2Gi`` or the number 0.5; None if it is none."""
    if isinstance(quantity, bool) or not isinstance(quantity, str | int | float):
        return None
    found = _QUANTITY.fullmatch(str(quantity))
    if not found:
        return None
    number, exponent, suffix = found.groups()
    if len(number) > _MOST_DIGITS or len(exponent or "") > _MOST_DIGITS_OF_EXPONENT:
        return None
    if suffix in _BINARY:
        return Fraction(number) * (1 << _BINARY[suffix])
    power = int(exponent) if exponent else _POWERS[suffix or ""]
    return Fraction(number) * (Fraction(10**power) if power >= 0 else Fraction(1, 10**-power))


def amounts(quantities: Mapping[str, Any] | None) -> dict[str, Fraction]:
    """The amounts of a map of quantities; what is no quantity is left out."""
    parsed = {name: parse(quantity) for name, quantity in (quantities or {}).items()}
    return {name: amount for name, amount in parsed.items() if amount is not None}


def added(parts: Iterable[Amounts]) -> dict[str, Fraction]:
    """The sum of amounts, resource by resource."""
    total: dict[str, Fraction] = {}
    for part in parts:
        for name, amount in part.items():
            total[name] = total.get(name, Fraction(0)) + amount
    return total


def greatest(parts: Iterable[Amounts]) -> dict[str, Fraction]:
    """The greatest of amounts, resource by resource."""
    most: dict[str, Fraction] = {}
    for part in parts:
        for name, amount in part.items():
            most[name] = max(most.get(name, amount), amount)
    return most


def units(resource: str, amount: Fraction) -> int:
    """An amount as the scheduler counts it: CPU in thousandths of a core, the rest in ones, rounded up."""
    return math.ceil(amount * 1000) if resource == "cpu" else math.ceil(amount)


def written(resource: str, amount: Fraction) -> str:
    """An amount for people, such as ``58.3 GiB`` or ``1.5 CPU``; rounded down: what fits is never overstated."""
    if base_name(resource) in _IN_BYTES:
        for name, power in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
            if abs(amount) >= 2**power:
                return f"{_tenths(amount / 2**power)} {name}"
        return f"{math.floor(amount)} bytes"
    if base_name(resource) == "cpu":
        # More than this no node has, and no float holds what somebody may write.
        return f"{max(-(10**18), min(10**18, math.floor(amount * 1000))) / 1000:g} CPU"
    return f"{_tenths(amount)} {resource}"


def quantity(resource: str, amount: Fraction) -> str:
    """An amount as a Kubernetes quantity."""
    if base_name(resource) == "cpu":
        thousandths = units("cpu", amount)
        return str(thousandths // 1000) if thousandths % 1000 == 0 else f"{thousandths}m"
    whole = math.ceil(amount)
    if base_name(resource) in _IN_BYTES and whole:
        for name, power in (("Gi", 30), ("Mi", 20), ("Ki", 10)):
            if whole % 2**power == 0:
                return f"{whole >> power}{name}"
    return str(whole)


def base_name(resource: str) -> str:
    """The resource that a quota's name such as ``requests.memory`` is about."""
    return resource.removeprefix("requests.").removeprefix("limits.")


def _tenths(number: Fraction) -> str:
    return f"{math.floor(number * 10) / 10:g}" if abs(number) < 10**5 else str(math.floor(number))
