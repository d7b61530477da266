"""One field, or one object, that is not what the stack has made of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from hubstack.drift import paths
from hubstack.drift.fields import Entry, Raw
from hubstack.drift.paths import MISSING, Path
from hubstack.migration.access import Target

Change = Literal["changed", "removed", "added", "deleted"]


@dataclass(frozen=True)
class Difference:
    """A difference between what a stack declares and what its cluster has; its values may be secret."""

    target: Target
    change: Change
    """``changed``, ``removed`` or ``added`` for a field, ``deleted`` for a whole object."""
    path: Path = ()
    declared: Any = MISSING
    live: Any = MISSING
    entry: Entry | None = None
    """Who wrote the field last; None where the cluster does not know: what was removed has no writer."""
    written: tuple[tuple[Entry, Raw], ...] = field(default=(), repr=False)
    """Every entry that has written it, with the keys that lead to the field."""

    is_secret: bool = False
    """Whether the state keeps the field encrypted."""

    @property
    def object(self) -> str:
        """The object for people: ``Deployment/hub``."""
        return f"{self.target.kind}/{self.target.name}"

    @property
    def field(self) -> str:
        """The field for people; blank for the whole object."""
        return paths.dotted(self.path)

    @property
    def place(self) -> str:
        """Object and field, as ``hubstack:acceptDrift`` takes them."""
        return f"{self.object}:{self.field}" if self.path else self.object

    def where(self, **changes: Any) -> Difference:
        """The same with other facts."""
        return replace(self, **changes)


def is_accepted(place: str, accepted: str) -> bool:
    """Whether what may differ includes a place.

    Arguments:
        place: see `Difference.place`.
        accepted: an object, or a field of it with everything below.
    """
    of, _, path = place.partition(":")
    accepted_of, _, top = accepted.partition(":")
    return of == accepted_of and (paths.is_at_or_below(path, top) if path else not top)
