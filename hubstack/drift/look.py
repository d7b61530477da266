"""One look at one stack: what of its objects is not as it was declared."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from hubstack.drift import compare, conflicts, declared
from hubstack.drift.declared import Declared
from hubstack.drift.difference import Difference
from hubstack.drift.fields import Entry, Raw
from hubstack.drift.live import Live
from hubstack.drift.paths import MISSING, at
from hubstack.engine.state import State
from hubstack.errors import HubstackError
from hubstack.migration import helm_storage
from hubstack.migration.access import Target

AT_ONCE = 8
"""Objects of one stack that are asked for side by side."""

Records = Callable[[str, str, int], helm_storage.Record | None]
"""Gives Helm's record of a revision of a release, by namespace and name; None where there is none."""


@dataclass(frozen=True)
class Looked:
    """One object, declared and live."""

    declared: Declared
    """Nothing in it is encrypted where something differs."""
    live: Mapping[str, Any] | None
    """None: it is not there."""
    differences: tuple[Difference, ...] = ()

    @property
    def is_shared(self) -> bool:
        """Whether somebody else has written fields that the stack declares."""
        return any(True for _ in self.shared)

    @property
    def shared(self) -> Iterator[tuple[Entry, Raw]]:
        """Who else has written fields that the stack declares, with the keys that lead to each."""
        if self.live is not None:
            yield from conflicts.shared(self.declared.manifest, self.live, self.declared.own)


@dataclass(frozen=True)
class Seen:
    """What one look has found."""

    differences: tuple[Difference, ...] = ()
    objects: Mapping[Target, Looked] = field(default_factory=dict)
    """Every object of the stack."""


def look(state: State, live: Live, records: Records, unlock: Callable[[], State]) -> Seen:
    """Compare a stack's objects with its cluster.

    Each object is read once. Where something differs, the API server is asked what it would make of the declared object
    if that were new: what it fills in or writes otherwise is no difference.

    Arguments:
        state: the stack's state; secrets may be encrypted.
        live: its cluster.
        records: reads Helm's records.
        unlock: gives the state with its secrets in the open; asked only where somebody may have changed a secret.

    Raises:
        Unreadable: the cluster does not answer, or may not be read.
        HubstackError: the state or Helm's record cannot be read.
    """
    unlocked = functools.cache(unlock)
    objects = declared.of_state(state)
    found: list[Difference] = []
    if state.release is not None:
        of_release, other = _release(state, records)
        objects += of_release
        found += other
    seen = look_at(objects, live, unlocked)
    found += [_scaled_to_none(each) for several in seen for each in several.differences]
    return Seen(tuple(_without_autoscaled(found, live)), {each.declared.target: each for each in seen})


def look_at(objects: Sequence[Declared], live: Live, unlocked: Callable[[], State]) -> list[Looked]:
    """Look at some objects; arguments and errors as for `look`."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(functools.partial(_look_at, live=live, unlocked=unlocked), objects))


def _look_at(each: Declared, live: Live, unlocked: Callable[[], State]) -> Looked:
    now = live.find(each.target)
    if now is None:
        return Looked(_opened(each, unlocked), None, (Difference(each.target, "deleted"),))
    as_it_was = each if each.is_untouched(now) else _opened(each, unlocked)
    found = list(compare.differences(each.target, as_it_was.manifest, now, each.own))
    if not found:
        return Looked(as_it_was, now)
    as_it_was = _opened(each, unlocked)
    normal = _normal(found, live.as_new(each.target, as_it_was.manifest), now)
    return Looked(
        as_it_was, now, tuple(one.where(is_secret=declared.is_closed(each.manifest, one.path)) for one in normal)
    )


def _opened(each: Declared, unlocked: Callable[[], State]) -> Declared:
    return declared.opened(each, unlocked()) if each.is_closed else each


_SCALED = Entry("unknown", "Update", "scale", "", {})
"""Who has set replicas that nobody is noted for: the subresource notes none where there are to be none."""


def _scaled_to_none(each: Difference) -> Difference:
    unknown = each.path == ("spec", "replicas") and each.live == 0 and each.entry is None
    return each.where(entry=_SCALED) if unknown else each


def _normal(
    found: Sequence[Difference], as_new: Mapping[str, Any] | None, live: Mapping[str, Any]
) -> Iterator[Difference]:
    """The differences that are left if the API server has normalised the declared object, too."""
    for each in found:
        if as_new is None:  # it does not say: what is nothing to it in nearly every field counts as that
            is_known = each.entry is not None if each.change == "added" else each.change == "changed" or each.declared
            if is_known:
                yield each
            continue
        wanted = at(as_new, each.path)
        if wanted == at(live, each.path):
            continue
        if each.change == "added" and wanted is not MISSING:
            each = each.where(change="changed", declared=wanted)
        yield each


def _without_autoscaled(found: Sequence[Difference], live: Live) -> list[Difference]:
    """The differences without the replicas of workloads that have an autoscaler."""
    scaled = {each.target.namespace for each in found if each.path == ("spec", "replicas")}
    by_namespace = {namespace: live.autoscaled(namespace) for namespace in scaled}

    def is_autoscaled(each: Difference) -> bool:
        targets = by_namespace.get(each.target.namespace, set())
        return each.path == ("spec", "replicas") and (each.target.kind, each.target.name) in targets

    return [each for each in found if not is_autoscaled(each)]


def _release(state: State, records: Records) -> tuple[list[Declared], list[Difference]]:
    """The objects of a stack's Helm release, and whether Helm has another revision of it than the state knows."""
    release = state.release
    assert release is not None
    namespace, name = str(release.inputs["namespace"]), str(release.inputs["name"])
    number = declared.revision(release)
    record = records(namespace, name, number)
    if record is None:
        return [], [Difference(Target("helm.sh/v3", "Release", namespace, name), "deleted")]
    newer = number
    while records(namespace, name, newer + 1) is not None:
        newer += 1
    other = []
    if newer > number:
        target = Target("helm.sh/v3", "Release", namespace, name)
        other = [Difference(target, "changed", ("revision",), number, newer)]
    return declared.of_release(release, record), other


def helm_records(live: Live) -> Records:
    """Helm's records by the cluster that has them."""

    def read(namespace: str, release: str, revision: int) -> helm_storage.Record | None:
        secret = live.find(Target("v1", "Secret", namespace, f"sh.helm.release.v1.{release}.v{revision}"))
        return helm_storage.record_of(secret) if secret else None

    return read


def require_deployed(state: State, stack: str) -> None:
    """Refuse to look at a stack that an update is in the middle of.

    Raises:
        HubstackError: an operation is unfinished, so that nobody knows what is declared.
    """
    if state.unfinished:
        raise HubstackError(
            f"stack {stack}: an update was interrupted ({state.unfinished} operations pending), so nobody knows what "
            "its objects should be; `hubstack up` settles it"
        )
