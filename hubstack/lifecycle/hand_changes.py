"""What people have changed in the cluster by hand, where an update is about to change the same objects.

The provider applies an object under a manager of its own, and the API server refuses a field that another manager has
written (a conflict). The provider would meet it half-way, after other objects have changed. What nobody is noted for,
such as a removed label, it overwrites without a word. Both are found before the first change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hubstack.drift import conflicts, examine, report
from hubstack.drift.difference import Difference
from hubstack.drift.hiding import Hiding
from hubstack.drift.look import Looked, Seen, helm_records, look
from hubstack.engine import provider
from hubstack.engine.stack import EngineStack, Report
from hubstack.engine.state import State
from hubstack.errors import HubstackError
from hubstack.migration.access import Target

Preview = Callable[[Mapping[str, str]], Report]


@dataclass(frozen=True)
class HandChanges:
    """What an update would meet."""

    conflicts: tuple[str, ...] = ()
    """Fields of others that it is to change, in words."""
    overwritten: tuple[str, ...] = ()
    """What it would overwrite without being refused."""
    drift: str = ""
    """All that differs in the cluster, in a few words; blank where nothing does."""

    @property
    def warnings(self) -> list[str]:
        """What is said before an update that goes on all the same."""
        told = [f"changed by hand, and overwritten by this update: {each}" for each in self.overwritten]
        return told + ([f"changed by hand: {self.drift}"] if self.drift else [])


def find(engine: EngineStack, state: State, variables: Mapping[str, str]) -> HandChanges:
    """What an update of a stack would meet: one look at its objects, and a preview only where somebody else wrote.

    Arguments:
        engine: the engine on the stack.
        state: the stack's state, secrets encrypted.
        variables: those of the update.

    Raises:
        OperationError: the preview fails, as the update would.
    """
    try:
        live = examine.connect(engine.stack)
        seen = look(state, live, helm_records(live), engine.state)
    except HubstackError:  # no cluster, or no right to read all of it: the update says what it needs
        return HandChanges()
    shared = [each for each in seen.objects.values() if each.declared.own and each.is_shared]
    if not seen.differences and not shared:
        return HandChanges()
    planned = engine.preview(variables={**variables, **provider.FORCE})
    if state.release is not None:
        found = _of_release(engine, state, seen, planned)
    else:
        found = _of_objects(engine, state, seen, planned, is_forced=provider.FORCE.items() <= variables.items())
    return replace(found, drift=_drift(engine, seen))


def _drift(engine: EngineStack, seen: Seen) -> str:
    left = examine.not_accepted(engine.stack, seen.differences)
    return f"{report.summary(left)}; `hubstack drift` shows it" if left else ""


def _of_objects(engine: EngineStack, state: State, seen: Seen, planned: Report, *, is_forced: bool) -> HandChanges:
    wanted = {_target(each): planned.inputs[each.urn] for each in state.resources if each.urn in planned.inputs}
    in_conflict: list[Difference] = []
    for target, inputs in wanted.items():
        looked = seen.objects.get(target)
        if looked is not None and looked.live is not None:
            in_conflict += _conflicts(target, inputs, looked)
    met = {each.place for each in in_conflict}
    lost = [
        each
        for each in seen.differences
        if each.target in wanted and each.place not in met and each.change in ("changed", "removed", "deleted")
    ]
    if is_forced:
        in_conflict, lost = [], [*in_conflict, *lost]
    return _said(engine, in_conflict, lost)


def _conflicts(target: Target, inputs: Mapping[str, Any], looked: Looked) -> Iterable[Difference]:
    assert looked.live is not None
    return conflicts.conflicts(target, inputs, looked.declared.manifest, looked.live, looked.declared.own)


def _of_release(engine: EngineStack, state: State, seen: Seen, planned: Report) -> HandChanges:
    """Helm refuses nothing: it sets back every field that its release has, as soon as anything of that changes."""
    release = state.release
    if release is None or release.urn not in planned.inputs:
        return HandChanges()
    lost = [each for each in seen.differences if each.change in ("changed", "removed", "deleted")]
    return _said(engine, [], lost)


def _said(engine: EngineStack, in_conflict: list[Difference], lost: list[Difference]) -> HandChanges:
    if not in_conflict and not lost:
        return HandChanges()
    hiding = Hiding(examine.secrets_of(engine.stack, examine.Unlock(engine.state, engine.entries)))
    return HandChanges(tuple(map(_words(hiding), in_conflict)), tuple(map(_words(hiding), lost)))


def _words(hiding: Hiding) -> Callable[[Difference], str]:
    def words(each: Difference) -> str:
        if each.change == "deleted":
            return f"{each.object}: is not there"
        shown = hiding.shown(each)
        declared, live = (report.short(shown[key]) for key in ("declared", "live"))
        now = "is not there" if each.change == "removed" else f"is {live} in the cluster"
        return f"{each.object}: {each.field}: {now}, the stack's is {declared}{report.writer(shown)}"

    return words


def _target(resource: Any) -> Target:
    return Target(resource.api_version, resource.kind, resource.namespace, resource.object_name)


def refusal(stack: str, found: HandChanges) -> HubstackError:
    """What is said instead of an update that would meet conflicts."""
    return HubstackError(
        "\n  ".join([f"stack {stack}: somebody else has written fields that this update would set:", *found.conflicts])
        + "\nNothing was changed. --take-fields sets them to what the stack says; to keep what is there, write it into "
        "the stack's settings. `hubstack drift` shows all that differs."
    )
