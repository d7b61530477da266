"""How to see what changes in the choices that people have before a server starts, and in what a server is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hubstack.review.change import Change, at, in_words
from hubstack.review.profiles import ACCESS, IMAGES, PROFILE_LISTS, RESOURCES, Difference, differences, profiles
from hubstack.review.shown import MISSING, shortened, shown, shown_lists

SPAWNER_RESOURCES = tuple(f"hub.config.*Spawner.{name}" for name in RESOURCES)
CHART_RESOURCES = ("singleuser.cpu", "singleuser.memory", "singleuser.extraResource")
RESTRICTS = ("unlisted_choice.enabled", "unlisted_choice.validation_regex")
"""Fields of an option that say what may be typed in."""
REFUSED = " (a start with an entry that does not fit ends in an error)"
NAMED = 12
"""Profiles that one sentence names."""


def profiles_gone(change: Change) -> Iterator[str]:
    """Profiles that are all gone, as where a later file replaces their list by an empty one."""
    before, after = profiles(change.base.values), profiles(change.head.values)
    if before and not after:
        names = shortened(", ".join(before), 200)
        yield (
            f"no profile is left to choose ({names}): every server starts with the default image and resources, "
            "also one that somebody asks for by the name of a profile"
        )


def profiles_removed(change: Change) -> Iterator[str]:
    """Profiles that people can no longer choose, while they can choose others."""
    before, after = profiles(change.base.values), profiles(change.head.values)
    if not after:
        return
    gone = [name for name in before if name not in after]
    for name in gone[:NAMED]:
        yield (
            f"profile {name} disappears: a start with it, from a saved link or after the server was stopped, ends in "
            "an error"
        )
    if gone[NAMED:]:
        yield f"{len(gone) - NAMED} more profiles disappear: {shortened(', '.join(gone[NAMED:]), 300)}"


def choices_removed(change: Change) -> Iterator[str]:
    """Options and choices of profiles that people can no longer take."""
    for each in _differences(change):
        if each.kind == "choice" and each.after is None:
            yield f"{each.where} disappears: a start that asks for it, because it was chosen before, ends in an error"
        elif each.kind == "option" and each.after is None:
            yield f"{each.where} disappears: a start that asks for a choice of it gets what the profile says instead"
        elif _entry_removed(each):
            yield f"{each.where} takes no entry of one's own any more: a start with one ends in an error"


def access(change: Change) -> Iterator[str]:
    """Who may take which profile, and what may be typed in."""
    for each in _differences(change):
        if each.field in (*ACCESS, *RESTRICTS) and not _entry_removed(each):
            yield f"{_told(each)}{REFUSED if each.field == RESTRICTS[1] else ''}"


def others(change: Change) -> Iterator[str]:
    """What else differs in the choices: what is new, what is the default, how things are called."""
    before, after = profiles(change.base.values), profiles(change.head.values)
    if after and not before:
        yield f"people choose one of {len(after)} profiles before a server starts: {shortened(', '.join(after), 200)}"
        return
    told = []
    for each in _differences(change):
        if each.kind != "field" and each.before is None:
            told.append(f"{each.where} is new")
        elif each.kind == "field" and each.field == "default":
            told.append(f"{each.where}: who does not choose gets {each.after} instead of {each.before}")
        elif each.kind == "field" and each.field == "order":
            told.append("the profiles stand in another order")
        elif each.kind == "field" and each.field not in (*ACCESS, *RESTRICTS) and not _has_words(each):
            told.append(f"{each.where}: {each.field}")
    if told:
        more = f"; and {len(told) - NAMED} more" if len(told) > NAMED else ""
        yield f"{'; '.join(told[:NAMED])}{more}"


def images(change: Change) -> Iterator[str]:
    """Images of users' servers, by default and by profile, option and choice."""
    names = [
        f"{at(side.values, 'singleuser.image.name')}:{at(side.values, 'singleuser.image.tag')}"
        for side in (change.base, change.head)
    ]
    moves = [f"{names[0]} -> {names[1]}"] if names[0] != names[1] else []
    moves += [
        f"{each.where}: {each.before or 'the default'} -> {each.after or 'the default'}"
        for each in _differences(change)
        if each.setting in IMAGES
    ]
    hook, listed = at(change.head.values, "prePuller.hook.enabled"), at(change.head.values, "prePuller")
    for move in moves:
        pulled = hook and (not move.startswith("profile ") or at(listed, "pullProfileListImages") is not False)
        when = "pulled to every node first" if pulled else "not pulled first: the first start on each node waits for it"
        yield f"{move}, {when}"
    yield from map(str, change.changed(*(f"hub.config.*Spawner.{name}" for name in IMAGES)))


def resources(change: Change) -> Iterator[str]:
    """Resources of users' servers, by default and by profile, option and choice."""
    if found := change.changed(*CHART_RESOURCES, *SPAWNER_RESOURCES):
        yield in_words(found)
    for each in _differences(change):
        if each.setting in RESOURCES:
            yield _told(each)


def _differences(change: Change) -> Iterator[Difference]:
    """Of profiles that both sides have; where one side has none at all, nothing is told one by one."""
    if profiles(change.base.values) and profiles(change.head.values):
        yield from differences(change.base.values, change.head.values)


def _entry_removed(each: Difference) -> bool:
    return each.field == RESTRICTS[0] and bool(each.before) and not each.after


def _has_words(each: Difference) -> bool:
    return each.setting in (*IMAGES, *RESOURCES)


def _told(each: Difference) -> str:
    old, new = each.before, each.after
    if all(isinstance(side, list) for side in (old, new)):
        before, after = shown_lists(old, new)
    else:
        before, after = (shown(MISSING if side is None else side) for side in (old, new))
    return f"{each.where}, {each.setting or each.field}: {before} -> {after}"


def labels(change: Change) -> Iterator[str]:
    """Whether new servers may no longer reach the hub, whose network policy asks for a label."""
    label = "hub.jupyter.org/network-access-hub"
    had, has = ((side or {}).get(label) if isinstance(side, Mapping) else None for side in _labels(change))
    if had == "true" and has != "true" and at(change.head.values, "hub.networkPolicy.enabled"):
        yield label


def _labels(change: Change) -> tuple[Any, Any]:
    return change.settings("singleuser.extraLabels")


PROFILES = PROFILE_LISTS
"""Settings that the rules of this file tell of."""
