"""What a hub's settings say about users' pods: the spawner's traits and its profiles, and what cannot be read."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hubstack.capacity import code
from hubstack.capacity.traits import HOOKS, SETTINGS, RefusedError, Traits, checked, current_name, defaults
from hubstack.chart.names import Names
from hubstack.chart.pod import NODE_PURPOSE
from hubstack.chart.values_tree import at, maps

Tree = Mapping[str, Any]

_OWN_CODE = "/usr/local/etc/jupyterhub"
"""Folder of the hub's pod where files are configuration that runs."""
KUBESPAWNER = "kubespawner.KubeSpawner"


@dataclass(frozen=True)
class Spawner:
    """How a hub starts users' pods."""

    traits: Traits
    """The traits that decide where a pod can run, before a profile changes them."""
    profiles: list[Any]
    """The profile list as it is written."""
    doubts: tuple[str, ...] = ()
    """What may change a pod and cannot be read; with one of these, nothing is ever said to fit."""


def spawner(tree: Tree, names: Names) -> Spawner:
    """The spawner of a hub.

    Arguments:
        tree: the merged values over the chart's defaults.
        names: of the chart's objects.

    Raises:
        RefusedError: the hub would refuse a value.
    """
    config = _from_values(tree, names)
    sections = at(tree, "hub", "config") or {}
    written = code.read(at(tree, "hub", "extraConfig") or {})
    doubts = [*_doubts(tree), *written.doubts]
    parents = _decided(sections.get("Spawner") or {})
    own = sections.get("KubeSpawner") or {}
    config |= _decided(own)
    profiles = own.get("profile_list", at(tree, "singleuser", "profileList") or [])
    for section in ("Spawner", "KubeSpawner"):
        doubts += [
            f"hub.config.{section}.{name} is set"
            for name, value in (sections.get(section) or {}).items()
            if name in HOOKS - {"profile_list"} and value
        ]
    for step in written.steps:
        target = config if step.section == "KubeSpawner" else parents
        try:
            target[step.trait] = step.value if step.operation == "set" else code.applied(step, target.get(step.trait))
        except TypeError as error:
            raise RefusedError(f"{step.trait}: {error}") from None
    wanted = (sections.get("JupyterHub") or {}).get("spawner_class", KUBESPAWNER)
    if wanted not in (KUBESPAWNER, "kubespawner"):
        doubts.append(f"hub.config.JupyterHub.spawner_class is {wanted}")
    traits = defaults()
    for name, value in {**parents, **config}.items():
        traits[name] = checked(name, copy.deepcopy(value))
    if isinstance(profiles, Mapping):
        profiles = [profiles[key] for key in sorted(profiles)]
    return Spawner(traits, profiles, tuple(dict.fromkeys(doubts)))


def _from_values(tree: Tree, names: Names) -> Traits:
    """What ``jupyterhub_config.py`` sets, in its order."""
    config: Traits = {}
    for trait, path in SETTINGS.items():
        if (value := at(tree, "singleuser", *path)) is not None:
            config[trait] = copy.deepcopy(value)
    if at(tree, "scheduling", "userScheduler", "enabled"):
        config["scheduler_name"] = names.user_scheduler
    if at(tree, "scheduling", "podPriority", "enabled"):
        config["priority_class_name"] = names.priority
    if at(tree, "scheduling", "userPods", "nodeAffinity", "matchNodePurpose") == "require":
        term = {"matchExpressions": [{"key": NODE_PURPOSE, "operator": "In", "values": ["user"]}]}
        config["node_affinity_required"] = [*config.get("node_affinity_required", []), term]
    tolerations = [
        *(at(tree, "scheduling", "userPods", "tolerations") or []),
        *(at(tree, "singleuser", "extraTolerations") or []),
    ]
    if tolerations:
        config["tolerations"] = tolerations
    if at(tree, "singleuser", "cloudMetadata", "blockWithIptables") is True:
        block = {"name": "block-cloud-metadata", "resources": at(tree, "singleuser", "networkTools", "resources")}
        config["init_containers"] = [*config.get("init_containers", []), block]
    config["volumes"] = dict(_volumes(tree))
    return config


def _volumes(tree: Tree) -> Iterator[tuple[str, Any]]:
    storage = at(tree, "singleuser", "storage") or {}
    if storage.get("type") == "static":
        yield "home", {"name": "home", "persistentVolumeClaim": {"claimName": at(storage, "static", "pvcName")}}
    extra = storage.get("extraVolumes") or {}
    if isinstance(extra, list):
        extra = {str(volume["name"]): volume for volume in maps(extra) if "name" in volume}
    yield from extra.items()


def _decided(section: Mapping[str, Any]) -> Traits:
    """The traits of a section that decide; an old name counts only where the new one is not set."""
    found = {name: value for name, value in section.items() if name == current_name(name)}
    for name, value in section.items():
        found.setdefault(current_name(name), value)
    return {name: value for name, value in found.items() if name in defaults()}


def _doubts(tree: Tree) -> Iterator[str]:
    """Settings by which the hub may run another configuration than the one that can be read."""
    if at(tree, "hub", "existingSecret"):
        yield "hub.existingSecret may hold other settings"
    for name, file in (at(tree, "hub", "extraFiles") or {}).items():
        path = str(at(file, "mountPath") or "")
        if path.startswith(_OWN_CODE):
            yield f"hub.extraFiles.{name} is code that the hub runs"
    for mount in at(tree, "hub", "extraVolumeMounts") or []:
        if str(at(mount, "mountPath") or "").startswith(_OWN_CODE):
            yield f"hub.extraVolumeMounts has files that the hub may run ({mount['mountPath']})"
    for setting in ("command", "args"):
        if at(tree, "hub", setting):
            yield f"hub.{setting} starts the hub in another way"
