"""Fields that an update cannot set, because somebody else has written them.

Applying an object conflicts in each field of it that another manager has written, and that gets another value
(Kubernetes: "Server-Side Apply", Conflicts).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hubstack.drift.compare import is_equal, key_of_items
from hubstack.drift.difference import Difference
from hubstack.drift.fields import Entry, Raw, Trace, descend, entries
from hubstack.drift.paths import MISSING, Item, Path, Step
from hubstack.engine.state import is_secret
from hubstack.migration.access import Target

Object = Mapping[str, Any]


def conflicts(target: Target, wanted: Object, before: Object, live: Object, own: str) -> Iterator[Difference]:
    """The fields in which an update of an object would conflict.

    Arguments:
        target: the object.
        wanted: as the update is to make it; what is secret may be masked.
        before: as it was declared until now, nothing masked: it counts where the update's own value is.
        live: as the cluster has it.
        own: the stack's manager of this object.
    """
    for path, value, now, traces in _written(wanted, before, live, _others(live, own), ()):
        if not is_equal(value, now, path):
            last = max((each.entry for each in traces), key=lambda entry: entry.time)
            written = tuple((each.entry, each.raw) for each in traces)
            yield Difference(target, "changed", path, value, now, last, written)


def shared(declared: Object, live: Object, own: str) -> Iterator[tuple[Entry, Raw]]:
    """Who else has written fields that a stack declares, whatever their values are, with the keys that lead to each."""
    for _, _, _, traces in _written(declared, declared, live, _others(live, own), ()):
        yield from ((each.entry, each.raw) for each in traces)


def _others(live: Object, own: str) -> list[Trace]:
    return [Trace(each, each.fields) for each in entries(live) if not _is_own(each, own)]


def _is_own(entry: Entry, own: str) -> bool:
    return entry.manager == own and entry.operation == "Apply"


Found = tuple[Path, Any, Any, Sequence[Trace]]


def _written(wanted: Any, before: Any, live: Any, traces: Sequence[Trace], path: Path) -> Iterator[Found]:
    """Each field that is wanted and there, and that others have written: its path, both values, and by whom."""
    if not traces or live is MISSING:
        return
    if is_secret(wanted):
        wanted = MISSING if is_secret(before) else before
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        for key, value in wanted.items():
            if path or key not in ("apiVersion", "kind", "status"):
                yield from _below(key, value, before, live.get(key, MISSING), traces, path)
    elif isinstance(wanted, list) and isinstance(live, list) and (key_ := key_of_items(wanted, live)):
        for each in wanted:
            step = Item(key_, each[key_])
            yield from _below(step, each, before, next(filter(step.fits, live), MISSING), traces, path)
    elif wanted is not MISSING:
        yield path, wanted, live, traces


def _below(step: Step, value: Any, before: Any, live: Any, traces: Sequence[Trace], path: Path) -> Iterator[Found]:
    if isinstance(step, str):
        former = before.get(step, MISSING) if isinstance(before, Mapping) else MISSING
    else:
        items = before if isinstance(before, list) and isinstance(step, Item) else []
        former = next((each for each in items if isinstance(step, Item) and step.fits(each)), MISSING)
    yield from _written(value, former, live, descend(traces, step, live), (*path, step))
