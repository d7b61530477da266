"""The objects that make an empty API server the cluster that people expect: nodes, a storage class, permissions."""

from __future__ import annotations

from typing import Any

from hubstack.cluster.api import Object
from hubstack.cluster.model import SimSettings

SIMULATED = "hubstack.dev/sim"
"""Label of everything that only plays to exist, and the provisioner of the default storage class."""
DEFAULT_CLASS = "standard"
"""Name of the default StorageClass, the one that kind and minikube use, too."""
_PODS_PER_NODE = "110"
_DISK = "100Gi"


def node_name(number: int) -> str:
    """Name of a simulated node, counted from 1."""
    return f"sim-{number}"


def node(number: int, settings: SimSettings) -> Object:
    """A simulated node without its status."""
    name = node_name(number)
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "node.kubernetes.io/instance-type": "simulated",
        "topology.kubernetes.io/region": "sim",
        "topology.kubernetes.io/zone": "sim-a",
        SIMULATED: "true",
        **settings.labels,
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "spec": {"providerID": f"hubstack-sim://{name}"},
    }


def node_status(number: int, settings: SimSettings, version: str) -> Object:
    """What the simulated kubelet would report once, as a merge patch; `version` is the API server's."""
    room = {"cpu": settings.cpu, "memory": settings.memory, "pods": _PODS_PER_NODE, "ephemeral-storage": _DISK}
    # 100.64.0.0/10 (RFC 6598) belongs to no private network that the machine may be part of
    high, low = divmod(number, 250)
    return {
        "status": {
            "capacity": room,
            "allocatable": room,
            "addresses": [
                {"type": "InternalIP", "address": f"100.64.{high}.{low + 1}"},
                {"type": "Hostname", "address": node_name(number)},
            ],
            "nodeInfo": {
                "architecture": "amd64",
                "operatingSystem": "linux",
                "osImage": "simulated by kwok",
                "kernelVersion": "simulated",
                "containerRuntimeVersion": "kwok://simulated",
                "kubeletVersion": version,
                "kubeProxyVersion": "",
                "machineID": node_name(number),
                "systemUUID": node_name(number),
                "bootID": node_name(number),
            },
        }
    }


def _rule(group: str, resources: str, verbs: str) -> Object:
    return {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}


def _role(name: str, rules: list[Object]) -> list[tuple[str, Object]]:
    """A ClusterRole and its binding to the user of the same name."""
    base = "/apis/rbac.authorization.k8s.io/v1"
    group = "rbac.authorization.k8s.io"
    meta = {"name": name}
    role = {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": meta, "rules": rules}
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": meta,
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": group, "kind": "User", "name": name}],
    }
    return [(f"{base}/clusterroles/{name}", role), (f"{base}/clusterrolebindings/{name}", binding)]


def permissions() -> list[tuple[str, Object]]:
    """What kwok and the cloud may do, as (path, object); no more than they need."""
    read = "get list watch"
    kwok = [
        _rule("", "nodes", f"{read} update patch"),
        _rule("", "nodes/status", "update patch"),
        _rule("", "pods", f"{read} update patch delete"),
        _rule("", "pods/status", "update patch"),
        _rule("coordination.k8s.io", "leases", f"{read} create update patch delete"),
        *(_rule(group, "events", "create update patch") for group in ("", "events.k8s.io")),
    ]
    cloud = [
        _rule("", "persistentvolumes", f"{read} create patch delete"),
        _rule("", "persistentvolumeclaims services nodes pods", read),
        _rule("", "persistentvolumeclaims", "patch"),
        _rule("", "pods/binding", "create"),
        _rule("", "persistentvolumeclaims/status services/status", "patch"),
        _rule("storage.k8s.io", "storageclasses", read),
        _rule("networking.k8s.io", "ingresses", read),
        _rule("networking.k8s.io", "ingresses/status", "patch"),
    ]
    return [*_role("hubstack:kwok", kwok), *_role("hubstack:cloud", cloud)]


def name_service() -> list[tuple[str, Object]]:
    """What the cluster's DNS server may read, as (path, object)."""
    rules = [
        _rule("", "endpoints services pods namespaces", "list watch"),
        _rule("discovery.k8s.io", "endpointslices", "list watch"),
    ]
    return _role("hubstack:dns", rules)


def extras() -> list[tuple[str, Object]]:
    """What a cloud would have set up beforehand, as (path, object)."""
    storage_class = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": DEFAULT_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": SIMULATED,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
    }
    return [
        (f"/apis/storage.k8s.io/v1/storageclasses/{DEFAULT_CLASS}", storage_class),
        ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/httproutes.gateway.networking.k8s.io", http_route()),
    ]


def http_route() -> Object:
    """A CustomResourceDefinition that accepts any HTTPRoute of the Gateway API; nothing routes by it.

    It checks less than the real one: that the spec is right is for a real cluster to say.
    """
    anything: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": "httproutes.gateway.networking.k8s.io",
            # the API server wants to know who approved a definition in a group of *.k8s.io
            "annotations": {"api-approved.kubernetes.io": "unapproved, a stand-in of the simulated cluster"},
        },
        "spec": {
            "group": "gateway.networking.k8s.io",
            "scope": "Namespaced",
            "names": {
                "kind": "HTTPRoute",
                "listKind": "HTTPRouteList",
                "plural": "httproutes",
                "singular": "httproute",
                "categories": ["gateway-api"],
            },
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {"type": "object", "properties": {"spec": anything, "status": anything}}
                    },
                    "subresources": {"status": {}},
                }
            ],
        },
    }
