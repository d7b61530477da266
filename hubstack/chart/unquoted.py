"""Texts that the chart's templates write without quotes, and that YAML could not read back there.

What can be read back gets its type from YAML (`chart.text.retype`). A text that breaks its manifest instead, as one of
two lines does, or one that ends in a colon, makes Helm refuse the values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hubstack.chart import helm_yaml, profiles
from hubstack.chart.errors import SettingsError
from hubstack.chart.pod import PROBE_NUMBERS
from hubstack.chart.text import go_text
from hubstack.chart.values_tree import at, makes_autohttps, pulls_images

Path = tuple[str, ...]
Tree = Mapping[str, Any]


@dataclass(frozen=True)
class Written:
    """A setting as it stands in a manifest."""

    path: Path
    text: str
    item: bool = False
    """Whether it is an item of a list; else it is the value of a key."""

    @property
    def readable(self) -> bool:
        """Whether YAML reads it back as one value, and what follows as something else."""
        return _reads_back("- " if self.item else "key: ", self.text)


@lru_cache(maxsize=1024)
def _reads_back(first: str, text: str) -> bool:
    """Whether a text is one value behind a key or a dash; the hubs of a fleet have most of their texts in common."""
    if "\n---" in text:
        # Helm cuts the manifest there.
        return False
    try:
        read = helm_yaml.load(f"parent:\n  {first}{text}\nend:\n", source="")
    except SettingsError:
        return False
    return list(read) == ["parent", "end"] and len(read["parent"]) == 1


def unreadable(tree: Tree) -> Iterator[Written]:
    """What would break its manifest.

    Arguments:
        tree: the merged values.
    """
    for part in (_names, _images, _pulled_images, _hub, _proxy, _ingress, _pods, _ports):
        yield from (each for each in part(tree) if not each.readable)


def _filled(tree: Tree, section: str, settings: Iterable[str], around: str = "{}") -> Iterator[Written]:
    """Settings of a section that hold text, with what the template writes around each."""
    for setting in settings:
        path = (*section.split("."), *setting.split("."))
        if isinstance(text := at(tree, *path), str) and text:
            yield Written(path, around.format(text), item=around.startswith("--"))


def _names(tree: Tree) -> Iterator[Written]:
    # A full name, even a blank one, leaves the other out.
    setting = "nameOverride" if tree.get("fullnameOverride") is None else "fullnameOverride"
    if text := tree.get(setting):
        yield Written((setting,), f"{go_text(text)}-hub")


_IMAGES: dict[str, Callable[[Tree], Any]] = {
    "hub.image": lambda tree: True,
    "proxy.chp.image": lambda tree: True,
    "proxy.traefik.image": makes_autohttps,
    "proxy.secretSync.image": makes_autohttps,
    "singleuser.image": pulls_images,
    "singleuser.networkTools.image": lambda tree: (
        pulls_images(tree) and at(tree, "singleuser", "cloudMetadata", "blockWithIptables")
    ),
    "prePuller.pause.image": pulls_images,
    "prePuller.hook.image": lambda tree: at(tree, "prePuller", "hook", "enabled"),
    "scheduling.userScheduler.image": lambda tree: at(tree, "scheduling", "userScheduler", "enabled"),
    "scheduling.userPlaceholder.image": lambda tree: at(tree, "scheduling", "userPlaceholder", "enabled"),
}
"""Images that the templates write, each with the condition under which they do."""
_QUOTED = ("proxy.traefik.image", "proxy.secretSync.image")


def _images(tree: Tree) -> Iterator[Written]:
    """Images by name and tag; with an empty tag, say, they are not YAML any more."""
    used = [dotted for dotted, written in _IMAGES.items() if written(tree)]
    if pulls_images(tree):
        used += [f"prePuller.extraImages.{name}" for name in at(tree, "prePuller", "extraImages") or {}]
    for dotted in used:
        path = tuple(dotted.split(".", 2))
        image = at(tree, *path)
        if isinstance(image, Mapping):
            name, tag = go_text(image.get("name")), go_text(image.get("tag"))
            yield Written(path if tag else (*path, "tag"), f'"{name}:{tag}"' if dotted in _QUOTED else f"{name}:{tag}")


def _pulled_images(tree: Tree) -> Iterator[Written]:
    """Images that the pullers find in containers and profiles."""
    if not pulls_images(tree):
        return
    for key in ("initContainers", "extraContainers"):
        for index, container in _entries(tree, "singleuser", key):
            yield Written(("singleuser", f"{key}[{index}]", "image"), go_text(at(container, "image")))
    if at(tree, "prePuller", "pullProfileListImages"):
        found = profiles.images(at(tree, "singleuser", profiles.LIST))
        pulled = (each for each in found if isinstance(each, profiles.ProfileImage))
        yield from (Written(("singleuser", *each.path), go_text(each.image)) for each in pulled)


def _hub(tree: Tree) -> Iterator[Written]:
    base = at(tree, "hub", "baseUrl")
    if isinstance(base, str):
        yield Written(("hub", "baseUrl"), f"{base.removesuffix('/')}/hub/metrics")
    yield from _filled(tree, "hub.service", ("loadBalancerIP", "ipFamilyPolicy", "ports.appProtocol"))
    yield from _filled(tree, "hub", ("existingSecret", "serviceAccount.name"))
    yield from _probes(tree, "hub")
    for name, file in _members(tree, "hub", "extraFiles"):
        yield Written(("hub", "extraFiles", name, "mountPath"), go_text(at(file, "mountPath")))


def _proxy(tree: Tree) -> Iterator[Written]:
    yield from _filled(tree, "proxy.service", ("loadBalancerIP", "ipFamilyPolicy"))
    yield from _filled(tree, "proxy.chp", ("defaultTarget",), "--default-target={}")
    yield from _filled(tree, "proxy.chp", ("errorTarget",), "--error-target={}")
    yield from _probes(tree, "proxy.chp")
    https = at(tree, "proxy", "https")
    if at(https, "enabled") and at(https, "type") == "secret":
        yield from _filled(tree, "proxy.https.secret", ("name",))
        yield from _filled(tree, "proxy.https.secret", ("key",), "--ssl-key=/etc/chp/tls/{}")
        yield from _filled(tree, "proxy.https.secret", ("crt",), "--ssl-cert=/etc/chp/tls/{}")


def _pods(tree: Tree) -> Iterator[Written]:
    placeholder = at(tree, "scheduling", "userPlaceholder")
    if at(placeholder, "enabled") and not at(placeholder, "resources"):
        yield from _filled(tree, "singleuser.memory", ("guarantee", "limit"))
    if at(tree, "scheduling", "userScheduler", "enabled"):
        yield from _filled(tree, "scheduling.userScheduler", ("serviceAccount.name",))
    if makes_autohttps(tree):
        yield from _filled(tree, "proxy.traefik", ("serviceAccount.name",))
    if at(tree, "prePuller", "hook", "enabled"):
        yield from _filled(tree, "prePuller.hook", ("serviceAccount.name", "serviceAccountImagePuller.name"))
    if at(tree, "prePuller", "continuous", "enabled"):
        yield from _filled(tree, "prePuller.continuous", ("serviceAccount.name",))


def _ingress(tree: Tree) -> Iterator[Written]:
    if at(tree, "ingress", "enabled"):
        base = go_text(at(tree, "hub", "baseUrl")).removesuffix("/")
        yield from _filled(tree, "ingress", ("pathSuffix",), base.replace("{", "{{").replace("}", "}}") + "/{}")
        yield from _filled(tree, "ingress", ("ingressClassName",), '"{}"')


def _ports(tree: Tree) -> Iterator[Written]:
    for section in ("hub", "proxy.chp", "proxy.traefik", "singleuser"):
        path = (*section.split("."), "networkPolicy")
        if at(tree, *path, "enabled") and (section != "proxy.traefik" or makes_autohttps(tree)):
            for index, port in _entries(tree, *path, "allowedIngressPorts"):
                yield Written((*path, f"allowedIngressPorts[{index}]"), go_text(port))


def _probes(tree: Tree, section: str) -> Iterator[Written]:
    for kind in ("livenessProbe", "readinessProbe"):
        path = (*section.split("."), kind)
        if at(tree, *path, "enabled"):
            yield from (Written((*path, key), go_text(at(tree, *path, key))) for key in PROBE_NUMBERS)


def _entries(tree: Any, *path: str) -> Iterable[tuple[int, Any]]:
    found = at(tree, *path)
    return enumerate(found if isinstance(found, list) else [])


def _members(tree: Any, *path: str) -> Iterable[tuple[str, Any]]:
    found = at(tree, *path)
    return found.items() if isinstance(found, Mapping) else ()
