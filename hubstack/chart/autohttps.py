"""Automatic HTTPS: Traefik before the proxy, with certificates from Let's Encrypt (chart: ``proxy/autohttps/``)."""

from __future__ import annotations

from typing import Any

from hubstack.chart import helm_yaml
from hubstack.chart import objects as small_objects
from hubstack.chart.blocks import clipped
from hubstack.chart.https import HttpsKind, require_https
from hubstack.chart.labels import app, metadata, pod_labels, selector
from hubstack.chart.network_policy import network_policy as shared_network_policy
from hubstack.chart.pod import core_affinity, drop_falsy, extra_env, image, image_pull_secrets, tolerations
from hubstack.chart.proxy_services import ip_families
from hubstack.chart.release import Release
from hubstack.chart.text import checksum, retype
from hubstack.chart.traefik_config import HTTP_PORT, HTTPS_PORT, dynamic_config, static_config

__all__ = ["dynamic_config", "objects", "static_config"]

COMPONENT = "autohttps"
ACME_VOLUME = {"name": "certificates", "mountPath": "/etc/acme"}
UNBUFFERED = {"name": "PYTHONUNBUFFERED", "value": "True"}
"""Makes the sidecar's log lines appear at once."""

PDB_NAME = "proxy"
"""The chart's name for the PodDisruptionBudget, whatever the full name is."""


def objects(release: Release) -> list[dict[str, Any]]:
    """All objects of automatic HTTPS; without it, at most the PodDisruptionBudget, as in the chart."""
    found = [pod_disruption_budget(release)]
    if require_https(release.values) is HttpsKind.LETSENCRYPT:
        found += [
            config_map(release),
            deployment(release),
            network_policy(release),
            service(release),
            service_account(release),
            role(release),
            role_binding(release),
        ]
    return [manifest for manifest in found if manifest is not None]


def config_map(release: Release) -> dict[str, Any]:
    """ConfigMap autohttps: Traefik's configuration."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(release, COMPONENT, release.names.autohttps),
        "data": {
            "traefik.yaml": helm_yaml.dump(clipped(static_config(release))),
            "dynamic.yaml": helm_yaml.dump(clipped(dynamic_config(release))),
        },
    }


def deployment(release: Release) -> dict[str, Any]:
    """Deployment autohttps."""
    traefik = release.values.proxy.traefik
    spec: dict[str, Any] = {
        "replicas": 1,
        "selector": {"matchLabels": selector(release, COMPONENT)},
        "template": {
            "metadata": {
                "labels": {
                    **pod_labels(release, COMPONENT),
                    "hub.jupyter.org/network-access-proxy-http": "true",
                    **(traefik.labels or {}),
                },
                # Without the dynamic configuration: Traefik sees its changes, and a restart drops every connection.
                "annotations": {"checksum/static-config": checksum(static_config(release))},
            },
            "spec": _pod_spec(release),
        },
    }
    if traefik.revision_history_limit is not None:
        spec["revisionHistoryLimit"] = traefik.revision_history_limit
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(release, COMPONENT, release.names.autohttps),
        "spec": spec,
    }


def network_policy(release: Release) -> dict[str, Any] | None:
    """NetworkPolicy autohttps."""
    return shared_network_policy(
        release,
        name=release.names.autohttps,
        component=COMPONENT,
        pods=COMPONENT,
        policy=release.values.proxy.traefik.network_policy,
        sources=[("proxy-http", ["http", "https"])],
        destinations=[("proxy", [8000])],
    )


def service(release: Release) -> dict[str, Any]:
    """Service proxy-http: Traefik reaches the proxy here."""
    settings = release.values.proxy.service
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(
            release,
            COMPONENT,
            release.names.proxy_http,
            annotations=settings.annotations,
            extra_labels=settings.labels,
        ),
        "spec": {
            "type": "ClusterIP",
            "selector": selector(release, "proxy"),
            "ports": [{"port": 8000, "targetPort": "http"}],
            **ip_families(release),
        },
    }


def service_account(release: Release) -> dict[str, Any] | None:
    """ServiceAccount autohttps; its annotations land on the Role, as in the chart."""
    if not release.values.proxy.traefik.service_account.create:
        return None
    return small_objects.service_account(release, COMPONENT, release.names.autohttps_service_account, None)


def role(release: Release) -> dict[str, Any] | None:
    """Role autohttps: what the sidecar needs to keep the certificates in a Secret."""
    if not release.values.rbac.create:
        return None
    annotations = release.values.proxy.traefik.service_account.annotations
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": metadata(release, COMPONENT, release.names.autohttps, annotations=annotations),
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "patch", "list", "create"]}],
    }


def role_binding(release: Release) -> dict[str, Any] | None:
    """RoleBinding autohttps. Its subject has no namespace, as in the chart: the API server takes the binding's own."""
    if not release.values.rbac.create:
        return None
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": metadata(release, COMPONENT, release.names.autohttps),
        "subjects": [{"kind": "ServiceAccount", "name": release.names.autohttps_service_account}],
        "roleRef": {"kind": "Role", "name": release.names.autohttps, "apiGroup": "rbac.authorization.k8s.io"},
    }


