"""Pools files: what is wrong with one is said, and what people wrote into one stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack.capacity import live, pools, record
from hubstack.errors import HubstackError

GIB = 2**30


def node(name: str, pool: str = "users", memory: str = "60Gi", **more: Any) -> dict[str, Any]:
    """A node of a pool of GKE."""
    labels = {
        "cloud.google.com/gke-nodepool": pool,
        "kubernetes.io/hostname": name,
        "topology.kubernetes.io/zone": more.pop("zone", "a"),
        "hub.jupyter.org/node-purpose": "user",
    }
    room = {"cpu": "7910m", "memory": memory, "pods": "110", **more.pop("extra", {})}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": more,
        "status": {"allocatable": room, "capacity": {**room, "cpu": "8"}},
    }


def daemon_set(memory: str, **spec: Any) -> dict[str, Any]:
    container = {"name": "c", "resources": {"requests": {"memory": memory, "cpu": "100m"}}}
    return {"metadata": {"name": "d"}, "spec": {"template": {"spec": {"containers": [container], **spec}}}}


def cluster(**changes: Any) -> live.Cluster:
    """Two nodes of one pool and a GPU node, with DaemonSets, a static pod, a quota and a LimitRange."""
    gpu = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
    static = {
        "metadata": {"name": "kube-proxy-n1", "ownerReferences": [{"kind": "Node", "name": "n1"}]},
        "spec": {"nodeName": "n1", "containers": [{"name": "p", "resources": {"requests": {"cpu": "50m"}}}]},
    }
    found: dict[str, Any] = {
        "nodes": [
            node("n1", zone="a"),
            node("n2", memory="61439Mi", zone="b", unschedulable=True),
            node("g1", "gpus", extra={"nvidia.com/gpu": "1"}, taints=[gpu]),
        ],
        "pods": [static],
        "daemon_sets": [daemon_set("100Mi"), daemon_set("200Mi", tolerations=[{"operator": "Exists"}])],
        "runtime_classes": {"gvisor": {"overhead": {"podFixed": {"memory": "64Mi"}}}},
        "limit_ranges": [{"metadata": {"name": "r"}, "spec": {"limits": [{"type": "Container", "max": {"cpu": "4"}}]}}],
        "quotas": [{"metadata": {"name": "q"}, "spec": {"hard": {"pods": "10"}}, "status": {"used": {"pods": "3"}}}],
    }
    return live.Cluster(**{**found, **changes})


def test_recorded_pools() -> None:
    """Nodes of a pool are one entry: the least that one has, what DaemonSets ask for, taints, zones, and rules."""
    written = record.updated(None, cluster(), "jhub")
    assert yaml.safe_load(written) == {
        "extendedResourceToleration": True,
        "pools": [
            {
                "name": "gpus",
                "labels": {"cloud.google.com/gke-nodepool": "gpus", "hub.jupyter.org/node-purpose": "user"},
                "taints": [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}],
                "zones": ["a"],
                "capacity": {"cpu": "8", "memory": "60Gi", "nvidia.com/gpu": "1", "pods": "110"},
                "allocatable": {"cpu": "7910m", "memory": "60Gi", "nvidia.com/gpu": "1", "pods": "110"},
                "daemonSets": {"cpu": "100m", "memory": "200Mi", "pods": "1"},
                "nodes": 1,
            },
            {
                "name": "users",
                "labels": {"cloud.google.com/gke-nodepool": "users", "hub.jupyter.org/node-purpose": "user"},
                "zones": ["a", "b"],
                "capacity": {"cpu": "8", "memory": "60Gi", "pods": "110"},
                "allocatable": {"cpu": "7910m", "memory": "61439Mi", "pods": "110"},
                "daemonSets": {"cpu": "250m", "memory": "300Mi", "pods": "3"},
                "nodes": 2,
            },
        ],
        "runtimeClasses": {"gvisor": {"overhead": {"podFixed": {"memory": "64Mi"}}}},
        "namespaces": {
            "jhub": {
                "limitRanges": [{"name": "r", "limits": [{"type": "Container", "max": {"cpu": "4"}}]}],
                "quotas": [{"name": "q", "hard": {"pods": "10"}}],
            }
        },
    }
    assert "# by hand: minNodes" in written


def test_what_people_wrote_stays() -> None:
    """Recording again renews what the cluster knows; prices, limits, comments and empty pools are people's own."""
    first = record.updated(None, cluster(), "jhub")
    by_hand = first.replace("    nodes: 2\n", "    nodes: 2\n    maxNodes: 20  # as agreed\n    pricePerHour: 0.28\n")
    by_hand = by_hand.replace("pools:\n", "currency: EUR  # net\npools:\n", 1)
    by_hand += "  other:\n    quotas:\n      - name: theirs\n        hard: {pods: 3}\n"
    smaller = cluster(nodes=[node("n1", memory="50Gi"), node("n2", memory="50Gi"), node("n3", memory="50Gi")])
    again = record.updated(by_hand, smaller, "jhub")
    document = yaml.safe_load(again)
    users = next(each for each in document["pools"] if each["name"] == "users")
    gpus = next(each for each in document["pools"] if each["name"] == "gpus")
    assert (users["nodes"], users["maxNodes"], users["pricePerHour"]) == (3, 20, 0.28)
    assert users["allocatable"]["memory"] == "50Gi"
    assert (gpus["nodes"], gpus["allocatable"]["nvidia.com/gpu"]) == (0, "1")
    assert document["currency"] == "EUR"
    assert document["namespaces"]["other"] == {"quotas": [{"name": "theirs", "hard": {"pods": 3}}]}
    assert all(text in again for text in ("# as agreed", "# net", "# Pools of nodes", "# by hand"))
    assert record.updated(again, smaller, "jhub") == again, "nothing new changes nothing"


