"""The nodes and rules of a live cluster; nothing is changed there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

from hubstack.capacity import quotas, requests, scheduling
from hubstack.capacity.admission import Rules
from hubstack.capacity.nodes import Node, taints_of
from hubstack.capacity.quantities import Amounts, added, amounts

Object = Mapping[str, Any]

AUTOSCALER = "cluster-autoscaler-status"
"""ConfigMap in which the cluster autoscaler says what it does."""
KARPENTER = "/apis/karpenter.sh/v1/nodepools"

HOMES = "singleuser-storage"
"""KubeSpawner's label of the homes that it makes."""

GKE = "cloud.google.com/gke-nodepool"

_OF_DAEMON_SETS = (
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"},
    {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"},
    {"key": "node.kubernetes.io/disk-pressure", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/memory-pressure", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/pid-pressure", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"},
)
"""Tolerations that the controller gives every pod of a DaemonSet."""


class Lister(Protocol):
    """A cluster that can be read."""

    def items(self, path: str, selector: str = "", *, metadata_only: bool = False) -> list[dict[str, Any]]:
        """All objects of a list; none where the cluster does not know the kind."""


@dataclass(frozen=True)
class Cluster:
    """What was read of a cluster."""

    nodes: Sequence[Object]
    pods: Sequence[Object]
    """Pods that have a node and have not ended."""
    daemon_sets: Sequence[Object]
    runtime_classes: Mapping[str, Mapping[str, Any]]
    limit_ranges: Sequence[Object]
    quotas: Sequence[Object]
    reach: scheduling.Reach = field(default_factory=dict)
    """By claim that several pods may share: terms of the nodes that reach its volume, where not every node does."""
    may_grow: bool = False
    """Whether an autoscaler was found, which may make nodes that are not there yet."""

    def rules(self) -> Rules:
        """What the cluster and the namespace do to pods."""
        return Rules(
            limit_ranges=[{"name": each["metadata"]["name"], **(each.get("spec") or {})} for each in self.limit_ranges],
            quotas=[
                quotas.quota(each["metadata"]["name"], each["spec"], (each.get("status") or {}).get("used"))
                for each in self.quotas
            ],
            runtime_classes=self.runtime_classes,
            reach=self.reach,
            tolerates_extended_resources=self.tolerates_extended_resources,
        )

    @property
    def tolerates_extended_resources(self) -> bool:
        """Whether the cluster gives pods with a GPU the toleration of that name, as GKE does."""
        return any(GKE in labels_of(each) for each in self.nodes)

    def live_nodes(self, priority: int | None = None) -> Iterator[Node]:
        """Each node with what is on it.

        Arguments:
            priority: of the pod that is to start: pods below it, such as placeholders, give way. None: none does.
        """
        on: dict[str, list[Object]] = {}
        for pod in self.pods:
            if priority is not None and (pod["spec"].get("priority") or 0) < priority:
                continue
            on.setdefault(pod["spec"]["nodeName"], []).append(pod)
        for node in self.nodes:
            name = node["metadata"]["name"]
            yield Node(name, labels_of(node), taints_of(node), allocatable(node), asked_by(on.get(name, [])))

    def kept_by_system(self, node: Object) -> Amounts:
        """What DaemonSets and the node's own pods ask for on a node, ``pods`` among it."""
        name = node["metadata"]["name"]
        own = [
            pod
            for pod in self.pods
            if pod["spec"]["nodeName"] == name and "Node" in {each["kind"] for each in owners(pod)}
        ]
        return added([asked_by(own), self.kept_by_daemon_sets(name, labels_of(node), taints_of(node))])

    def kept_by_daemon_sets(
        self, name: str, labels: Mapping[str, str], taints: Sequence[Mapping[str, str]]
    ) -> dict[str, Fraction]:
        """What the DaemonSets ask for together on a node with these labels and taints."""
        bare = Node(name, labels, taints, {"pods": Fraction(10**6)})
        specs = [each["spec"]["template"]["spec"] for each in self.daemon_sets]
        here = [spec for spec in specs if _runs_on(spec, bare)]
        return added([*map(requests.of_pod, here), {"pods": Fraction(len(here))}])


def read(cluster: Lister, namespace: str) -> Cluster:
    """Read what decides about pods of a namespace.

    Raises:
        Whatever the cluster's reader raises where it may not read, or gets no answer.
    """
    base = f"/api/v1/namespaces/{namespace}"
    pods = cluster.items("/api/v1/pods")
    return Cluster(
        nodes=cluster.items("/api/v1/nodes"),
        pods=[each for each in pods if each["spec"].get("nodeName") and not _has_ended(each)],
        daemon_sets=cluster.items("/apis/apps/v1/daemonsets"),
        runtime_classes={
            each["metadata"]["name"]: {key: each[key] for key in ("overhead", "scheduling") if each.get(key)}
            for each in cluster.items("/apis/node.k8s.io/v1/runtimeclasses")
        },
        limit_ranges=cluster.items(f"{base}/limitranges"),
        quotas=cluster.items(f"{base}/resourcequotas"),
        reach=dict(_reach(cluster, base)),
        may_grow=_has_autoscaler(cluster),
    )


def labels_of(node: Object) -> dict[str, str]:
    """Labels of an object."""
    return dict(node["metadata"].get("labels") or {})


def allocatable(node: Object) -> dict[str, Fraction]:
    """What a node object has for pods."""
    return amounts((node.get("status") or {}).get("allocatable"))


def owners(pod: Object) -> list[Mapping[str, Any]]:
    """What made a pod."""
    return list(pod["metadata"].get("ownerReferences") or [])


def asked_by(pods: Iterable[Object]) -> dict[str, Fraction]:
    """What some pods ask for together, ``pods`` among it."""
    specs = [pod["spec"] for pod in pods]
    return added([*map(requests.of_pod, specs), {"pods": Fraction(len(specs))}])


def _reach(cluster: Lister, base: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each claim that is no user's own home, with the nodes that reach its volume."""
    claims = {
        each["spec"]["volumeName"]: each["metadata"]["name"]
        for each in cluster.items(f"{base}/persistentvolumeclaims")
        if each["spec"].get("volumeName") and labels_of(each).get("component") != HOMES
    }
    if not claims:
        return
    for volume in cluster.items("/api/v1/persistentvolumes"):
        required = ((volume["spec"].get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms")
        if required and volume["metadata"]["name"] in claims:
            yield claims[volume["metadata"]["name"]], required


def _has_autoscaler(cluster: Lister) -> bool:
    """Whether an autoscaler makes nodes; yes where that may not be looked at, since nothing may be ruled out then."""
    try:
        notes = cluster.items("/api/v1/namespaces/kube-system/configmaps", metadata_only=True)
        return any(each["metadata"]["name"] == AUTOSCALER for each in notes) or bool(cluster.items(KARPENTER))
    except Exception:  # whatever the reader says where it may not read
        return True


def _has_ended(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _runs_on(spec: Mapping[str, Any], bare: Node) -> bool:
    """Whether the DaemonSet controller makes a pod for a node: labels and taints decide, room does not."""
    tolerant = {**spec, "tolerations": [*(spec.get("tolerations") or []), *_OF_DAEMON_SETS]}
    return all(each.why not in ("labels", "taint") for each in scheduling.misfits(tolerant, bare))
