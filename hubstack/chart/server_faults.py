"""Settings of users' servers that Helm takes, and with which no server starts or somebody's choice has no effect.

Source: KubeSpawner 7 (``spawner.py``: _apply_overrides, _get_profile), and the API server, which refuses a pod whose
guarantee is over its limit, or that mounts a volume which it does not have.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hubstack.chart import hub_classes, hub_types, profiles, sizes
from hubstack.chart.values_tree import at, maps

Path = tuple[str, ...]
Hidden = Callable[[Path], bool]

_SPAWNER = "KubeSpawner"
_OLD = "singleuser_"
"""What many traits began with before KubeSpawner 0.9, which still takes those names."""


def doubts(tree: Mapping[str, Any], hidden: Hidden) -> Iterator[tuple[Path, str]]:
    """Path and message of each.

    Arguments:
        tree: the merged values.
        hidden: whether the value at a path must not be shown.
    """
    yield from _sizes(tree)
    yield from _over_limits(tree)
    yield from _mounts(tree)
    yield from _two_defaults(tree)
    if hub_classes.brings_none(tree) and not hidden(("singleuser", profiles.LIST)):
        yield from _overrides(tree)


def _sizes(tree: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    for setting in ("limit", "guarantee"):
        if fault := sizes.refusal(at(tree, "singleuser", "memory", setting)):
            yield ("singleuser", "memory", setting), f"{fault}; no server would start"


def _over_limits(tree: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    for resource, read in (("memory", sizes.number_of_bytes), ("cpu", lambda value: value)):
        limit, guarantee = (at(tree, "singleuser", resource, setting) for setting in ("limit", "guarantee"))
        if limit and guarantee and _is_over(read(guarantee), read(limit)):
            yield (
                ("singleuser", resource, "guarantee"),
                f"{guarantee} is more than the limit, {limit}: the cluster would refuse every server of that kind",
            )


def _is_over(guarantee: Any, limit: Any) -> bool:
    return isinstance(guarantee, int | float) and isinstance(limit, int | float) and guarantee > limit


def _mounts(tree: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Mounts of volumes that the pod does not have; names with a template in them are left alone."""
    for section, own in (
        ("singleuser.storage", _volumes_of_servers(tree)),
        ("hub", ["config", "secret", "pvc", "files"]),
    ):
        path = tuple(section.split("."))
        volumes = [*own, *(each.get("name") for each in _members(at(tree, *path, "extraVolumes")))]
        if any(not isinstance(name, str) or "{" in name for name in volumes):
            continue
        for mount in _members(at(tree, *path, "extraVolumeMounts")):
            name = mount.get("name")
            if isinstance(name, str) and name not in volumes and "{" not in name:
                whose = "every server" if section != "hub" else "the hub's pod"
                yield (
                    (*path, "extraVolumeMounts"),
                    f"mounts {name!r}, and {section}.extraVolumes has no volume of this name: the cluster would refuse "
                    f"{whose}",
                )


def _volumes_of_servers(tree: Mapping[str, Any]) -> list[Any]:
    """Names of their volumes, as they are written: of any type."""
    storage = at(tree, "singleuser", "storage")
    kind = at(storage, "type")
    own: list[Any] = ["files"] if at(tree, "singleuser", "extraFiles") else []
    if kind == "static":
        own.append("home")
    elif kind == "dynamic":
        own.append(at(storage, "dynamic", "volumeNameTemplate"))
    added = at(tree, "hub", "config", _SPAWNER, "volumes")
    return [*own, *(each.get("name") for each in _members(added))]


def _members(found: Any) -> list[Mapping[str, Any]]:
    """Entries of a list, or of a map whose keys only order them."""
    return maps(list(found.values()) if isinstance(found, Mapping) else found)


def _two_defaults(tree: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    listed = maps(at(tree, "singleuser", profiles.LIST))
    path = ("singleuser", profiles.LIST)
    if sum(each.get("default") is True for each in listed) > 1:
        yield path, "more than one profile is the default: the first of them is, and the others are not"
    for index, profile in enumerate(listed):
        options = profile.get("profile_options")
        for name, option in options.items() if isinstance(options, Mapping) else ():
            choices = at(option, "choices")
            members = maps(list(choices.values())) if isinstance(choices, Mapping) else []
            if sum(each.get("default") is True for each in members) > 1:
                where = (f"{profiles.LIST}[{index}]", "profile_options", name, "choices")
                yield ("singleuser", *where), "more than one choice is the default; one of them is"


def _overrides(tree: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Overrides of profiles: KubeSpawner takes any name, and only traits have an effect."""
    known = hub_classes.traits_of(_SPAWNER)
    for path, override in _all_overrides(tree):
        for name, value in override.items():
            trait = name.removeprefix(_OLD) if name.removeprefix(_OLD) in known else name
            here = (*path, name)
            if trait not in known:
                near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.7)
                yield here, f"KubeSpawner has no such trait: this has no effect{_meant(near)}"
            elif not _is_template(value) and (fault := hub_types.refusal(_SPAWNER, trait, value)):
                yield here, f"{fault}; no server of this profile would start"
        for kind, read in (("mem", sizes.number_of_bytes), ("cpu", lambda value: value)):
            limit, guarantee = (override.get(f"{kind}_{which}") for which in ("limit", "guarantee"))
            if limit and guarantee and _is_over(read(guarantee), read(limit)):
                yield (
                    (*path, f"{kind}_guarantee"),
                    f"{guarantee} is more than {kind}_limit, {limit}: the cluster would refuse servers of this profile",
                )


def _meant(near: list[str]) -> str:
    return f"; did you mean {near[0]!r}?" if near else ""


def _is_template(value: Any) -> bool:
    return isinstance(value, str) and "{" in value


def _all_overrides(tree: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for index, profile in enumerate(maps(at(tree, "singleuser", profiles.LIST))):
        path = ("singleuser", f"{profiles.LIST}[{index}]")
        if isinstance(own := profile.get("kubespawner_override"), Mapping):
            yield (*path, "kubespawner_override"), own
        options = profile.get("profile_options")
        for name, option in options.items() if isinstance(options, Mapping) else ():
            choices = at(option, "choices")
            for choice, details in choices.items() if isinstance(choices, Mapping) else ():
                if isinstance(found := at(details, "kubespawner_override"), Mapping):
                    yield (*path, "profile_options", name, "choices", choice, "kubespawner_override"), found