def pod_disruption_budget(release: Release) -> dict[str, Any] | None:
    """PodDisruptionBudget of autohttps, with or without Let's Encrypt.

    The chart calls it ``proxy``. Where the proxy's own budget has this name already, Helm cannot install the release;
    only there it gets a name of its own.
    """
    proxy = release.values.proxy
    taken = bool(proxy.chp.pdb.enabled) and release.names.proxy == PDB_NAME
    name = release.names.autohttps if taken else PDB_NAME
    return small_objects.pod_disruption_budget(release, COMPONENT, name, proxy.traefik.pdb)


def _pod_spec(release: Release) -> dict[str, Any]:
    values = release.values
    traefik = values.proxy.traefik
    priority = release.names.priority if values.scheduling.pod_priority.enabled else None
    return {
        "serviceAccountName": retype(release.names.autohttps_service_account),
        **drop_falsy(
            {
                "priorityClassName": priority,
                "nodeSelector": traefik.node_selector,
                "tolerations": tolerations(release, "core", traefik.tolerations),
                "affinity": core_affinity(release),
                "imagePullSecrets": image_pull_secrets(release, traefik.image),
            }
        ),
        "volumes": [
            {"name": "certificates", "emptyDir": {}},
            {"name": "traefik-config", "configMap": {"name": release.names.autohttps}},
            *(traefik.extra_volumes or []),
        ],
        "initContainers": [_load_certificates(release), *(traefik.extra_init_containers or [])],
        "containers": [_traefik(release), _save_certificates(release)],
        **clipped(traefik.extra_pod_spec or {}),
    }


def _traefik(release: Release) -> dict[str, Any]:
    traefik = release.values.proxy.traefik
    return {
        "name": "traefik",
        "image": image(traefik.image, quoted=True),
        "ports": [
            {"name": "http", "containerPort": HTTP_PORT},
            {"name": "https", "containerPort": HTTPS_PORT},
            *(traefik.extra_ports or []),
        ],
        "volumeMounts": [
            {"name": "traefik-config", "mountPath": "/etc/traefik"},
            dict(ACME_VOLUME),
            *(traefik.extra_volume_mounts or []),
        ],
        **drop_falsy(
            {
                "imagePullPolicy": traefik.image.pull_policy,
                "resources": traefik.resources,
                "env": extra_env(traefik.extra_env),
                "securityContext": traefik.container_security_context,
            }
        ),
    }


def _load_certificates(release: Release) -> dict[str, Any]:
    """The init container that restores an earlier pod's certificates; authorities limit how many one may ask for."""
    sidecar = _secret_sync(release, "load-acme", ["load", *_synced_file(release)])
    sidecar["env"] = [dict(UNBUFFERED), *extra_env(release.values.proxy.traefik.extra_env)]
    return sidecar


def _save_certificates(release: Release) -> dict[str, Any]:
    """The sidecar that copies new certificates to a Secret, with labels that tell whose they are."""
    labels = {
        "app.kubernetes.io/name": app(release),
        "app.kubernetes.io/instance": release.name,
        "helm.sh/chart": f"{release.chart_name}-{release.chart_version.replace('+', '_')}",
        "app.kubernetes.io/managed-by": "secret-sync",
    }
    flags = [f"--label={key}={value}" for key, value in labels.items()]
    sidecar = _secret_sync(release, "secret-sync", ["watch-save", *flags, *_synced_file(release)])
    if resources := release.values.proxy.secret_sync.resources:
        sidecar["resources"] = resources
    return sidecar


def _secret_sync(release: Release, name: str, args: list[str]) -> dict[str, Any]:
    settings = release.values.proxy.secret_sync
    return {
        "name": name,
        "image": image(settings.image, quoted=True),
        "args": args,
        "env": [dict(UNBUFFERED)],
        "volumeMounts": [dict(ACME_VOLUME)],
        **drop_falsy(
            {"imagePullPolicy": settings.image.pull_policy, "securityContext": settings.container_security_context}
        ),
    }


def _synced_file(release: Release) -> list[str]:
    """Secret, key and file of the certificates."""
    return [release.names.proxy_public_tls, "acme.json", "/etc/acme/acme.json"]
