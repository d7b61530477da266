"""The pods of users' servers, as KubeSpawner makes them from the values: what a cluster's admission looks at.

Source: KubeSpawner 7 (``objects.py``: make_pod), with the traits of `chart.spawner_traits`. Environment and hooks are
left out: no rule of a cluster asks for them, and they may hold secrets. Code in ``hub.extraConfig`` is not run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubstack.chart.release import CHART_NAME, CHART_VERSION, Release
from hubstack.chart.singleuser import PODS
from hubstack.chart.spawner_traits import USER, Traits, choices, overridden, traits_of
from hubstack.chart.values_tree import at

MOST = 40
"""So many different pods are made at most; a profile list may have thousands of combinations."""


@dataclass(frozen=True)
class UserPod:
    """The pod of a server."""

    choice: str
    """What somebody chooses to get it: ``profile 'GPU', memory 'eight'``; blank where there is nothing to choose."""
    manifest: dict[str, Any]


def user_pods(release: Release) -> list[UserPod]:
    """Every different pod that users can get: one for each profile, and for each choice of its options.

    Arguments:
        release: the values.
    """
    traits = traits_of(release)
    pods: dict[str, UserPod] = {}
    for choice, overrides in choices(traits.get("profile_list")):
        manifest = _pod(release, overridden(traits, overrides))
        pods.setdefault(json.dumps(manifest, sort_keys=True, default=str), UserPod(choice, manifest))
        if len(pods) == MOST:
            break
    return list(pods.values())


def is_certain(tree: Mapping[str, Any]) -> bool:
    """Whether these pods are what the hub makes: no code of the users' changes them.

    Arguments:
        tree: the merged values.
    """
    spawner = at(tree, "hub", "config", "KubeSpawner") or {}
    hooks = ("pre_spawn_hook", "modify_pod_hook")
    code = [*(at(tree, "hub", "extraConfig") or {}).values(), *(at(tree, "hub", "extraFiles") or {}).values()]
    return not any("pawner" in str(each) or "pod_hook" in str(each) for each in code) and not any(
        hook in spawner for hook in hooks
    )


def _pod(release: Release, traits: Traits) -> dict[str, Any]:
    """The manifest that KubeSpawner makes of its traits."""
    container = {
        "name": "notebook",
        "image": traits.get("image"),
        "imagePullPolicy": traits.get("image_pull_policy"),
        "ports": [{"name": "notebook-port", "containerPort": traits.get("port") or 8888}],
        "workingDir": traits.get("working_dir"),
        "resources": _resources(traits),
        "volumeMounts": _models(traits.get("volume_mounts")),
        "securityContext": _security(
            traits, {"uid": "runAsUser", "gid": "runAsGroup", "privileged": "privileged"}, "container_security_context"
        ),
        **_camel(traits.get("extra_container_config") or {}),
    }
    account = traits.get("service_account")
    automount = traits.get("automount_service_account_token", None if account else False)
    spec = {
        "restartPolicy": "OnFailure",
        "imagePullSecrets": [
            {"name": each} if isinstance(each, str) else each for each in traits.get("image_pull_secrets") or []
        ],
        "nodeSelector": traits.get("node_selector"),
        "securityContext": _security(
            traits, {"fs_gid": "fsGroup", "supplemental_gids": "supplementalGroups"}, "pod_security_context"
        ),
        "serviceAccountName": account,
        "automountServiceAccountToken": automount,
        "containers": [container, *_models(traits.get("extra_containers"))],
        "initContainers": _models(traits.get("init_containers")),
        "tolerations": _models(traits.get("tolerations")),
        "volumes": _models(traits.get("volumes")),
        "schedulerName": traits.get("scheduler_name"),
        "priorityClassName": traits.get("priority_class_name"),
        "affinity": _affinity(traits),
        **_camel(traits.get("extra_pod_config") or {}),
    }
    for part in ("containers", "initContainers"):
        spec[part] = [
            {
                key: value
                for key, value in each.items()
                if key not in ("env", "envFrom", "lifecycle") and value is not None
            }
            for each in spec[part]
        ]
    metadata = {
        "generateName": f"jupyter-{USER}-",
        "labels": {**(traits.get("extra_labels") or {}), **_labels(release)},
        "annotations": {"hub.jupyter.org/username": USER, **(traits.get("extra_annotations") or {})},
    }
    kept = {key: value for key, value in spec.items() if value not in (None, [], {})}
    pod: dict[str, Any] = _expanded({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": kept})
    return pod


def _labels(release: Release) -> dict[str, str]:
    name, chart = release.tree.get("nameOverride") or CHART_NAME, f"{CHART_NAME}-{CHART_VERSION}".replace("+", "_")
    return {
        **dict.fromkeys(("app.kubernetes.io/name", "app"), name),
        **dict.fromkeys(("app.kubernetes.io/instance", "release"), release.name),
        **dict.fromkeys(("helm.sh/chart", "chart"), chart),
        **dict.fromkeys(("app.kubernetes.io/component", "component"), PODS),
        "app.kubernetes.io/managed-by": "kubespawner",
        "hub.jupyter.org/username": USER,
        "hub.jupyter.org/servername": "",
    }


def _security(traits: Traits, fields: Mapping[str, str], context: str) -> dict[str, Any]:
    """A security context: traits of their own, and over them what is written in Kubernetes' words."""
    set_ones = {field: traits.get(trait) for trait, field in fields.items()}
    # 0 is a user, the one that matters most
    found = {
        field: value for field, value in set_ones.items() if value is not None and value is not False and value != []
    }
    if context == "container_security_context" and traits.get("allow_privilege_escalation") is not None:
        found["allowPrivilegeEscalation"] = traits["allow_privilege_escalation"]
    own = traits.get(context)
    return {**found, **(own if isinstance(own, Mapping) else {})}


