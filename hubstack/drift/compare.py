"""What somebody has changed of an object, from the declared object, the live one, and who wrote which of its fields.

Everything declared must be there as it was declared. What is not declared is compared only where somebody else than the
stack and the cluster has written it: an API server fills in defaults, addresses and the like, in every object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hubstack.capacity import quantities
from hubstack.drift.difference import Change, Difference
from hubstack.drift.fields import Entry, Trace, descend, entries
from hubstack.drift.paths import MISSING, Item, Path, Step
from hubstack.engine.state import is_secret
from hubstack.migration.access import Target

Object = Mapping[str, Any]

_IDENTITY = ("apiVersion", "kind", "status")
_KEYS = ("name", "mountPath", "devicePath", "ip", "containerPort", "port", "topologyKey")
"""Fields by which items of lists are told apart, the first that all of them have and that is different in each."""
_AMOUNTS = {"requests", "limits", "capacity", "hard", "min", "max", "default"}
"""Maps of quantities."""
_AMOUNT = {"sizeLimit", "divisor"}
_FILLED_IN = {
    "caBundle",
    "clusterIP",
    "clusterIPs",
    "healthCheckNodePort",
    "ipFamilies",
    "ipFamilyPolicy",
    "nodePort",
    "volumeName",
}
"""Fields that the cluster or a program in it fills in where nobody declares them."""
_HARMLESS = {
    "deployment.kubernetes.io/revision",
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubectl.kubernetes.io/restartedAt",
    "kubernetes.io/change-cause",
}
"""Annotations that say what was done, and steer nothing."""
_STEERED = {"Ingress", "Service", "ServiceAccount", "HTTPRoute", "StorageClass"}
"""Kinds whose annotations steer something."""
_STEERING_LABELS = "pod-security.kubernetes.io/"
"""Begin of a namespace's labels that decide which pods there may be."""


def differences(target: Target, declared: Object, live: Object, own: str = "") -> Iterator[Difference]:
    """Where a live object seems to be another than the declared one; a default of the API server may be among it.

    Arguments:
        target: the object.
        declared: as the stack declares it; a part that is encrypted is taken for equal.
        live: as the cluster has it.
        own: the stack's manager of this object, where it has one.
    """
    found = entries(live)
    comparison = _Comparison(target, own, is_traced=any(found))
    yield from comparison.of(declared, live, [Trace(each, each.fields) for each in found], ())


