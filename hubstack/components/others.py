"""A release with another value of some settings, and which of its objects that changes (docs/adr/0019)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from hubstack.chart import render, samples
from hubstack.chart.load import LoadedValues
from hubstack.chart.release import Release, TokenValues
from hubstack.chart.samples import Path
from hubstack.components import dependence

Name = tuple[str, str]
"""Kind and name of an object."""
Objects = Mapping[Name, Any]


class _AnyService(dict[str, str]):
    """A placeholder for the token of each service."""

    def __missing__(self, name: str) -> str:
        return f"token-of-{name}"


PLACEHOLDER_TOKENS = TokenValues("a" * 64, "b" * 64, "c" * 64, _AnyService())
"""Tokens that are compared, never deployed: with them, two renderings differ only where their settings do."""


def objects(release: Release) -> Objects:
    """Every object of a release, with tokens that are the same for each."""
    return {_name(each): each for each in render.objects(release, PLACEHOLDER_TOKENS)}


@dataclass(frozen=True)
class Other:
    """The release with another value of one setting, or with other secrets."""

    path: Path | None
    """Where the output is; None for secrets."""
    release: Release
    changes: frozenset[Name]
    """The objects that are not the same with it."""
    decides: frozenset[Name]
    """The objects that exist only with or only without it."""

    @classmethod
    def compared(cls, path: Path | None, release: Release, usual: Objects, found: Objects) -> Other:
        """Find the differences to the usual objects."""
        names = usual.keys() | found.keys()
        changes = frozenset(name for name in names if usual.get(name) != found.get(name))
        return cls(path, release, changes, frozenset(usual.keys() ^ found.keys()))

    def may_change(self, described: Any) -> bool:
        """Whether something that a function of the release describes may be another with it; true if in doubt."""
        if not _is_object(described):
            return True
        name = _name(described)
        # That an object exists, and how it is called, cannot be a secret.
        return name in self.changes and (self.path is not dependence.SECRET or name not in self.decides)


def with_other_secrets(
    loaded: LoadedValues,
    places: Collection[Path],
    release_of: Callable[[LoadedValues], Release],
    usual: Objects,
) -> Iterator[Other]:
    """The release with other secrets, so that whatever depends on one comes out different in one of them.

    All secrets change together, except those that decide which objects exist: with another value of such a one, objects
    would be missing in which other secrets show.

    Arguments:
        loaded: the values.
        places: where in the merged values the secrets are.
        release_of: the release of some values.
        usual: the objects as they are.
    """

    def other(user: Any) -> Other | None:
        release = release_of(loaded.with_others(user))
        try:
            return Other.compared(dependence.SECRET, release, usual, objects(release))
        except Exception:  # a builder need not understand an altered text
            return None

    @cache
    def changed(some: tuple[Path, ...]) -> Other | None:
        return other(dependence.altered(loaded.user, some))

    def shows_objects(found: Other | None) -> bool:
        return found is not None and not found.decides

    def deciding(some: tuple[Path, ...], *, certain: bool = False) -> list[Path]:
        """Those that decide which objects exist, found by halves: most settings do not.

        It is certain of the second half where the first one has none.
        """
        if not some or (not certain and shows_objects(changed(some))):
            return []
        if len(some) == 1:
            return list(some)
        middle = len(some) // 2
        first = deciding(some[:middle])
        return [*first, *deciding(some[middle:], certain=not first)]

    alone = deciding(tuple(places))
    together = tuple(place for place in places if place not in alone)
    all_others = changed(together)
    if all_others is not None and not all_others.decides:
        yield all_others
    else:
        alone += together
    for place in alone:
        candidates = (other(samples.replaced(loaded.user, {place: each})) for each in samples.every(place))
        found = changed((place,)) or next((each for each in candidates if each), None)
        if found is not None:
            yield found


def _is_object(described: Any) -> bool:
    return isinstance(described, Mapping) and {"kind", "metadata"} <= described.keys()


def _name(manifest: Mapping[str, Any]) -> Name:
    return manifest["kind"], manifest["metadata"]["name"]
