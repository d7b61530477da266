"""What a step of the engine changes on an object, field by field; secrets stay hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubstack.engine.things import Thing

SECRET = "[secret]"
"""What the engine's log has in the place of a secret."""
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_STEP = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.\[\]]+)')
_REPLACE = "replace"
_ABSENT = object()


@dataclass(frozen=True)
class Field:
    """One field that is another afterwards."""

    path: str
    before: Any
    """None where it is not there."""
    after: Any
    """None where it goes."""
    replaces: bool = False
    """Whether the object has to be made anew for it."""


@dataclass(frozen=True)
class Difference:
    """One object that does not stay as it is."""

    operation: str
    """``create``, ``update``, ``replace`` or ``delete``."""
    about: Thing
    fields: tuple[Field, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        fields = [{"path": each.path, "before": each.before, "after": each.after} for each in self.fields]
        return {"operation": self.operation, "kind": self.about.kind, "name": self.about.name, "fields": fields}


def difference(metadata: Mapping[str, Any], about: Thing) -> Difference:
    """What a step changes.

    Arguments:
        metadata: of the step's event; the engine has put `SECRET` in the place of each secret.
        about: what the step is about.
    """
    operation = str(metadata.get("op"))
    if operation not in ("update", "replace"):
        return Difference(operation, about)
    before, after = ((metadata.get(side) or {}).get("inputs") or {} for side in ("old", "new"))
    fields = []
    for path, kind in (metadata.get("detailedDiff") or {}).items():
        replaces = _REPLACE in str(kind.get("diffKind"))
        fields += [Field(place, one, two, replaces) for place, one, two in _values(path, before, after)]
    if not fields:
        fields = [
            Field(key, _shown(before.get(key, _ABSENT)), _shown(after.get(key, _ABSENT)))
            for key in metadata.get("diffs") or []
        ]
    return Difference(operation, about, tuple(fields))


def outputs_differ(metadata: Mapping[str, Any]) -> bool:
    """Whether a step of the stack itself gives it other outputs.

    Arguments:
        metadata: of the step's event.
    """
    before, after = ((metadata.get(side) or {}).get("outputs") or {} for side in ("old", "new"))
    return before != after


def _values(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """Both values of a field; of a text of many lines or a map, what differs in it."""
    steps = [found[1] or found[3] or int(found[2]) for found in _STEP.finditer(path)]
    one, two = _at(before, steps), _at(after, steps)
    if isinstance(one, Mapping) and isinstance(two, Mapping) and _SIGNATURE not in {*one, *two}:
        for key in dict.fromkeys([*one, *two]):
            if one.get(key, _ABSENT) != two.get(key, _ABSENT):
                yield f"{path}.{key}", _shown(one.get(key, _ABSENT)), _shown(two.get(key, _ABSENT))
        return
    yield path, _shown(one), _shown(two)


def _at(value: Any, steps: Sequence[str | int]) -> Any:
    """What is at a place; a secret that holds the place stands for it. Keys with dots come in several steps."""
    if isinstance(value, Mapping) and _SIGNATURE in value:
        return SECRET
    if not steps:
        return value
    if isinstance(value, list):
        at = steps[0]
        return _at(value[at], steps[1:]) if isinstance(at, int) and at < len(value) else _ABSENT
    if isinstance(value, Mapping):
        for length in range(1, len(steps) + 1):
            key = ".".join(str(step) for step in steps[:length])
            if key in value:
                return _at(value[key], steps[length:])
    return _ABSENT


def _shown(value: Any) -> Any:
    """A value as it may be seen."""
    if value is _ABSENT:
        return None
    if isinstance(value, Mapping):
        if _SIGNATURE in value:
            return SECRET
        return {key: _shown(member) for key, member in value.items()}
    return [_shown(member) for member in value] if isinstance(value, list) else value
