"""Nodes without a kubelet beside the real one: to see where schedulers put pods, not to run them."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

from hubstack import toolchain
from hubstack.cluster.stages import kwok_config
from tests.e2e.conftest import Place
from tests.e2e.waiting import eventually

TAINT = "hubstack.dev/simulated"
"""Label and taint of these nodes: nothing comes here that does not ask for it."""
_ROOM = {"cpu": "8", "memory": "16Gi", "pods": "110"}
_NODES = "/api/v1/nodes"


@contextlib.contextmanager
def simulated_nodes(place: Place, names: Sequence[str]) -> Iterator[None]:
    """Nodes of these names, kept Ready by kwok."""
    client = place.node.client()
    config = place.folder / "kwok.yaml"
    config.write_text(kwok_config())
    kwok = toolchain.ensure(("kwok",))["kwok"]
    with (place.folder / "kwok.log").open("wb") as log:
        process = subprocess.Popen(
            [kwok, f"--kubeconfig={place.node.kubeconfig}", f"--config={config}", "--manage-all-nodes=false",
             "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake", "--node-lease-duration-seconds=40"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        for name in names:
            client.request("POST", _NODES, _node(name))
            client.merge(f"{_NODES}/{name}/status", {"status": {"capacity": _ROOM, "allocatable": _ROOM}})
        for name in names:
            eventually(lambda path=f"{_NODES}/{name}": _is_ready(client.get(path)), f"node {name} is ready")
        yield
    finally:
        for name in names:
            client.request("DELETE", f"{_NODES}/{name}")
        process.terminate()
        process.wait()


def _node(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {TAINT: "true", "kubernetes.io/hostname": name},
            "annotations": {"kwok.x-k8s.io/node": "fake"},
        },
        "spec": {"taints": [{"key": TAINT, "effect": "NoSchedule"}]},
    }


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = {each["type"]: each["status"] for each in node.get("status", {}).get("conditions", [])}
    taints = [taint["key"] for taint in node["spec"].get("taints", [])]
    return conditions.get("Ready") == "True" and taints == [TAINT]
