"""Which settings of a stack differ, one by one: path, value before, value after, and the file that sets it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from pydantic import BaseModel

from hubstack.chart.values import ChartValues
from hubstack.configuration import PREFIX
from hubstack.review.lists import Pair, pairs, scalars
from hubstack.review.origins import STACK_FILE, origin
from hubstack.review.rendering import Rendered
from hubstack.review.secrets import Redactor
from hubstack.review.shown import MISSING, fits, shortened, shown, shown_lists, shown_texts
from hubstack.secret_settings import is_secret, step

ABOUT_THE_CHART = ("Chart", "Release")
"""What the chart itself adds to the values that it gives to the hub."""
SECRET_CONFIG = frozenset(f"adoptedTokens.{name}" for name in ("proxy", "cookie", "crypt", "services"))
"""Secrets of the stack's own settings."""


@dataclass(frozen=True)
class ChangedSetting:
    """One setting that differs, as it may be shown: without secrets, and short."""

    path: str
    """Dotted; members of lists stand by their name, as in ``singleuser.profileList[large]``."""
    before: str
    after: str
    source: str = ""
    """The file, or the key of the stack's file, that sets it; of a setting that goes, the one that did."""

    def __str__(self) -> str:
        return f"{self.path}: {self.before} -> {self.after}"


def changed(base: Rendered, head: Rendered, redactor: Redactor) -> tuple[ChangedSetting, ...]:
    """Every setting of the stack and of the chart that differs, in the order of their paths."""
    own = _Walk(redactor, SECRET_CONFIG, lambda _: STACK_FILE)
    chart = _Walk(redactor, base.secrets | head.secrets, lambda keys: origin(keys, base, head))
    rows = [replace(row, path=f"{PREFIX}{row.path}") for row in own.differences(base.config, head.config, _Place())]
    rows += chart.differences(_chart_values(base), _chart_values(head), _Place())
    return tuple(sorted(rows, key=order))


def order(setting: ChangedSetting) -> tuple[bool, str]:
    """The stack's own settings come first, then those of the chart by path."""
    return not setting.path.startswith(PREFIX), setting.path


def _chart_values(side: Rendered) -> Mapping[str, Any]:
    return {key: value for key, value in side.values.items() if key not in ABOUT_THE_CHART}


@cache
def sections() -> frozenset[str]:
    """Paths of the groups of settings: what comes or goes there is told setting by setting."""

    def below(model: type[BaseModel], path: str) -> Iterator[str]:
        for name, field in model.model_fields.items():
            kind = field.annotation
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield f"{path}{field.alias or name}"
                yield from below(kind, f"{path}{field.alias or name}.")

    # The stack's own StorageClass is a group, too, and a class of the hub's configuration is one of traits.
    return frozenset({"", "hub.config", "storageClass", *below(ChartValues, "")})


@dataclass(frozen=True)
class _Place:
    """A place in both trees; where members of lists have moved, it has another path on each side."""

    shown: str = ""
    before: str = ""
    after: str = ""
    named_before: str = ""
    named_after: str = ""
    keys: tuple[str, ...] = ()
    """Of the setting, up to a list."""

    def member(self, key: str, before: Any, after: Any) -> _Place:
        """The place of a map's member."""
        return _Place(
            _join(self.shown, key),
            _join(self.before, key),
            _join(self.after, key),
            _join(self.named_before, step(before, key)),
            _join(self.named_after, step(after, key)),
            self.keys if "[" in self.shown else (*self.keys, key),
        )

    def entry(self, pair: Pair) -> _Place:
        """The place of a list's member."""
        return _Place(
            f"{self.shown}[{pair.name}]",
            f"{self.before}.{pair.places[0]}",
            f"{self.after}.{pair.places[1]}",
            f"{self.named_before}.{pair.places[0]}",
            f"{self.named_after}.{pair.places[1]}",
            self.keys,
        )


