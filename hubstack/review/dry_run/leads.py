"""Which setting leads to a field that the API server refuses: one that has the field's value, or its name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubstack.configuration import PREFIX
from hubstack.review.dry_run import fields
from hubstack.review.dry_run.answers import Complaint
from hubstack.review.origins import STACK_FILE
from hubstack.review.rendering import Rendered

MOST = 3
"""So many settings are named; where more would fit, none is."""
SHORTEST_PART = 3
"""Characters of a text that is recognised inside of another, as a release's name is in an object's."""


def settings(complaint: Complaint, stack: Rendered) -> list[str]:
    """The settings that may lead to a complaint, each with what sets it; none where it cannot be told.

    Arguments:
        complaint: about an object.
        stack: whose object it is.
    """
    given = list(_given(stack))
    last = complaint.field.rpartition(".")[2].partition("[")[0]
    if complaint.unknown:
        found = [each for each in given if each.key == last]
    else:
        found = [each for each in given if _same(each.value, complaint.value)]
        found = [each for each in found if each.key.lower() == last.lower()] or found or _parts(given, complaint.value)
    named = list(dict.fromkeys(f"{each.path} ({each.source})" for each in found))
    return named if len(named) <= MOST else []


@dataclass(frozen=True)
class _Setting:
    """One setting that somebody has set, or a member of one."""

    path: str
    key: str
    """Its last key; blank for a member of a list."""
    value: Any
    source: str


def _given(stack: Rendered) -> Iterator[_Setting]:
    """Every setting that somebody has set; of one that a later source sets again, the last."""
    own = {key: value for key, value in stack.config.items() if value is not None}
    for path, key, value in fields.members(own):
        yield _Setting(f"{PREFIX}{path}", key, value, STACK_FILE)
    last: dict[str, _Setting] = {}
    for source, document in stack.sources:
        last |= {path: _Setting(path, key, value, source) for path, key, value in fields.members(document)}
    yield from last.values()


def _parts(given: Sequence[_Setting], value: Any) -> list[_Setting]:
    """The longest settings that are a word of a text, as a release's name is of an object's."""
    if not isinstance(value, str):
        return []
    texts = [each for each in given if isinstance(each.value, str) and len(each.value) >= SHORTEST_PART]
    parts = [each for each in texts if re.search(rf"(?<!\w){re.escape(each.value)}(?!\w)", value)]
    longest = max((len(each.value) for each in parts), default=0)
    return [each for each in parts if len(each.value) == longest]


def _same(setting: Any, value: Any) -> bool:
    """Whether a setting is a value, which builders may have written as a text."""
    if value is None or value == "" or isinstance(setting, bool) != isinstance(value, bool):
        return False
    if isinstance(setting, (Mapping, list)) or isinstance(value, (Mapping, list)):
        return bool(setting == value)
    return setting == value or str(setting) == str(value) or json.dumps(setting, default=str) == value
