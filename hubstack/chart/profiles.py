"""``singleuser.profileList`` as the image pullers look into it (chart: ``jupyterhub.imagePuller.daemonset``).

KubeSpawner takes profiles as they are, so the models leave them open. Only what a puller reads has a shape: where a
template asks something for a member that has none, Helm refuses the values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LIST = "profileList"

Path = tuple[str, ...]


@dataclass(frozen=True)
class ProfileImage:
    """An image that somebody may choose."""

    path: Path
    """Path of the override below ``singleuser``."""
    container: str
    """Name of the container that pulls it."""
    image: Any


@dataclass(frozen=True)
class Misshapen:
    """A part of a profile that a puller cannot look into."""

    path: Path
    """Its path below ``singleuser``."""
    value: Any


def images(profiles: Any) -> Iterator[ProfileImage | Misshapen]:
    """What the pullers find, in the chart's order.

    Arguments:
        profiles: the list, or None.
    """
    for index, profile in enumerate(profiles if isinstance(profiles, list) else []):
        path = (f"{LIST}[{index}]",)
        yield from _override(profile, path, f"singleuser-profilelist-{index}")
        for option, settings in _members(_part(profile, "profile_options")):
            here = (*path, "profile_options", option)
            if not isinstance(settings, Mapping):
                yield Misshapen(here, settings)
                continue
            for choice, chosen in _members(settings.get("choices")):
                yield from _override(chosen, (*here, "choices", choice), f"profile-{index}-option-{option}-{choice}")
            yield from _no_members((*here, "choices"), settings.get("choices"))
        yield from _no_members((*path, "profile_options"), _part(profile, "profile_options"))


def _override(chosen: Any, path: Path, container: str) -> Iterator[ProfileImage | Misshapen]:
    """The image of a profile, or of a choice of one of its options."""
    if not isinstance(chosen, Mapping):
        yield Misshapen(path, chosen)
        return
    override = chosen.get("kubespawner_override")
    here = (*path, "kubespawner_override")
    if override and not isinstance(override, Mapping):
        yield Misshapen(here, override)
    elif override and override.get("image"):
        yield ProfileImage((*here, "image"), container, override["image"])


def _part(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    """What a template's ``range`` goes over: a map by its sorted keys, a list by its indexes."""
    if isinstance(value, Mapping):
        yield from sorted(value.items())
    elif isinstance(value, list):
        yield from ((str(index), member) for index, member in enumerate(value))


def _no_members(path: Path, value: Any) -> Iterator[Misshapen]:
    if value and not isinstance(value, Mapping | list):
        yield Misshapen(path, value)
