"""Objects around the hub (chart: ``templates/hub``); its Deployment and Secret are in modules of their own."""

from __future__ import annotations

from typing import Any

from hubstack.chart import objects as small_objects
from hubstack.chart.hub_config_map import config_map
from hubstack.chart.hub_deployment import deployment
from hubstack.chart.hub_secret import secret
from hubstack.chart.labels import metadata, selector
from hubstack.chart.network_policy import network_policy as shared_network_policy
from hubstack.chart.pod import drop_falsy, unquoted
from hubstack.chart.release import Release, TokenValues
from hubstack.chart.text import retype

__all__ = [
    "config_map",
    "deployment",
    "network_policy",
    "objects",
    "pod_disruption_budget",
    "pvc",
    "role",
    "role_binding",
    "secret",
    "service",
    "service_account",
]

COMPONENT = "hub"


def objects(release: Release, tokens: TokenValues) -> list[dict[str, Any]]:
    """All objects of the hub."""
    made = secret(release, tokens)
    found = (
        service_account(release),
        role(release),
        role_binding(release),
        config_map(release),
        made,
        pvc(release),
        network_policy(release),
        pod_disruption_budget(release),
        service(release),
        deployment(release, tokens, made),
    )
    return [manifest for manifest in found if manifest is not None]


def service_account(release: Release) -> dict[str, Any] | None:
    """ServiceAccount hub."""
    settings = release.values.hub.service_account
    if not settings.create:
        return None
    return small_objects.service_account(release, COMPONENT, release.names.hub_service_account, settings.annotations)


def role(release: Release) -> dict[str, Any] | None:
    """Role hub: what KubeSpawner needs to make servers in its namespace."""
    if not release.values.rbac.create:
        return None
    made = {
        "apiGroups": [""],
        "resources": ["pods", "persistentvolumeclaims", "secrets", "services"],
        "verbs": ["get", "watch", "list", "create", "delete"],
    }
    watched = {"apiGroups": [""], "resources": ["events"], "verbs": ["get", "watch", "list"]}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": metadata(release, COMPONENT, release.names.hub),
        "rules": [made, watched],
    }


def role_binding(release: Release) -> dict[str, Any] | None:
    """RoleBinding of the hub's ServiceAccount."""
    if not release.values.rbac.create:
        return None
    account = release.names.hub_service_account
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": metadata(release, COMPONENT, release.names.hub),
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": release.namespace}],
        "roleRef": {"kind": "Role", "name": release.names.hub, "apiGroup": "rbac.authorization.k8s.io"},
    }


def pvc(release: Release) -> dict[str, Any] | None:
    """PersistentVolumeClaim of the hub's SQLite database."""
    database = release.values.hub.db
    if database.type != "sqlite-pvc":
        return None
    settings = database.pvc
    spec: dict[str, Any] = {
        "accessModes": settings.access_modes,
        "resources": {"requests": {"storage": settings.storage}},
        **drop_falsy({"selector": settings.selector}),
    }
    # A blank name is a name too: it asks for a volume without a class.
    if settings.storage_class_name is not None:
        spec["storageClassName"] = settings.storage_class_name
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(release, COMPONENT, release.names.hub_pvc, annotations=settings.annotations),
        "spec": spec,
    }


def network_policy(release: Release) -> dict[str, Any] | None:
    """NetworkPolicy of the hub's pod."""
    return shared_network_policy(
        release,
        name=release.names.hub,
        component=COMPONENT,
        pods=COMPONENT,
        policy=release.values.hub.network_policy,
        sources=[("hub", ["http"])],
        destinations=[("proxy", [8001]), ("singleuser-server", [8888])],
    )


def pod_disruption_budget(release: Release) -> dict[str, Any] | None:
    """PodDisruptionBudget of the hub's single pod."""
    return small_objects.pod_disruption_budget(release, COMPONENT, release.names.hub, release.values.hub.pdb)


def service(release: Release) -> dict[str, Any]:
    """Service hub; Prometheus finds its metrics by the annotations."""
    settings = release.values.hub.service
    annotations = {
        "prometheus.io/scrape": "true",
        "prometheus.io/path": retype(f"{(release.values.hub.base_url or '').removesuffix('/')}/hub/metrics"),
        "prometheus.io/port": "8081",
        **(settings.annotations or {}),
    }
    port = {
        "name": "hub",
        "port": 8081,
        "targetPort": "http",
        **unquoted({"nodePort": settings.ports.node_port, "appProtocol": settings.ports.app_protocol}),
    }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(release, COMPONENT, release.names.hub, annotations=annotations),
        "spec": {
            "type": settings.type,
            "selector": selector(release, COMPONENT),
            "ports": [port, *(settings.extra_ports or [])],
            **unquoted({"loadBalancerIP": settings.load_balancer_ip, "ipFamilyPolicy": settings.ip_family_policy}),
            **drop_falsy({"ipFamilies": settings.ip_families}),
        },
    }
