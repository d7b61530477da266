"""Local clusters to try a stack on: ``sim`` needs nothing but its programs, ``node`` needs root, ``kind`` Docker."""

from __future__ import annotations

from pathlib import Path

from hubstack.cluster.model import Cluster, ClusterError, ClusterStatus, ComponentStatus, Kind, SimSettings

__all__ = [
    "Cluster",
    "ClusterError",
    "ClusterStatus",
    "ComponentStatus",
    "Kind",
    "SimSettings",
    "embedded_kubeconfig",
    "make_cluster",
]


def make_cluster(kind: Kind, state_dir: Path, settings: SimSettings | None = None) -> Cluster:
    """A local cluster of this kind that keeps its state in this folder; nothing is started yet.

    Raises:
        ClusterError: there is no such kind.
    """
    # imported late: the processes of a cluster import this package, too, and need neither
    if kind == "sim":
        from hubstack.cluster.sim import SimCluster

        return SimCluster(state_dir, settings)
    if kind == "kind":
        from hubstack.cluster.kind import KindCluster

        return KindCluster(state_dir, settings)
    if kind == "node":
        from hubstack.cluster.node.cluster import NodeCluster

        return NodeCluster(state_dir, settings)
    raise ClusterError(f"cluster: {kind!r} is not a kind of cluster; allowed: 'sim', 'node', 'kind'")


def embedded_kubeconfig() -> Path:
    """Kubeconfig of the project's embedded cluster, which is of kind ``sim``; whether it runs is another question."""
    from hubstack import project

    return make_cluster("sim", project.state_dir() / "cluster" / "sim").kubeconfig
