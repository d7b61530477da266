"""How Go writes values as text, and how YAML reads that text back.

The chart's manifests are text before they are objects. Where a template writes a value without quotes, its type is
decided a second time by the YAML parser; where it writes a number into a string, Go's formatting decides how it looks.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from hubstack.chart import helm_yaml


def go_text(value: Any) -> str:
    """Format a value as a Go template prints it (``%v``).

    Helm holds every number as a float64, so 1,000,000 and more is written with an exponent: ``1e+06``.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _go_number(float(value))
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{_go_member(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(_go_member, value))}]"
    return str(value)


def _go_member(value: Any) -> str:
    return "<nil>" if value is None else go_text(value)


def _go_number(number: float) -> str:
    """Write a float64 with Go's ``%g`` in its shortest form: an exponent below 1e-4 and from 1e6 on."""
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    # repr() is the shortest text that reads back as the same float64, which is what Go prints too.
    exponent = int(f"{abs(number):.17e}".partition("e")[2])
    digits = _shortest_digits(abs(number))
    if exponent < -4 or exponent >= 6:
        mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
        return f"{sign}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    decimals = max(len(digits) - exponent - 1, 0)
    return f"{sign}{abs(number):.{decimals}f}"


def _shortest_digits(number: float) -> str:
    """The significant digits of a positive float64, without leading or trailing zeros."""
    return repr(number).partition("e")[0].replace(".", "").lstrip("0").rstrip("0") or "0"


def retype(value: Any) -> Any:
    """Read a value back as YAML reads what a template wrote without quotes.

    ``"true"`` becomes a bool, ``"007"`` an int, ``"[a, b]"`` a list and ``""`` null (chart-spec: text, numbers,
    quoting). Manifests are read by Go's YAML parser, whose rules are those of the values files.
    """
    return helm_yaml.load(go_text(value), source="text of a template")


def base64_text(text: str) -> str:
    """Encode UTF-8 text for the ``data`` of a Secret."""
    return base64.b64encode(text.encode()).decode()


def compact_json(value: Any) -> str:
    """Write JSON as Go's encoder does: no blanks, sorted keys, ``<``, ``>`` and ``&`` escaped."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def sha256(text: str) -> str:
    """The lower-case hex digest of UTF-8 text."""
    return hashlib.sha256(text.encode()).hexdigest()


def checksum(value: Any) -> str:
    """A digest of an object that does not depend on the order of its keys."""
    return sha256(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
