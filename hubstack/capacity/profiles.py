"""Every way in which a user may start a server: each profile with each combination of its options that differs."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubstack.capacity.traits import DECISIVE, RefusedError, Traits, current_name, override

MOST_COMBINATIONS = 1000
"""Of one profile. More cannot be read by anybody, and would not be looked at one by one."""

MOST_STARTS = 3000
"""Of all profiles."""

UNLISTED = "own entry"
"""Stands for what a user writes where a choice that is not listed is allowed."""


@dataclass(frozen=True)
class Start:
    """One way to start a server."""

    profile: str
    """The profile's display name; blank where there are no profiles."""
    choices: tuple[tuple[str, str], ...] = ()
    """Option and choice of each option whose choice matters here."""
    traits: Traits | None = None
    """The spawner's traits; None where it cannot start, or cannot be told."""
    refused: str = ""
    """Why KubeSpawner refuses to start it."""
    doubt: str = ""
    """Why its pod cannot be told."""

    @property
    def name(self) -> str:
        """The start for people, such as ``large (gpu: a100)``."""
        if not self.profile:
            return "a user's server"
        chosen = ", ".join(f"{option}: {choice}" for option, choice in self.choices)
        return f"{self.profile} ({chosen})" if chosen else self.profile


@dataclass(frozen=True)
class _Choice:
    name: str
    override: Mapping[str, Any]
    doubt: str = ""


def starts(traits: Traits, profiles: Sequence[Any]) -> Iterator[Start]:
    """Every start that differs from the others of its profile in what decides where its pod can run.

    Arguments:
        traits: the spawner's traits, before a profile changes them.
        profiles: the profile list as it is written.
    """
    if not profiles:
        yield Start("", (), traits)
    tried = 0
    for number, profile in enumerate(profiles, 1):
        for start in _of_any(traits, profile, number):
            tried += 1
            if tried > MOST_STARTS:
                yield Start("of the others", doubt=f"there are more than {MOST_STARTS} ways to start a server")
                return
            yield start


def _of_any(traits: Traits, profile: Any, number: int) -> Iterator[Start]:
    """Every start of whatever stands in the list of profiles."""
    if not isinstance(profile, Mapping):
        yield Start(f"number {number}", refused=f"a profile must be a map, not {type(profile).__name__}")
    elif "display_name" not in profile:
        yield Start(str(profile.get("slug") or f"number {number}"), refused="the profile has no display_name")
    else:
        yield from _of_profile(traits, profile)


def _of_profile(traits: Traits, profile: Mapping[str, Any]) -> Iterator[Start]:
    name = str(profile["display_name"])
    try:
        base = override(traits, _map(profile.get("kubespawner_override"), "kubespawner_override"))
        options = [
            (str(key), _distinct(_choices(str(key), option)))
            for key, option in _map(profile.get("profile_options"), "profile_options").items()
        ]
    except RefusedError as error:
        yield Start(name, refused=str(error))
        return
    count = math.prod(len(choices) for _, choices in options)
    if count > MOST_COMBINATIONS:
        doubt = f"its options have {count} combinations that differ, more than the {MOST_COMBINATIONS} that are tried"
        yield Start(name, doubt=doubt)
        return
    for combination in itertools.product(*(choices for _, choices in options)):
        chosen = tuple(
            (option, choice.name)
            for (option, choices), choice in zip(options, combination, strict=True)
            if len(choices) > 1
        )
        doubt = next((choice.doubt for choice in combination if choice.doubt), "")
        if doubt:
            yield Start(name, chosen, doubt=doubt)
            continue
        try:
            result = base
            for choice in combination:
                result = override(result, choice.override)
        except RefusedError as error:
            yield Start(name, chosen, refused=str(error))
        else:
            yield Start(name, chosen, result)


def _choices(key: str, option: Any) -> Iterator[_Choice]:
    """What can be chosen for one option."""
    option = _map(option, f"profile_options.{key}")
    listed = _map(option.get("choices"), f"profile_options.{key}.choices")
    for slug, choice in listed.items():
        choice = _map(choice, f"profile_options.{key}.choices.{slug}")
        changes = _map(choice.get("kubespawner_override"), f"profile_options.{key}.choices.{slug}.kubespawner_override")
        yield _Choice(str(slug), changes)
    unlisted = _map(option.get("unlisted_choice"), f"profile_options.{key}.unlisted_choice")
    if unlisted.get("enabled"):
        changes = _map(unlisted.get("kubespawner_override"), f"profile_options.{key}.unlisted_choice")
        free = sorted(name for name, value in _decisive(changes).items() if "{value}" in json.dumps(value, default=str))
        doubt = f"option {key} takes what a user writes as {', '.join(free)}" if free else ""
        yield _Choice(UNLISTED, changes, doubt)
    elif not listed:
        raise RefusedError(f"option {key} has no choices, so KubeSpawner finds no default for it")


def _distinct(choices: Iterator[_Choice]) -> list[_Choice]:
    """Choices without those that decide the same as an earlier one."""
    known: dict[str, _Choice] = {}
    for choice in choices:
        known.setdefault(json.dumps([_decisive(choice.override), choice.doubt], default=str), choice)
    return list(known.values())


def _decisive(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {current_name(name): value for name, value in changes.items() if current_name(str(name)) in DECISIVE}


def _map(value: Any, where: str) -> Mapping[str, Any]:
    if value is None or isinstance(value, Mapping):
        return value or {}
    raise RefusedError(f"{where}: must be a map, not {type(value).__name__}")
