"""Drawn pods, nodes and rules of a namespace, in every notation that Kubernetes takes, and some that it refuses."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

RUNTIME_CLASSES: dict[str, dict[str, Any]] = {
    "plain": {},
    "heavy": {"overhead": {"podFixed": {"cpu": "250m", "memory": "120Mi"}}},
    "placed": {
        "scheduling": {
            "nodeSelector": {"pool": "a"},
            "tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
        }
    },
}
MEMORY = ["1Gi", "512Mi", "1000M", 1073741824, "1.5Gi", "0.5G", 700e6, "2Gi", "900Mi"]
CPU = ["500m", 0.25, "1", 2, "1.5", "100m", "0.1", "333m", "1500u"]


@dataclass
class Draw:
    """One pod, its nodes, and its namespace's rules."""

    name: str
    nodes: list[dict[str, Any]]
    ballast: list[dict[str, Any]]
    spec: dict[str, Any]
    limit_range: dict[str, Any] | None
    quota: dict[str, Any] | None
    reach: list[dict[str, Any]] | None
    """Terms of the nodes that reach the volume of claim ``shared``; None: the pod has no such volume."""


def some(draw: random.Random, values: Iterable[Any], most: int) -> list[Any]:
    every = list(values)
    return draw.sample(every, draw.randint(0, min(most, len(every))))


def resources(draw: random.Random) -> dict[str, Any]:
    """Requests and limits of a container, in every notation; now and then with a limit below the request."""
    found: dict[str, dict[str, Any]] = {"requests": {}, "limits": {}}
    # A limit alone is a request, too; a small one beside a request is refused.
    for name, quantities, large in (("memory", MEMORY, "6Gi"), ("cpu", CPU, 3)):
        match draw.choice(["none", "request", "request", "limit", "both", "both", "both", "drawn"]):
            case "request":
                found["requests"][name] = draw.choice(quantities)
            case "limit":
                found["limits"][name] = draw.choice(quantities)
            case "both":
                found["requests"][name], found["limits"][name] = draw.choice(quantities), large
            case "drawn" if draw.random() < 0.3:
                found["requests"][name], found["limits"][name] = draw.choice(quantities), draw.choice(quantities)
    if draw.random() < 0.1:
        found["requests"]["ephemeral-storage"] = draw.choice(["1Gi", "10Gi", "200Gi"])
    if draw.random() < 0.2:
        found["limits"]["example.com/gpu"] = draw.choice([1, "1", 2])
    if draw.random() < 0.02:
        found["requests"]["example.com/gpu"] = 1
    if draw.random() < 0.02:
        found["limits"]["gpu"] = 1
    return {kind: amounts for kind, amounts in found.items() if amounts}


