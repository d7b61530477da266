"""A cluster of its own, whose nodes the tests make."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubstack.cluster import SimSettings
from hubstack.cluster.api import ApiClient
from hubstack.cluster.sim import SimCluster
from hubstack.toolchain import Tools
from tests.engine.capacity.draws import RUNTIME_CLASSES


@pytest.fixture(scope="package")
def cluster(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimCluster]:
    """A cluster of its own, since drawn nodes would be in the way of other tests."""
    made = SimCluster(tmp_path_factory.mktemp("capacity") / "sim", SimSettings(nodes=1, labels={"pool": "a"}))
    try:
        made.up({name: Path(path) for name, path in tools.items()})
        yield made
    finally:
        made.delete()


@pytest.fixture(scope="package")
def api(cluster: SimCluster) -> ApiClient:
    """An administrator's client, with a namespace for what is on the nodes already, and RuntimeClasses."""
    client = cluster.client(timeout=60)
    client.apply(
        "/api/v1/namespaces/ballast", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ballast"}}
    )
    for name, more in RUNTIME_CLASSES.items():
        body = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name}, "handler": "x"}
        client.apply(f"/apis/node.k8s.io/v1/runtimeclasses/{name}", {**body, **more})
    return client