@dataclass(frozen=True)
class _Walk:
    redactor: Redactor
    declared: frozenset[str]
    """Paths that are secret whatever they are called."""
    source: Callable[[Sequence[str]], str]
    """Says which file sets a setting."""

    def differences(self, before: Any, after: Any, at: _Place) -> Iterator[ChangedSetting]:
        if _same(before, after):
            return
        if self._secret(before, at.before, at.named_before) or self._secret(after, at.after, at.named_after):
            yield self._told(at, self._digest(before), self._digest(after))
        elif isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from self._maps(before, after, at)
        elif self._is_group(before, after, at):
            yield from self._maps(_map(before), _map(after), at)
        elif isinstance(before, list) and isinstance(after, list):
            yield from self._lists(before, after, at)
        else:
            yield self._row(before, after, at)

    def _maps(self, before: Mapping[str, Any], after: Mapping[str, Any], at: _Place) -> Iterator[ChangedSetting]:
        for key in sorted({*before, *after}, key=str):
            old, new = before.get(key, MISSING), after.get(key, MISSING)
            yield from self.differences(old, new, at.member(str(key), before, after))

    def _lists(self, before: list[Any], after: list[Any], at: _Place) -> Iterator[ChangedSetting]:
        if scalars(before) and scalars(after):
            places = [place for place, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]]
            if len(before) == len(after) and len(places) == 1 and not fits(before, after):
                pair = Pair(str(places[0]), (places[0], places[0]))
                yield from self.differences(before[places[0]], after[places[0]], at.entry(pair))
                return
            old, new = (self._open(value, *where) for value, where in self._sides(before, after, at))
            yield self._told(at, *shown_lists(old, new))
            return
        members = pairs(at.shown, before, after)
        for pair in members:
            old, new = (
                side[place] if place is not None else MISSING
                for side, place in zip((before, after), pair.places, strict=True)
            )
            yield from self.differences(old, new, at.entry(pair))
        kept = [pair for pair in members if None not in pair.places]
        orders = [[pair.name for pair in sorted(kept, key=lambda pair: pair.places[side] or 0)] for side in (0, 1)]
        if orders[0] != orders[1]:
            old, new = (shortened(self.redactor.text(", ".join(names))) for names in orders)
            yield self._told(replace(at, shown=f"{at.shown} (order)"), old, new)

    def _row(self, before: Any, after: Any, at: _Place) -> ChangedSetting:
        old, new = (self._open(value, *where) for value, where in self._sides(before, after, at))
        if isinstance(old, str) and isinstance(new, str):
            return self._told(at, *shown_texts(old, new))
        return self._told(at, shown(old, new), shown(new, old))

    def _sides(self, before: Any, after: Any, at: _Place) -> tuple[tuple[Any, tuple[str, str]], ...]:
        return (before, (at.before, at.named_before)), (after, (at.after, at.named_after))

    def _open(self, value: Any, path: str, named: str) -> Any:
        return value if value is MISSING else self.redactor.value(value, self.declared, path, named)

    def _told(self, at: _Place, before: str, after: str) -> ChangedSetting:
        return ChangedSetting(self.redactor.text(at.shown), before, after, self.source(at.keys))

    def _digest(self, value: Any) -> str:
        return shown(value) if value in (MISSING, None, "") else f"(secret {self.redactor.digest(value)})"

    def _secret(self, value: Any, path: str, named: str) -> bool:
        """Whether a value is hidden as a whole; a map that only sounds secret is judged member by member."""
        if value in (MISSING, None, "") or (isinstance(value, Mapping) and path not in self.declared):
            return False
        return is_secret(path, self.declared, named)

    def _is_group(self, before: Any, after: Any, at: _Place) -> bool:
        """Whether one side is a group of settings that the other lacks."""
        if not all(value in (MISSING, None) or isinstance(value, Mapping) for value in (before, after)):
            return False
        return at.shown in sections() or at.shown.rpartition(".")[0] == "hub.config"


def _same(before: Any, after: Any) -> bool:
    """Whether two values are equal to Kubernetes and the hub; a truth value never equals a number."""
    if isinstance(before, bool) or isinstance(after, bool):
        return before is after
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return before.keys() == after.keys() and all(_same(before[key], after[key]) for key in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_same, before, after))
    return type(before) is type(after) and bool(before == after) if isinstance(before, str) else bool(before == after)


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
