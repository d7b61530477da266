"""What people choose from before a server starts, on both sides of a change, as KubeSpawner reads it.

KubeSpawner tells profiles by slug: ``slug``, or what python-slugify makes of ``display_name``. A choice that somebody
made once is sent again at the next start, so a slug or a choice that is gone is an error there. An empty list is none:
every server starts with the defaults (KubeSpawner 7, ``_load_profile`` and ``load_user_options``).
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PROFILE_LISTS = ("singleuser.profileList", "hub.config.KubeSpawner.profile_list")
"""Where profiles are; the later one wins."""
ACCESS = ("allowed_groups", "allowed_teams", "allowed_users", "allowed_orgs")
"""Keys of a profile, an option or a choice by which hubs of the field say who may have it."""
LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d"})
"""Letters that are no other letter with a mark."""
IMAGES = ("image", "image_spec")
RESOURCES = (
    "cpu_guarantee",
    "cpu_limit",
    "extra_resource_guarantees",
    "extra_resource_limits",
    "mem_guarantee",
    "mem_limit",
)


@dataclass(frozen=True)
class Difference:
    """One thing that differs between two lists of profiles."""

    kind: str
    """``profile``, ``option`` or ``choice`` that comes or goes, or a ``field`` of one that stays."""
    where: str
    """``profile large``, ``profile large, option image, choice r``."""
    field: str = ""
    """Of a field: its name; settings of the server stand below ``kubespawner_override``."""
    before: Any = None
    after: Any = None

    @property
    def setting(self) -> str:
        """Name of the spawner's setting that a field overrides, or blank."""
        head, _, tail = self.field.partition(".")
        return tail if head == "kubespawner_override" else ""


def profiles(values: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The profiles of a hub by slug; what is no profile is left out."""
    found: Any = None
    for path in PROFILE_LISTS:
        tree: Any = values
        for key in path.split("."):
            tree = tree.get(key) if isinstance(tree, Mapping) else None
        found = tree if tree is not None else found
    members = [found[key] for key in sorted(found, key=str)] if isinstance(found, Mapping) else found
    if not isinstance(members, list):
        return {}
    return {slug(member): member for member in members if isinstance(member, Mapping)}


def slug(profile: Mapping[str, Any]) -> str:
    """How KubeSpawner calls a profile."""
    if profile.get("slug") is not None:
        return str(profile["slug"])
    name = str(profile.get("display_name", ""))
    text = html.unescape(name.replace("'", "-")).translate(LETTERS)
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", re.sub(r"(?<=\d),(?=\d)", "", plain)).strip("-")
    # Other scripts get Latin letters from python-slugify; to tell one name from another, the name itself does.
    return words or name


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    """Everything that differs between the profiles of two trees of values, profile by profile."""
    old, new = profiles(before), profiles(after)
    for name in dict.fromkeys((*old, *new)):
        where = f"profile {name}"
        if name not in old or name not in new:
            yield Difference("profile", where, "", old.get(name), new.get(name))
            continue
        yield from _fields(old[name], new[name], where, ("profile_options", "slug", "default"))
        yield from _options(old[name], new[name], where)
    first = [_default(side) for side in (old, new)]
    if first[0] != first[1] and all(first):
        yield Difference("field", "profiles", "default", *first)
    kept = [[name for name in side if name in old and name in new] for side in (old, new)]
    if kept[0] != kept[1]:
        yield Difference("field", "profiles", "order", *map(", ".join, kept))


def _options(old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> Iterator[Difference]:
    before, after = _members(old.get("profile_options")), _members(new.get("profile_options"))
    for name in dict.fromkeys((*before, *after)):
        place = f"{where}, option {name}"
        if name not in before or name not in after:
            yield Difference("option", place, "", before.get(name), after.get(name))
            continue
        yield from _fields(before[name], after[name], place, ("choices",))
        choices = [_members(side[name].get("choices")) for side in (before, after)]
        for choice in dict.fromkeys((*choices[0], *choices[1])):
            at = f"{place}, choice {choice}"
            if choice not in choices[0] or choice not in choices[1]:
                yield Difference("choice", at, "", choices[0].get(choice), choices[1].get(choice))
            else:
                yield from _fields(choices[0][choice], choices[1][choice], at, ("default",))
        first = [_default(side) for side in choices]
        if first[0] != first[1] and all(first):
            yield Difference("field", place, "default", *first)


def _fields(old: Mapping[str, Any], new: Mapping[str, Any], where: str, told: tuple[str, ...]) -> Iterator[Difference]:
    """Fields that differ, settings of the server one by one; not those that are told otherwise."""
    for key in sorted({*old, *new}, key=str):
        before, after = old.get(key), new.get(key)
        if before == after or key in told:
            continue
        if key in ("kubespawner_override", "unlisted_choice"):
            sides = _flat(before, str(key)), _flat(after, str(key))
            for name in sorted({*sides[0], *sides[1]}):
                if sides[0].get(name) != sides[1].get(name):
                    yield Difference("field", where, name, sides[0].get(name), sides[1].get(name))
        else:
            yield Difference("field", where, str(key), before, after)


def _flat(value: Any, path: str) -> dict[str, Any]:
    """The members of a map one by one; those of an override inside of it, too."""
    if not isinstance(value, Mapping):
        return {} if value is None else {path: value}
    found: dict[str, Any] = {}
    for key, member in value.items():
        inner = str(key) == "kubespawner_override"
        found |= _flat(member, f"{path}.{key}") if inner else {f"{path}.{key}": member}
    return found


def _members(value: Any) -> dict[str, Mapping[str, Any]]:
    if not isinstance(value, Mapping):
        return {}
    return {str(key): member for key, member in value.items() if isinstance(member, Mapping)}


def _default(side: Mapping[str, Mapping[str, Any]]) -> str | None:
    """What is taken where nobody chooses: the one that says so, or else the first."""
    return next((name for name, member in side.items() if member.get("default")), next(iter(side), None))