def expression(draw: random.Random) -> dict[str, Any]:
    operator = draw.choice(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"])
    key = draw.choice(["pool", "size", "size", "none"])
    if operator in ("Exists", "DoesNotExist"):
        return {"key": key, "operator": operator}
    values = [draw.choice(["1", "5", "30", "9"])] if operator in ("Gt", "Lt") else some(draw, ["a", "b", "1", "30"], 3)
    return {"key": key, "operator": operator, "values": values or ["a"]}


def term(draw: random.Random, nodes: list[str]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if draw.random() < 0.85:
        made["matchExpressions"] = [expression(draw) for _ in range(draw.choice([1, 1, 2]))]
    if draw.random() < 0.2:
        operator = draw.choice(["In", "NotIn"])
        made["matchFields"] = [{"key": "metadata.name", "operator": operator, "values": [draw.choice(nodes)]}]
    return made


def toleration(draw: random.Random) -> dict[str, Any]:
    made: dict[str, Any] = {"operator": draw.choice(["Exists", "Equal"])}
    if made["operator"] == "Equal" or draw.random() < 0.8:
        made["key"] = draw.choice(["dedicated", "dedicated", "gpu", "node.kubernetes.io/unschedulable"])
    if made["operator"] == "Equal":
        made["value"] = draw.choice(["users", "", "true"])
        if draw.random() < 0.3:
            del made["operator"]
    if draw.random() < 0.6:
        made["effect"] = draw.choice(["NoSchedule", "NoExecute", "PreferNoSchedule"])
    return made


def pod_spec(draw: random.Random, name: str, nodes: list[str]) -> dict[str, Any]:
    containers = [
        {"name": f"c{index}", "image": "x", "resources": resources(draw)} for index in range(draw.choice([1, 1, 1, 2]))
    ]
    spec: dict[str, Any] = {"containers": containers, "nodeSelector": {"draw": name}}
    spec["automountServiceAccountToken"] = False
    if draw.random() < 0.3:
        spec["initContainers"] = [
            {
                "name": f"i{index}",
                "image": "x",
                "resources": resources(draw),
                **({"restartPolicy": "Always"} if draw.random() < 0.5 else {}),
            }
            for index in range(draw.choice([1, 2]))
        ]
    if draw.random() < 0.2:
        spec["nodeSelector"] |= draw.choice([{"pool": "a"}, {"size": "1"}, {"pool": "b", "size": "30"}])
    if draw.random() < 0.35:
        terms = [term(draw, nodes) for _ in range(draw.choice([1, 1, 2]))]
        required = "requiredDuringSchedulingIgnoredDuringExecution"
        spec["affinity"] = {"nodeAffinity": {required: {"nodeSelectorTerms": terms}}}
    if draw.random() < 0.6:
        spec["tolerations"] = [toleration(draw) for _ in range(draw.choice([1, 1, 2]))]
    if draw.random() < 0.15:
        spec["runtimeClassName"] = draw.choice([*RUNTIME_CLASSES, "missing"])
    if draw.random() < 0.1:
        key = draw.choice(["pool", "none", "kubernetes.io/hostname"])
        spread = {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule"}
        spec["topologySpreadConstraints"] = [{**spread, "labelSelector": {"matchLabels": {"nobody": "has"}}}]
    if draw.random() < 0.08:
        spec["resources"] = {"requests": {"memory": "3Gi"}, "limits": {"memory": draw.choice(["6Gi", "4Gi"])}}
    return spec


def node(draw: random.Random, name: str, draw_name: str) -> dict[str, Any]:
    labels = {"draw": draw_name, "kubernetes.io/hostname": name}
    if draw.random() < 0.7:
        labels["pool"] = draw.choice(["a", "b"])
    if draw.random() < 0.7:
        labels["size"] = draw.choice(["1", "30", "007", "x", "3.5"])
    taints = [
        {"key": draw.choice(["dedicated", "gpu"]), "value": draw.choice(["users", "", "true"]), "effect": effect}
        for effect in some(draw, ["NoSchedule", "NoExecute", "PreferNoSchedule"], draw.choice([0, 0, 0, 1, 2]))
    ]
    room = {
        "cpu": draw.choice(["1", "2", "940m", "4", "8"]),
        "memory": draw.choice(["1Gi", "2Gi", "1500Mi", "3000000Ki", "8Gi", "16Gi"]),
        "pods": draw.choice(["1", "2", "110", "110", "110", "0"]),
        "ephemeral-storage": "100Gi",
    }
    if draw.random() < 0.5:
        room["example.com/gpu"] = draw.choice(["0", "1", "4"])
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "spec": {"taints": taints, **({"unschedulable": True} if draw.random() < 0.08 else {})},
        "status": {"allocatable": room, "capacity": room},
    }


def limit_range(draw: random.Random) -> dict[str, Any]:
    item: dict[str, Any] = {"type": draw.choice(["Container", "Container", "Pod"])}
    if draw.random() < 0.5:
        item["max"] = {"memory": draw.choice(["1Gi", "2Gi"])}
    if draw.random() < 0.3:
        item["min"] = {"cpu": draw.choice(["100m", "200m"])}
    if item["type"] == "Container":
        if draw.random() < 0.5:
            item["default"] = {"memory": "1Gi", "cpu": "2"}
        if draw.random() < 0.5:
            item["defaultRequest"] = {"memory": "600Mi"}
        if draw.random() < 0.2:
            item["maxLimitRequestRatio"] = {"memory": "2"}
    return {"limits": [item]}


def quota(draw: random.Random) -> dict[str, Any]:
    amounts = {
        "requests.memory": ["1Gi", "3Gi"], "memory": ["2Gi"], "limits.memory": ["2Gi", "8Gi"], "requests.cpu": ["1"],
        "pods": ["0", "5"], "requests.example.com/gpu": ["1"], "limits.cpu": ["3"], "count/pods": ["1"],
    }  # fmt: skip
    made: dict[str, Any] = {"hard": {name: draw.choice(amounts[name]) for name in draw.sample(sorted(amounts), 2)}}
    if draw.random() < 0.3:
        made["scopes"] = [draw.choice(["NotTerminating", "Terminating", "NotBestEffort"])]
    return made


def drawn(seed: int) -> Draw:
    """One draw; the same for the same seed."""
    draw = random.Random(seed)
    name = f"draw-{seed}"
    names = [f"{name}-n{index}" for index in range(draw.choice([1, 1, 2, 3]))]
    nodes = [node(draw, each, name) for each in names]
    ballast = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"{draw.choice('abc')}-{each}-{index}", "namespace": "ballast"},
            "spec": {
                "nodeName": each,
                "containers": [
                    {
                        "name": "c",
                        "image": "x",
                        "resources": {"requests": {"memory": draw.choice(MEMORY), "cpu": draw.choice(CPU)}},
                    }
                ],
                "tolerations": [{"operator": "Exists"}],
                "automountServiceAccountToken": False,
            },
        }
        for each in names
        for index in range(draw.choice([0, 0, 1, 2]))
    ]
    ranges = limit_range(draw) if draw.random() < 0.2 else None
    counted = quota(draw) if draw.random() < 0.2 else None
    spec, reach = pod_spec(draw, name, names), None
    if draw.random() < 0.15:
        spec["volumes"] = [{"name": "v", "persistentVolumeClaim": {"claimName": "shared"}}]
        reach = [{"matchExpressions": [expression(draw)]}]
    return Draw(name, nodes, ballast, spec, ranges, counted, reach)
