"""What the hub's configuration sets of KubeSpawner, and what a user's choice of a profile changes.

Source: ``files/jupyterhub_config.py``; KubeSpawner 7 (``spawner.py``: _load_profile, _apply_overrides).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hubstack.chart.release import Release
from hubstack.chart.values_tree import at, maps

USER = "hubstack-check"
"""Stands for the user's name."""

Traits = dict[str, Any]

SETTINGS = {
    "image_pull_policy": "image.pullPolicy",
    "extra_labels": "extraLabels",
    "extra_annotations": "extraAnnotations",
    "uid": "uid",
    "fs_gid": "fsGid",
    "service_account": "serviceAccountName",
    "node_selector": "nodeSelector",
    "node_affinity_required": "extraNodeAffinity.required",
    "node_affinity_preferred": "extraNodeAffinity.preferred",
    "pod_affinity_required": "extraPodAffinity.required",
    "pod_affinity_preferred": "extraPodAffinity.preferred",
    "pod_anti_affinity_required": "extraPodAntiAffinity.required",
    "pod_anti_affinity_preferred": "extraPodAntiAffinity.preferred",
    "init_containers": "initContainers",
    "extra_containers": "extraContainers",
    "mem_limit": "memory.limit",
    "mem_guarantee": "memory.guarantee",
    "cpu_limit": "cpu.limit",
    "cpu_guarantee": "cpu.guarantee",
    "extra_resource_limits": "extraResource.limits",
    "extra_resource_guarantees": "extraResource.guarantees",
    "extra_pod_config": "extraPodConfig",
    "allow_privilege_escalation": "allowPrivilegeEscalation",
}
"""Traits of KubeSpawner and the setting below ``singleuser`` that each takes."""


def traits_of(release: Release) -> Traits:
    """What the hub's configuration sets of KubeSpawner."""
    tree, names = release.tree, release.names
    user = at(tree, "singleuser") or {}
    found = {trait: at(user, *setting.split(".")) for trait, setting in SETTINGS.items()}
    traits = {trait: copy.deepcopy(value) for trait, value in found.items() if value is not None}
    image = at(user, "image") or {}
    traits["image"] = f"{image.get('name')}:{image['tag']}" if image.get("tag") else image.get("name")
    traits["profile_list"] = user.get("profileList")
    secrets = [names.image_pull_secret] if _makes_pull_secret(tree) else []
    traits["image_pull_secrets"] = [*secrets, *(tree.get("imagePullSecrets") or []), *(image.get("pullSecrets") or [])]
    scheduling = tree.get("scheduling") or {}
    if at(scheduling, "userScheduler", "enabled"):
        traits["scheduler_name"] = names.user_scheduler
    if at(scheduling, "podPriority", "enabled"):
        traits["priority_class_name"] = names.priority
    term = {"matchExpressions": [{"key": "hub.jupyter.org/node-purpose", "operator": "In", "values": ["user"]}]}
    match at(scheduling, "userPods", "nodeAffinity", "matchNodePurpose"):
        case "prefer":
            traits.setdefault("node_affinity_preferred", []).append({"weight": 100, "preference": term})
        case "require":
            traits.setdefault("node_affinity_required", []).append(term)
    shared = at(scheduling, "userPods", "tolerations") or []
    traits["tolerations"] = [*shared, *(user.get("extraTolerations") or [])]
    traits["volumes"], traits["volume_mounts"] = _storage(release)
    if at(user, "cloudMetadata", "blockWithIptables") is True:
        block = _metadata_block(user)
        present = traits.get("init_containers") or []
        traits["init_containers"] = [*present, block] if isinstance(present, list) else {**present, "": block}
    for section in ("Spawner", "KubeSpawner"):
        traits.update(copy.deepcopy(at(tree, "hub", "config", section) or {}))
    return traits


def _makes_pull_secret(tree: Mapping[str, Any]) -> bool:
    secret = tree.get("imagePullSecret") or {}
    return bool(secret.get("create") and secret.get("automaticReferenceInjection"))


