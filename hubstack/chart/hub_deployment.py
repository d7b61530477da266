"""The hub's Deployment (chart: ``templates/hub/deployment.yaml``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubstack.chart import hub_secret, pod
from hubstack.chart.blocks import clipped
from hubstack.chart.go_template import render
from hubstack.chart.hub_config_map import config_map
from hubstack.chart.labels import metadata, pod_labels, selector
from hubstack.chart.outputs import apply
from hubstack.chart.pod import drop_falsy, drop_null
from hubstack.chart.release import Release, TokenValues
from hubstack.chart.text import checksum, retype

COMPONENT = "hub"
CONFIG_FOLDER = "/usr/local/etc/jupyterhub"
NETWORK_ACCESS = ("proxy-api", "proxy-http", "singleuser")
"""What the hub's pod may reach, by access label."""


def deployment(release: Release, tokens: TokenValues, made: dict[str, Any] | None = None) -> dict[str, Any]:
    """Deployment hub; a change of its settings or tokens restarts it.

    Arguments:
        release: the values.
        tokens: the generated tokens; tokens that the values set win.
        made: the Secret of the hub, where somebody has made it already: half of the work.
    """
    settings = release.values.hub
    secret = made or hub_secret.secret(release, tokens)
    keys, leaves = list(secret["data"]), list(secret["data"].values())
    restarts = {
        "checksum/config-map": checksum(config_map(release)),
        "checksum/secret": apply(
            lambda *known: checksum([secret["metadata"], dict(zip(keys, known, strict=True))]), *leaves
        ),
    }
    access = {f"hub.jupyter.org/network-access-{name}": "true" for name in NETWORK_ACCESS}
    spec: dict[str, Any] = {
        "replicas": 1,
        "selector": {"matchLabels": selector(release, COMPONENT)},
        **pod.strategy(release.tree["hub"]),
        "template": {
            "metadata": {
                "labels": {**pod_labels(release, COMPONENT), **access, **(settings.labels or {})},
                "annotations": {**restarts, **(settings.annotations or {})},
            },
            "spec": _pod_spec(release),
        },
    }
    if settings.revision_history_limit is not None:
        spec["revisionHistoryLimit"] = settings.revision_history_limit
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(release, COMPONENT, release.names.hub),
        "spec": spec,
    }


def _pod_spec(release: Release) -> dict[str, Any]:
    values, settings = release.values, release.values.hub
    return {
        "volumes": _volumes(release),
        "containers": [_container(release), *(settings.extra_containers or [])],
        **pod.unquoted({"serviceAccountName": release.names.hub_service_account}),
        **drop_falsy(
            {
                "priorityClassName": release.names.priority if values.scheduling.pod_priority.enabled else None,
                "nodeSelector": settings.node_selector,
                "tolerations": pod.tolerations(release, "core", settings.tolerations),
                "affinity": pod.core_affinity(release),
                "securityContext": settings.pod_security_context,
                "imagePullSecrets": pod.image_pull_secrets(release, settings.image),
                "initContainers": settings.init_containers,
            }
        ),
        **clipped(settings.extra_pod_spec or {}),
    }


def _volumes(release: Release) -> list[dict[str, Any]]:
    settings, names = release.values.hub, release.names
    volumes: list[dict[str, Any]] = [
        {"name": "config", "configMap": {"name": names.hub}},
        {"name": "secret", "secret": {"secretName": names.hub}},
    ]
    if names.hub_existing_secret:
        volumes.append({"name": "existing-secret", "secret": {"secretName": retype(names.hub_existing_secret)}})
    if settings.extra_files:
        items = [_file_item(name, settings.extra_files[name]) for name in sorted(settings.extra_files)]
        volumes.append({"name": "files", "secret": {"secretName": names.hub, "items": items}})
    volumes += settings.extra_volumes or []
    if settings.db.type == "sqlite-pvc":
        volumes.append({"name": "pvc", "persistentVolumeClaim": {"claimName": names.hub_pvc}})
    return volumes


def _file_item(name: str, details: Mapping[str, Any]) -> dict[str, Any]:
    return {"key": name, "path": name, **drop_falsy({"mode": details.get("mode")})}


def _volume_mounts(release: Release) -> list[dict[str, Any]]:
    settings = release.values.hub
    mounts: list[dict[str, Any]] = [
        {"mountPath": f"{CONFIG_FOLDER}/{name}", "subPath": name, "name": "config"}
        for name in ("jupyterhub_config.py", "z2jh.py")
    ]
    mounts.append({"mountPath": f"{CONFIG_FOLDER}/config/", "name": "config"})
    mounts.append({"mountPath": f"{CONFIG_FOLDER}/secret/", "name": "secret"})
    if release.names.hub_existing_secret:
        mounts.append({"mountPath": f"{CONFIG_FOLDER}/existing-secret/", "name": "existing-secret"})
    for name, details in sorted((settings.extra_files or {}).items()):
        mounts.append({"mountPath": retype(details["mountPath"]), "subPath": name, "name": "files"})
    mounts += settings.extra_volume_mounts or []
    if settings.db.type == "sqlite-pvc":
        mounts.append(
            {"mountPath": "/srv/jupyterhub", "name": "pvc", **drop_falsy({"subPath": settings.db.pvc.sub_path})}
        )
    return mounts


def _container(release: Release) -> dict[str, Any]:
    settings = release.values.hub
    health = {"path": retype(f"{(settings.base_url or '').removesuffix('/')}/hub/health"), "port": "http"}
    return {
        "name": "hub",
        "image": pod.image(settings.image),
        "args": _arguments(release),
        "volumeMounts": _volume_mounts(release),
        "env": _environment(release),
        "ports": [{"name": "http", "containerPort": 8081}],
        **drop_falsy(
            {
                "command": [retype(render(word, release, "hub.command")) for word in settings.command or []],
                "resources": settings.resources,
                "imagePullPolicy": settings.image.pull_policy,
                "securityContext": settings.container_security_context,
                "lifecycle": drop_null(release.tree["hub"].get("lifecycle") or {}),
                "livenessProbe": pod.probe(settings.liveness_probe, health),
                "readinessProbe": pod.probe(settings.readiness_probe, health),
            }
        ),
    }


def _arguments(release: Release) -> list[Any]:
    """The hub's command line; ``hub.args`` replaces all of it.

    A database on the hub's own volume is upgraded unless the values say no; any other only when they say yes.
    """
    settings = release.values.hub
    if settings.args:
        return [retype(render(word, release, "hub.args")) for word in settings.args]
    arguments = ["jupyterhub", "--config", f"{CONFIG_FOLDER}/jupyterhub_config.py"]
    if release.values.debug.enabled:
        arguments.append("--debug")
    upgrade = settings.db.upgrade
    if upgrade is True or (upgrade is None and settings.db.type == "sqlite-pvc"):
        arguments.append("--upgrade-db")
    return arguments


def _environment(release: Release) -> list[dict[str, Any]]:
    token = {"name": release.names.hub, "key": "hub.config.ConfigurableHTTPProxy.auth_token"}
    return [
        {"name": "PYTHONUNBUFFERED", "value": "1"},
        {"name": "HELM_RELEASE_NAME", "value": release.name},
        {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        {"name": "CONFIGPROXY_AUTH_TOKEN", "valueFrom": {"secretKeyRef": token}},
        *pod.extra_env(release.values.hub.extra_env),
    ]