def test_the_written_file_can_be_read(tmp_path: Path) -> None:
    """What is recorded is a pools file, and a second time says that nothing changed."""
    file = tmp_path / "pools.yaml"
    assert record.write(file, cluster(), "jhub") is True
    assert record.write(file, cluster(), "jhub") is False
    read = pools.read(file)
    assert [each.name for each in read.pools] == ["gpus", "users"]
    assert read.rules("jhub").quotas[0].name == "q"
    assert read.rules("elsewhere").quotas == []


GOOD = "{name: a, allocatable: {cpu: 4, memory: 8Gi, pods: 110}}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("pools: []", ["pools", "at least 1 item"]),
        ("[]", ["must be a map of settings, but it is a list"]),
        ("pools: [", ["not valid YAML"]),
        ("pools: [{name: a, allocatable: {cpu: 4}}]", ["allocatable must have memory, pods"]),
        ("pools: [{name: a, allocatable: {cpu: 4, memory: 8GB, pods: 9}}]", ["memory", "'8GB'", "quantity"]),
        (f"pools: [{GOOD}, {GOOD}]", ["pool a is there twice"]),
        (f"pools: [{GOOD[:-1]}, minNodes: 3, maxNodes: 2}}]", ["minNodes 3 is more than maxNodes 2"]),
        (f"pools: [{GOOD[:-1]}, price: 3}}]", ["pools.0.price: extra inputs are not permitted"]),
        (f"pools: [{GOOD[:-1]}, pricePerHour: -1, maxNodes: x}}]", ["pricePerHour", "maxNodes"]),
        (f"pools: [{GOOD[:-1]}, taints: [{{key: a, effect: Never}}]}}]", ["effect", "'Never'", "NoSchedule"]),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, says: list[str]) -> None:
    """Every mistake of a pools file is said at once, with its place and what is allowed."""
    file = tmp_path / "pools.yaml"
    file.write_text(text)
    with pytest.raises(HubstackError) as refused:
        pools.read(file)
    assert all(each in str(refused.value) for each in [str(file), *says])


def test_a_file_that_is_none_tells_nothing_of_itself(tmp_path: Path) -> None:
    """A file that was named by mistake may hold secrets; what it says is in no message."""
    file = tmp_path / "secret.yaml"
    file.write_text("password: hunter2\npools: hunter3\n")
    with pytest.raises(HubstackError) as refused:
        pools.read(file)
    assert "hunter" not in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing file names the command that writes one."""
    with pytest.raises(HubstackError, match="hubstack pools record"):
        pools.read(tmp_path / "none.yaml")