def _metadata_block(user: Mapping[str, Any]) -> dict[str, Any]:
    image = at(user, "networkTools", "image") or {}
    rule = f"--append OUTPUT --protocol tcp --destination {at(user, 'cloudMetadata', 'ip')}"
    return {
        "name": "block-cloud-metadata",
        "image": f"{image.get('name')}:{image.get('tag')}",
        "command": ["iptables", *rule.split(), "--destination-port", "80", "--jump", "DROP"],
        "securityContext": {"privileged": True, "runAsUser": 0, "capabilities": {"add": ["NET_ADMIN"]}},
        "resources": at(user, "networkTools", "resources"),
    }


def _storage(release: Release) -> tuple[dict[str, Any], dict[str, Any]]:
    """Volumes and mounts by key: the home, the extra files, and what the settings add."""
    user = release.tree.get("singleuser") or {}
    storage = user.get("storage") or {}
    volumes: dict[str, Any] = {}
    mounts: dict[str, Any] = {}
    kind = storage.get("type")
    if kind in ("dynamic", "static"):
        settings = storage.get(kind) or {}
        name, claim = "home", settings.get("pvcName")
        if kind == "dynamic":
            name, claim = str(settings.get("volumeNameTemplate")), f"claim-{USER}"
        volumes[name] = {"name": name, "persistentVolumeClaim": {"claimName": claim}}
        mounts[name] = {"name": name, "mountPath": storage.get("homeMountPath"), "subPath": settings.get("subPath")}
    if files := user.get("extraFiles"):
        items = [
            {"key": key, "path": key, **({"mode": file["mode"]} if "mode" in file else {})}
            for key, file in files.items()
        ]
        volumes["files"] = {"name": "files", "secret": {"secretName": release.names.singleuser, "items": items}}
        for index, (key, file) in enumerate(files.items()):
            mounts[f"{index}-files"] = {"name": "files", "mountPath": file["mountPath"], "subPath": key}
    extra = storage.get("extraVolumes") or {}
    # a name of another type than text is the API server's to refuse
    volumes.update({str(each.get("name")): each for each in maps(extra)} if isinstance(extra, list) else extra)
    extra = storage.get("extraVolumeMounts") or {}
    if isinstance(extra, list):
        extra = {f"{index}-{each.get('name')}": each for index, each in enumerate(maps(extra))}
    mounts.update(extra)
    return volumes, mounts


def choices(profiles: Any) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """Each choice that people have, in words, and the overrides that follow from it.

    Arguments:
        profiles: the trait ``profile_list``.
    """
    profiles = [each for each in profiles if isinstance(each, Mapping)] if isinstance(profiles, list) else []
    if not profiles:
        yield "", []
    for profile in profiles:
        name = f"profile {profile.get('display_name')!r}"
        own = [profile.get("kubespawner_override") or {}]
        options = {
            key: dict(sorted(option["choices"].items()))  # as the chart writes maps: the first is the default
            for key, option in sorted((profile.get("profile_options") or {}).items())
            if isinstance(option, Mapping) and option.get("choices")
        }
        usual = {
            key: next((choice for choice in choices.values() if choice.get("default")), next(iter(choices.values())))
            for key, choices in options.items()
        }
        yield name, own + [each.get("kubespawner_override") or {} for each in usual.values()]
        for key, choices in options.items():
            for choice, details in choices.items():
                picked = {**usual, key: details}
                words = f"{name}, {key} {details.get('display_name', choice)!r}"
                yield words, own + [each.get("kubespawner_override") or {} for each in picked.values()]


def overridden(traits: Traits, overrides: Iterable[Mapping[str, Any]]) -> Traits:
    """Traits after overrides: a map is merged into a map, and None removes there; all else takes another's place."""
    found = copy.deepcopy(traits)
    for key, value in (pair for override in overrides for pair in override.items()):
        if isinstance(value, Mapping) and isinstance(found.get(key), dict):
            _merge(found[key], value)
        else:
            found[key] = copy.deepcopy(value)
    return found


def _merge(target: dict[str, Any], change: Mapping[str, Any]) -> None:
    for key, value in change.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = copy.deepcopy(value)
