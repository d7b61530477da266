"""Live nodes as pools: nodes of one pool and one shape belong together."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from hubstack.capacity.live import Cluster, Object, allocatable, labels_of
from hubstack.capacity.nodes import UNSCHEDULABLE, taints_of
from hubstack.capacity.pools import ZONE, ZONE_LABELS, Pool
from hubstack.capacity.quantities import amounts, greatest, quantity

POOL_LABELS = (
    "cloud.google.com/gke-nodepool", "eks.amazonaws.com/nodegroup", "alpha.eksctl.io/nodegroup-name",
    "karpenter.sh/nodepool", "kubernetes.azure.com/agentpool", "agentpool", "kops.k8s.io/instancegroup",
    "doks.digitalocean.com/node-pool", "lke.linode.com/pool-id", "k8s.scaleway.com/pool-name",
    "magnum.openstack.org/nodegroup",
)  # fmt: skip
"""Labels by which clouds and tools name a node's pool, the surest first."""

INSTANCE_TYPE = "node.kubernetes.io/instance-type"

_OF_ONE_NODE = frozenset((
    *ZONE_LABELS, "kubernetes.io/hostname", "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/region", "alpha.eksctl.io/instance-id", "node.kubernetes.io/instance-id",
    "kubernetes.azure.com/node-image-version", "doks.digitalocean.com/node-id",
))  # fmt: skip
"""Labels that differ between nodes of a pool, or say nothing about where pods may run."""

_PASSING = "node.kubernetes.io/"
"""Taints that Kubernetes itself sets for a while begin so."""


def pools_of(cluster: Cluster) -> Iterator[tuple[Pool, list[str]]]:
    """Each pool with the names of its nodes, by name."""
    groups: dict[str, list[Object]] = {}
    for node in cluster.nodes:
        groups.setdefault(_key(node), []).append(node)
    taken: set[str] = set()
    for name, nodes in sorted((_name(nodes[0]), nodes) for nodes in groups.values()):
        unique = next(each for each in _numbered(name) if each not in taken)
        taken.add(unique)
        yield _pool(unique, nodes, cluster), [each["metadata"]["name"] for each in nodes]


def _pool(name: str, nodes: Sequence[Object], cluster: Cluster) -> Pool:
    """A pool as its nodes are; of what differs a little from node to node, the least counts."""
    every = [allocatable(node) for node in nodes]
    least = {key: min(each.get(key, Fraction(0)) for each in every) for key in every[0]}
    system = greatest(cluster.kept_by_system(node) for node in nodes)
    capacity = amounts((nodes[0].get("status") or {}).get("capacity"))
    zones = sorted({labels_of(node)[ZONE] for node in nodes if ZONE in labels_of(node)})
    return Pool.model_validate(
        {
            "name": name,
            "labels": _common_labels(nodes),
            "taints": _lasting_taints(nodes[0]),
            "zones": zones,
            "capacity": _quantities(capacity),
            "allocatable": {"cpu": "0", "memory": "0", "pods": "0", **_quantities(least)},
            "daemonSets": _quantities(system),
            "nodes": len(nodes),
        }
    )


def _key(node: Object) -> str:
    """Equal for nodes of one pool and shape; memory differs by some pages between machines of one kind."""
    rough = {
        name: round(float(amount) / 2**28) if name in ("memory", "ephemeral-storage") else str(amount)
        for name, amount in allocatable(node).items()
        if name != "ephemeral-storage"
    }
    return json.dumps([_name(node), _own_labels(node), _lasting_taints(node), rough], sort_keys=True)


def _name(node: Object) -> str:
    labels = labels_of(node)
    found = next((labels[label] for label in POOL_LABELS if labels.get(label)), None)
    return found or labels.get(INSTANCE_TYPE) or "nodes"


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 1
    while True:
        number += 1
        yield f"{name}-{number}"


def _own_labels(node: Object) -> dict[str, str]:
    name = node["metadata"]["name"]
    return {key: value for key, value in labels_of(node).items() if key not in _OF_ONE_NODE and value != name}


def _common_labels(nodes: Sequence[Object]) -> dict[str, str]:
    first, *others = [_own_labels(node) for node in nodes]
    return {key: value for key, value in sorted(first.items()) if all(each.get(key) == value for each in others)}


def _lasting_taints(node: Object) -> list[dict[str, str]]:
    """Taints that belong to the pool, as opposed to those of a node that is being drained or starts."""
    return [
        {key: each[key] for key in ("key", "value", "effect") if each.get(key)}
        for each in taints_of(node)
        if not each["key"].startswith(_PASSING) and each["key"] != UNSCHEDULABLE["key"]
    ]


def _quantities(found: Mapping[str, Any]) -> dict[str, str]:
    return {name: quantity(name, amount) for name, amount in sorted(found.items()) if amount}