def _resources(traits: Traits) -> dict[str, Any]:
    sides = {"limits": ("limit", "extra_resource_limits"), "requests": ("guarantee", "extra_resource_guarantees")}
    found: dict[str, dict[str, Any]] = {}
    for side, (suffix, extra) in sides.items():
        amounts = {"cpu": _text(traits.get(f"cpu_{suffix}")), "memory": _bytes(traits.get(f"mem_{suffix}"))}
        found[side] = {key: value for key, value in amounts.items() if value} | {
            key: _text(value) for key, value in (traits.get(extra) or {}).items()
        }
    return found


def _text(value: Any) -> str | None:
    return str(value) if value else None


def _bytes(value: Any) -> str | None:
    """Bytes of JupyterHub's ``1.5G``, in which a letter is a power of 1024."""
    found = re.fullmatch(r"([\d.]+)([KMGT]?)", str(value or ""))
    if not found:
        return _text(value)
    return str(int(float(found[1]) * 1024 ** " KMGT".index(found[2] or " "))) if float(found[1]) else None


def _affinity(traits: Traits) -> dict[str, Any]:
    kinds = {"node_affinity": "nodeAffinity", "pod_affinity": "podAffinity", "pod_anti_affinity": "podAntiAffinity"}
    found: dict[str, Any] = {}
    for trait, kind in kinds.items():
        preferred, required = (_values(traits.get(f"{trait}_{each}")) for each in ("preferred", "required"))
        rules: dict[str, Any] = {}
        if preferred:
            rules["preferredDuringSchedulingIgnoredDuringExecution"] = preferred
        if required:
            terms = {"nodeSelectorTerms": required} if kind == "nodeAffinity" else required
            rules["requiredDuringSchedulingIgnoredDuringExecution"] = terms
        if rules:
            found[kind] = rules
    return found


def _values(entries: Any) -> list[Any]:
    """A list, or the values of a map in the order of its keys."""
    return [entries[key] for key in sorted(entries)] if isinstance(entries, Mapping) else list(entries or [])


def _models(entries: Any) -> list[dict[str, Any]]:
    return [_camel(each) for each in _values(entries) if isinstance(each, Mapping)]


def _camel(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields under Kubernetes' names; KubeSpawner takes those of Python's client, too."""
    named = {re.sub("_([a-z])", lambda letter: letter[1].upper(), key): value for key, value in fields.items()}
    return {key: value for key, value in named.items() if value is not None}


def _expanded(value: Any) -> Any:
    """Texts with the user's name in place of KubeSpawner's templates, such as ``{username}``."""
    if isinstance(value, Mapping):
        return {key: _expanded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_expanded(each) for each in value]
    return re.sub(r"\{\w+\}", USER, value) if isinstance(value, str) else value
