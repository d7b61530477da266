"""Values of settings as a line of a review shows them: short, and so that both sides can be told apart."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

LONGEST = 80
"""Characters of a value."""
_PLAIN = re.compile(r"[A-Za-z/(\[][\w./:@{}()\[\] +=,*-]*|\d[\w.]*[A-Za-z][\w./:-]*|\d+(\.\d+){2,}")
_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "unset")


class Missing:
    """Stands for a setting that is not there."""

    def __repr__(self) -> str:
        return "unset"


MISSING: Final = Missing()


def shown(value: Any, other: Any = MISSING) -> str:
    """A value on one line, at most `LONGEST` characters.

    Arguments:
        other: the value on the other side. A null is as good as unset, unless nothing else differs.
    """
    if value is None and other is MISSING:
        return "null"
    if value is MISSING or value is None:
        return "unset"
    if isinstance(value, str):
        lines = value.splitlines()
        return f"text of {len(lines)} lines" if len(lines) > 1 else shortened(_quoted(value))
    return shortened(_json(value))


def shown_texts(before: str, after: str) -> tuple[str, str]:
    """Two texts; of long ones, the place where they differ first."""
    if "\n" in before.strip() or "\n" in after.strip():
        old, new = before.splitlines(), after.splitlines()
        place = next((n for n, lines in enumerate(zip(old, new, strict=False)) if lines[0] != lines[1]), None)
        if place is None:
            place = min(len(old), len(new))
        return _line(old, place), _line(new, place)
    if max(len(before), len(after)) <= LONGEST:
        return _quoted(before), _quoted(after)
    same = next(
        (n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
    start = max(0, same - LONGEST // 4)
    lead = "..." if start else ""
    return shortened(f"{lead}{before[start:]}"), shortened(f"{lead}{after[start:]}")


def shown_lists(before: Sequence[Any], after: Sequence[Any]) -> tuple[str, str]:
    """Two lists of plain values; of long ones, how many entries there are and which are only on one side."""
    if fits(before, after):
        return _json(before), _json(after)
    old, new = ([value for value in side if value not in other] for side, other in ((before, after), (after, before)))
    if not old and not new:
        return f"{len(before)} entries", f"{len(after)} entries, some of them again or in another order"
    return _entries(before, old), _entries(after, new)


def fits(*values: Any) -> bool:
    """Whether values have room on a line as they are."""
    return all(len(_json(value)) <= LONGEST for value in values)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def shortened(text: str, longest: int = LONGEST) -> str:
    """A text with its end left out where it is long."""
    text = " ".join(text.split())
    return text if len(text) <= longest else f"{text[: longest - 3].rstrip()}..."


def _entries(side: Sequence[Any], only: Sequence[Any]) -> str:
    text = f"{len(side)} entr{'y' if len(side) == 1 else 'ies'}"
    return shortened(f"{text}, with {', '.join(map(str, only))}") if only else text


def _line(lines: Sequence[str], place: int) -> str:
    count = f"{len(lines)} line{'' if len(lines) == 1 else 's'}"
    return shortened(f"{count}, line {place + 1}: {lines[place].strip()}" if place < len(lines) else count)


def _quoted(text: str) -> str:
    """A text as it is where nobody takes it for anything else."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS and text == text.strip()
    return text if plain else json.dumps(text, ensure_ascii=False)
