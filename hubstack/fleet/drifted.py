"""Drift in a rollout that is to look for it: a stack that has drifted is due, and is repaired before its update."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from hubstack.drift import examine
from hubstack.engine.stack import EngineStack
from hubstack.errors import HubstackError
from hubstack.fleet import plan
from hubstack.lifecycle import repair


def due(items: Sequence[plan.Item], root: Path, environment: Mapping[str, str]) -> tuple[plan.Item, ...]:
    """A plan's items, with those due that have drifted.

    Arguments:
        items: what the plan says without drift.
        root: folder of the revision.
        environment: variables for the engine.
    """
    asked = [each for each in items if each.exists and not each.pending and each.action != "refused"]
    found = examine.several([plan.stack_of(each.stack, root) for each in asked], environment)
    by_name = {each.stack: each for each in found}

    def judged(item: plan.Item) -> plan.Item:
        seen = by_name.get(item.stack)
        if seen is None or seen.state == "clean":
            return item
        if seen.state != "drifted":
            return replace(item, reason=f"{item.reason}; drift is not known: {seen.reason or seen.state}")
        return replace(
            item, action="up", drift=len(seen.differences), reason=f"{item.reason}; has drifted: {seen.summary}"
        )

    return tuple(map(judged, items))


def mend(engine: EngineStack, environment: Mapping[str, str], say: Callable[[str], None]) -> str:
    """Repair a stack; gives what was done, in words.

    Arguments:
        engine: the engine on the stack.
        environment: variables for the engine.
        say: is called with what is under way.

    Raises:
        HubstackError: it could not be repaired.
    """
    say("repairing what somebody has changed")
    found = examine.one(engine.stack, environment)
    if found.state == "clean":
        return "has no drift any more"
    if found.state != "drifted":
        raise HubstackError(f"stack {engine.stack.name}: its drift cannot be repaired: {found.reason or found.state}")
    repair.repair(engine, found)
    left = repair.plan(found).left
    alone = f"; left alone: {', '.join(f'{each.kind}/{each.name}' for each in left)}" if left else ""
    return f"repaired {found.summary}{alone}"