class _Comparison:
    """The comparison of one object."""

    def __init__(self, target: Target, own: str, *, is_traced: bool) -> None:
        self._target = target
        self._own = own
        self._is_traced = is_traced

    def of(self, declared: Any, live: Any, traces: Sequence[Trace], path: Path) -> Iterator[Difference]:
        if declared is None or is_secret(declared) or is_equal(declared, live, path):
            return  # null leaves the field to the API server
        if isinstance(declared, Mapping) and isinstance(live, Mapping):
            yield from self._maps(declared, live, traces, path)
        elif isinstance(declared, list) and isinstance(live, list):
            yield from self._lists(declared, live, traces, path)
        else:
            yield self._difference("changed", path, declared, live, traces)

    def _maps(self, declared: Object, live: Object, traces: Sequence[Trace], path: Path) -> Iterator[Difference]:
        for key, value in declared.items():
            if path or key not in _IDENTITY:
                yield from self._member(key, value, live.get(key, MISSING), traces, path)
        for key, value in live.items():
            if key not in declared and (path or key not in _IDENTITY):
                yield from self._added(key, value, traces, path)

    def _member(self, step: Step, value: Any, live: Any, traces: Sequence[Trace], path: Path) -> Iterator[Difference]:
        below = descend(traces, step, value if live is MISSING else live)
        if live is not MISSING:
            yield from self.of(value, live, below, (*path, step))
        elif value not in (None, {}, []) and not is_secret(value):
            # What is gone has no writer: whoever has written its neighbours has most likely removed it.
            gone = self._difference("removed", (*path, step), value, MISSING, below)
            yield gone if gone.entry else gone.where(entry=self._last(traces))

    def _lists(self, declared: list[Any], live: list[Any], traces: Sequence[Trace], path: Path) -> Iterator[Difference]:
        key = key_of_items(declared, live)
        if key:
            for each in declared:
                step = Item(key, each[key])
                yield from self._member(step, each, next(filter(step.fits, live), MISSING), traces, path)
            known = {each[key] for each in declared}
            for each in live:
                if each[key] not in known:
                    yield from self._added(Item(key, each[key]), each, traces, path)
        elif len(declared) == len(live) and all(isinstance(each, Mapping) for each in (*declared, *live)):
            for index, (ours, theirs) in enumerate(zip(declared, live, strict=True)):
                yield from self._member(index, ours, theirs, traces, path)
        else:
            yield self._difference("changed", path, declared, live, traces)

    def _added(self, step: Step, value: Any, traces: Sequence[Trace], path: Path) -> Iterator[Difference]:
        """What is not declared, where somebody else has written it and it steers something."""
        if not path and step == "metadata":
            return
        below = [each for each in descend(traces, step, value) if not each.entry.is_of_a_stack]
        place = (*path, step)
        if (place[-1] == "annotations" or place == ("metadata", "labels")) and isinstance(value, Mapping):
            for key, each in value.items():  # none of them is declared
                yield from self._added(key, each, below, place)
            return
        if not _steers(self._target.kind, place, below) or step in _FILLED_IN:
            return
        if any(not each.entry.is_of_the_cluster for each in below) or not self._is_traced:
            yield self._difference("added", place, MISSING, value, below)

    def _difference(self, change: Change, path: Path, declared: Any, live: Any, traces: Sequence[Trace]) -> Difference:
        others = tuple((each.entry, each.raw) for each in traces if not self._is_of_this_stack(each.entry))
        return Difference(self._target, change, path, declared, live, self._last(traces), others)

    def _last(self, traces: Sequence[Trace]) -> Entry | None:
        """Who else has written last."""
        others = [each.entry for each in traces if not self._is_of_this_stack(each.entry)]
        return max(others, key=lambda entry: entry.time, default=None)

    def _is_of_this_stack(self, entry: Entry) -> bool:
        return entry.manager == self._own if self._own else entry.is_of_a_stack


def key_of_items(declared: list[Any], live: list[Any]) -> str | None:
    """The field that tells items of both lists apart."""
    if not all(isinstance(each, Mapping) for each in (*declared, *live)):
        return None
    for key in _KEYS:
        if all(isinstance(each.get(key), str | int) for each in (*declared, *live)) and all(
            len({each[key] for each in items}) == len(items) for items in (declared, live)
        ):
            return key
    return None


def is_equal(one: Any, other: Any, path: Path) -> bool:
    """Whether two values are the same to Kubernetes; quantities are, whichever way they are written."""
    if one == other and not (isinstance(one, bool) ^ isinstance(other, bool)):
        return True
    if one in (None, {}, []) and other in (None, {}, []):
        return True
    if len(path) > 1 and (path[-2] in _AMOUNTS or path[-1] in _AMOUNT):
        amount = quantities.parse(one)
        return amount is not None and amount == quantities.parse(other)
    return False


def _steers(kind: str, place: Path, traces: Sequence[Trace]) -> bool:
    """Whether something that is not declared can change how the hub works, seen from where it is."""
    if place[0] == "metadata":
        if len(place) != 3:
            return False
        key = str(place[2])
        if place[1] == "labels":
            return kind == "Namespace" and key.startswith(_STEERING_LABELS)
        return place[1] == "annotations" and kind in _STEERED and _is_annotated_by_hand(key, traces)
    if place[-2:-1] == ("annotations",):
        return _is_annotated_by_hand(str(place[-1]), traces)
    return True


def _is_annotated_by_hand(key: str, traces: Sequence[Trace]) -> bool:
    return key not in _HARMLESS and any(each.entry.is_by_hand for each in traces)
