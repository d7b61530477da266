"""How to see what changes in the room that is kept for people, and in who packs them onto nodes."""

from __future__ import annotations

from collections.abc import Iterator

from hubstack.review.change import Change, at, in_words
from hubstack.review.rendering import Rendered

PLACEHOLDERS = "scheduling.userPlaceholder"
SCHEDULER = "scheduling.userScheduler"
WAYS = ("enabled", "replicas", "logLevel", "plugins", "pluginConfig")
"""Settings of the scheduler that decide where a pod goes; the others are about its own pods."""


def placeholders(change: Change) -> Iterator[str]:
    """For how many people room is kept."""
    found = change.changed(*(f"{PLACEHOLDERS}.{name}" for name in ("enabled", "replicas", "resources")))
    if not found:
        return
    before, after = _kept(change.base), _kept(change.head)
    if before != after:
        text = f"room is kept for {_people(after)} instead of {before or 'nobody'}"
    else:
        text = f"the room that is kept for {_people(after)} is of another size"
    told = [row for row in found if row.path.startswith(f"{PLACEHOLDERS}.resources")] if before != after else found
    text += f" ({in_words(told)})" if told else ""
    if after and not at(change.head.values, "scheduling.podPriority.enabled"):
        text += "; as scheduling.podPriority is off, placeholders do not make way for them"
    yield text


def scheduler(change: Change) -> Iterator[str]:
    """Who puts users' servers onto nodes."""
    found = change.changed(*(f"{SCHEDULER}.{name}" for name in WAYS))
    if not found:
        return
    before, after = (bool(at(side.values, f"{SCHEDULER}.enabled")) for side in (change.base, change.head))
    if before and not after:
        yield (
            "the scheduler of users' servers goes: new servers are put onto nodes by the cluster's own, which spreads "
            f"them, so that fewer nodes become empty and can be given back ({in_words(found)})"
        )
    elif after and not before:
        yield f"users' servers get a scheduler of their own, which fills the fullest node first ({in_words(found)})"
    else:
        yield f"users' servers are put onto nodes in another way, or by more or fewer schedulers ({in_words(found)})"


def _kept(side: Rendered) -> int:
    replicas = at(side.values, f"{PLACEHOLDERS}.replicas")
    return replicas if at(side.values, f"{PLACEHOLDERS}.enabled") and isinstance(replicas, int) else 0


def _people(count: int) -> str:
    return {0: "nobody", 1: "1 user"}.get(count, f"{count} users")
