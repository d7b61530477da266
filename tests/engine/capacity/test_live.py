"""A running cluster as the doctor and `hubstack pools record` read it."""

from __future__ import annotations

import time
from pathlib import Path

from hubstack.capacity import live, pools, record, words, worlds
from hubstack.capacity.judge import Shape, judge
from hubstack.cluster.api import ApiClient
from hubstack.cluster.sim import SimCluster
from hubstack.doctor.reader import connect
from tests.engine.capacity.draws import RUNTIME_CLASSES


def test_a_live_cluster_is_read_and_recorded(cluster: SimCluster, api: ApiClient, tmp_path: Path) -> None:
    """Nodes, DaemonSets, RuntimeClasses and rules of a running cluster become pools, a file, and a verdict."""
    api.request("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "live"}})
    container = {"name": "c", "image": "x", "resources": {"requests": {"memory": "300Mi", "cpu": "100m"}}}
    labels = {"app": "logs"}
    # Drawn nodes of other tests have no such label.
    here = {"containers": [container], "nodeSelector": {"hubstack.dev/sim": "true"}}
    template = {"metadata": {"labels": labels}, "spec": here}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    body = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "logs"}, "spec": spec}
    api.request("POST", "/apis/apps/v1/namespaces/live/daemonsets", body)
    limits = {"limits": [{"type": "Container", "max": {"memory": "5Gi"}}]}
    body = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "range"}, "spec": limits}
    api.request("POST", "/api/v1/namespaces/live/limitranges", body)
    connection = connect(str(cluster.kubeconfig), cluster.context)
    reader = connection.reader
    assert reader is not None, connection.problem
    deadline = time.monotonic() + 120
    while not api.get("/api/v1/namespaces/live/pods")["items"]:
        assert time.monotonic() < deadline, "the DaemonSet has no pod"
        time.sleep(0.2)
    found = live.read(reader, "live")
    file = tmp_path / "pools.yaml"
    record.write(file, found, "live")
    (pool,) = pools.read(file).pools
    assert (pool.name, pool.nodes, pool.zones, pool.labels["pool"]) == ("simulated", 1, ["sim-a"], "a")
    assert pool.daemon_sets == {"cpu": "100m", "memory": "300Mi", "pods": "1"}
    assert set(pools.read(file).runtime_classes or {}) == set(RUNTIME_CLASSES)
    assert found.may_grow is False
    world = worlds.of_cluster(found)
    small = Shape("small", "user", {"containers": [{"name": "c", "resources": {"requests": {"memory": "1Gi"}}}]})
    large = Shape("large", "user", {"containers": [{"name": "c", "resources": {"requests": {"memory": "6Gi"}}}]})
    assert judge(small, world).status == "fits"
    verdict = judge(large, world)
    assert verdict.status == "never"
    assert "at most 5 GiB" in words.sentence(verdict)
