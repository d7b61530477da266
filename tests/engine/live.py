"""Stacks with a namespace of their own, and what the cluster has in it."""

from __future__ import annotations

from typing import Any

from hubstack.project.stacks import Stack
from tests.engine.conftest import Machine

KINDS = (
    "api/v1/namespaces/{}/secrets",
    "api/v1/namespaces/{}/configmaps",
    "api/v1/namespaces/{}/services",
    "api/v1/namespaces/{}/serviceaccounts",
    "api/v1/namespaces/{}/persistentvolumeclaims",
    "apis/apps/v1/namespaces/{}/deployments",
    "apis/apps/v1/namespaces/{}/daemonsets",
    "apis/apps/v1/namespaces/{}/statefulsets",
    "apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "apis/networking.k8s.io/v1/namespaces/{}/ingresses",
    "apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
)
"""Where the API server lists a hub's objects."""


def stack(machine: Machine, name: str, mode: str = "native", **config: Any) -> Stack:
    """A stack in a namespace of its own name."""
    chosen = machine.stack(mode=mode)
    settings = {**chosen.config, "hubstack:namespace": name, "hubstack:protectData": "false"}
    settings |= {f"hubstack:{key}": value for key, value in config.items()}
    return Stack(name=name, base="dev", config=settings, document={"config": settings})


def specs(machine: Machine, namespace: str) -> dict[tuple[str, str], tuple[str, dict[str, Any]]]:
    """UID and content of every object of a namespace, without what controllers report."""
    client = machine.cluster.client()
    found = {}
    for kind in KINDS:
        for each in client.get("/" + kind.format(namespace))["items"]:
            metadata = each["metadata"]
            content = {key: value for key, value in each.items() if key not in ("metadata", "status")}
            content |= {"labels": metadata.get("labels"), "annotations": metadata.get("annotations")}
            found[kind.rpartition("/")[2], metadata["name"]] = (metadata["uid"], content)
    return found
