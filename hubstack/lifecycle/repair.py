"""The way back from drift: the cluster is made what the stack's last update has declared.

It is that update that counts, and not the settings as they are now: nothing new is deployed. The engine has no part in
it, because it would compare with its state, which still says that all is well. What holds data is left to people.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hubstack.drift.difference import Difference
from hubstack.drift.live import Cluster
from hubstack.drift.look import Looked, look_at
from hubstack.drift.mending import Changed, Mender
from hubstack.drift.report import StackDrift
from hubstack.engine.stack import EngineStack
from hubstack.engine.state import State
from hubstack.errors import HubstackError
from hubstack.migration import access
from hubstack.migration.access import Target

_LOST = {
    "Namespace": "it was deleted, and everything in it: see docs/adoption.md, `hubstack recover`",
    "PersistentVolumeClaim": "it was deleted, and may have had the hub's database: restore it from a copy, or let "
    "`pulumi refresh` and `hubstack up` make an empty one",
    "Release": "Helm's record of it is not the one that the stack has written: somebody has used Helm by hand",
}
"""What is said of what a repair does not make again."""
_TRIES = 5
"""How often an object is tried again that a controller changes at the same moment."""
_MOST = 6
"""Fields of one object that are named."""
_KEPT = "it holds data, and is left as it is: change it by hand, or change the stack's settings"


@dataclass(frozen=True)
class Plan:
    """What a repair would do."""

    mended: dict[Target, list[Difference]]
    """What is made right, by object."""
    left: dict[Target, str]
    """What stays as it is, and why."""

    @property
    def words(self) -> list[str]:
        """The plan for people."""
        told = [f"{_named(target)}: {_what(wrong)}" for target, wrong in self.mended.items()]
        return told + [f"{_named(target)}: left alone: {why}" for target, why in self.left.items()]


def plan(found: StackDrift) -> Plan:
    """What a repair of what was found would do."""
    mended: dict[Target, list[Difference]] = {}
    left: dict[Target, str] = {}
    for each in found.differences:
        is_gone = each.change == "deleted"
        if each.target.kind == "Release" or (is_gone and each.target.kind in _LOST):
            left[each.target] = _LOST[each.target.kind]
        elif each.target.kind == "PersistentVolumeClaim":
            left[each.target] = _KEPT
        else:
            mended.setdefault(each.target, []).append(each)
    if any(target.kind == "Namespace" and target in left for target in left):
        mended = {}  # nothing can be made in a namespace that is not there
    return Plan(mended, left)


def repair(engine: EngineStack, found: StackDrift, say: Callable[[str], None] = lambda _: None) -> None:
    """Make a stack's objects what they were declared to be.

    Arguments:
        engine: the engine on the stack; no update of it is under way.
        found: what is wrong.
        say: is called with what was mended.

    Raises:
        HubstackError: the state has changed since, or the cluster refuses; with what was not mended.
    """
    if engine.checkpoint().unfinished:
        raise HubstackError(f"stack {engine.stack.name}: an update was interrupted; `hubstack up` settles it first")
    planned = plan(found)
    client = access.of(engine.stack)
    refused: list[str] = []
    for target, wrong in planned.mended.items():
        try:
            _mend(client, found.seen.objects[target], {each.place for each in wrong})
            say(f"{_named(target)}: {_what(wrong)}")
        except HubstackError as error:
            refused.append(str(error))
    _note_what_was_made(engine, {target for target, wrong in planned.mended.items() if wrong[0].change == "deleted"})
    if refused:
        raise HubstackError("\n".join([f"stack {engine.stack.name}: not all of it could be repaired:", *refused]))


def _mend(client: Any, seen: Looked, places: set[str]) -> None:
    """Mend one object, which controllers may change meanwhile: it is looked at anew for each try.

    Arguments:
        client: an ApiClient of the official package.
        seen: the object as it was found.
        places: what is to be mended of it; whatever else differs stays as it is.
    """

    def nothing_is_closed() -> State:
        raise HubstackError(f"{_named(seen.declared.target)}: is encrypted")

    for left in reversed(range(_TRIES)):
        (now,) = look_at([seen.declared], Cluster(client), nothing_is_closed)
        wrong = [each for each in now.differences if each.place in places]
        if not wrong:
            return
        try:
            Mender(client).mend(now, wrong, [each for each in now.differences if each.place not in places])
            return
        except Changed:
            if not left:
                raise


def _note_what_was_made(engine: EngineStack, made: set[Target]) -> None:
    """Let the state know the objects that were made again. The backend's history goes on with the update's message."""
    urns = [
        each.urn
        for each in engine.checkpoint().resources
        if each.is_kubernetes and Target(each.api_version, each.kind, each.namespace, each.object_name) in made
    ]
    if urns:
        engine.refresh(message=engine.last_message(), only=urns)


def _named(target: Target) -> str:
    return f"{target.kind}/{target.name}"


def _what(wrong: list[Difference]) -> str:
    if wrong[0].change == "deleted":
        return "is made again"
    verbs = {"changed": "set back", "removed": "put back", "added": "taken away"}
    told = [f"{each.field} {verbs[each.change]}" for each in wrong[:_MOST]]
    return "; ".join(told + ([f"{len(wrong) - _MOST} more"] if len(wrong) > _MOST else []))
