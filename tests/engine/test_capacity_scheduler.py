"""Verdicts on drawn pods and nodes, compared with what the real API server and the real kube-scheduler do.

Each draw has nodes and a namespace of its own; a label keeps the draws apart. What this does not prove: rules that
depend on other pods and on volumes, which no verdict is given on.
"""

from __future__ import annotations

import copy
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hubstack.capacity import live, words
from hubstack.capacity.admission import admit
from hubstack.capacity.scheduling import misfits
from hubstack.cluster import SimSettings
from hubstack.cluster.api import ApiClient, ApiError
from hubstack.cluster.sim import SimCluster
from hubstack.toolchain import Tools

ALL = 320
AT_ONCE = 40
SECONDS = 300
NOT_READY = "node.kubernetes.io/not-ready"
RUNTIME_CLASSES = {
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


@pytest.fixture(scope="module")
def api(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiClient]:
    """A cluster of its own, since drawn nodes would be in the way of other tests."""
    cluster = SimCluster(tmp_path_factory.mktemp("capacity") / "sim", SimSettings(nodes=1))
    try:
        cluster.up({name: Path(path) for name, path in tools.items()})
        client = cluster.client(timeout=60)
        client.apply(
            "/api/v1/namespaces/ballast", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ballast"}}
        )
        for name, more in RUNTIME_CLASSES.items():
            body = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name}, "handler": "x"}
            client.apply(f"/apis/node.k8s.io/v1/runtimeclasses/{name}", {**body, **more})
        yield client
    finally:
        cluster.delete()


@dataclass
class Draw:
    """One pod, its nodes, and its namespace's rules."""

    name: str
    nodes: list[dict[str, Any]]
    ballast: list[dict[str, Any]]
    spec: dict[str, Any]
    limit_range: dict[str, Any] | None
    quota: dict[str, Any] | None


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
    return Draw(name, nodes, ballast, pod_spec(draw, name, names), ranges, quota(draw) if draw.random() < 0.2 else None)


def verdict(each: Draw) -> tuple[str, Counter[str]]:
    """Ours: ``refused``, ``scheduled`` or ``waits``, and the reasons of nodes that have too little."""
    # The pod is read as YAML or JSON would be: what we are given are the settings, not what the server keeps.
    cluster = live.Cluster(
        each.nodes, each.ballast, [], RUNTIME_CLASSES,
        [{"metadata": {"name": "range"}, "spec": each.limit_range}] if each.limit_range else [],
        [{"metadata": {"name": "quota"}, "spec": each.quota}] if each.quota else [],
    )  # fmt: skip
    admitted = admit(each.spec, cluster.rules())
    if admitted.refusals:
        return "refused", Counter()
    found = [misfits(admitted.spec, one) for one in cluster.live_nodes()]
    if not all(found):
        return "scheduled", Counter()
    reasons = Counter(one.in_short() for per_node in found for one in words.first_of(per_node))
    return "waits", Counter({text: n for text, n in reasons.items() if text.startswith(("Insufficient", "Too many"))})


def eventually(check: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + SECONDS
    while not (found := check()):
        assert time.monotonic() < deadline, what
        time.sleep(0.2)
    return found


def truth(api: ApiClient, draws: list[Draw]) -> Mapping[str, tuple[str, Counter[str]]]:
    """What the cluster does with each pod."""
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda each: make_world(api, each), draws))
        wait_for_worlds(api, draws)
        refused = dict(pool.map(lambda each: (each.name, make_pod(api, each)), draws))
    waiting = [each.name for each in draws if not refused[each.name]]

    def decided() -> dict[str, Any] | None:
        pods = {
            each["metadata"]["namespace"]: each
            for each in api.get("/api/v1/pods")["items"]
            if each["metadata"]["name"] == "pod"
        }
        found = {name: outcome(pods[name]) for name in waiting if name in pods}
        return found if len(found) == len(waiting) and all(found.values()) else None

    found = eventually(decided, "the scheduler has not looked at every pod")
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda each: remove(api, each), draws))
    return {each.name: ("refused", Counter()) if refused[each.name] else found[each.name] for each in draws}


def outcome(pod: Mapping[str, Any]) -> tuple[str, Counter[str]] | None:
    """What the scheduler says of a pod; None before it has looked."""
    if pod["spec"].get("nodeName"):
        return "scheduled", Counter()
    for condition in pod["status"].get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            text = condition["message"].partition("available: ")[2]
            reasons = re.findall(r"(\d+) (Insufficient [\w./-]*\w|Too many pods)", text)
            return "waits", Counter({reason: int(count) for count, reason in reasons})
    return None


def make_world(api: ApiClient, each: Draw) -> None:
    """Nodes, what is on them, and the namespace with its rules."""
    api.request(
        "POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": each.name}}
    )
    base = f"/api/v1/namespaces/{each.name}"
    if each.limit_range:
        made = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "range"}, "spec": each.limit_range}
        api.request("POST", f"{base}/limitranges", made)
    if each.quota:
        made = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "quota"}, "spec": each.quota}
        api.request("POST", f"{base}/resourcequotas", made)
    for one in each.nodes:
        body = {key: value for key, value in one.items() if key != "status"}
        api.request("POST", "/api/v1/nodes", body)
        api.merge(f"/api/v1/nodes/{one['metadata']['name']}/status", {"status": one["status"]})
    for one in each.ballast:
        api.request("POST", "/api/v1/namespaces/ballast/pods", one)


def wait_for_worlds(api: ApiClient, draws: list[Draw]) -> None:
    """Until nodes are ready, quotas are counted, and each namespace has its account."""
    names = {one["metadata"]["name"] for each in draws for one in each.nodes}

    def ready() -> bool:
        nodes = [each for each in api.get("/api/v1/nodes")["items"] if each["metadata"]["name"] in names]
        fresh = [
            taint["key"] for each in nodes for taint in each["spec"].get("taints") or [] if taint["key"] == NOT_READY
        ]
        cordons = [
            each for each in nodes
            if each["spec"].get("unschedulable") and not any(
                taint["key"] == "node.kubernetes.io/unschedulable" for taint in each["spec"].get("taints") or [])
        ]  # fmt: skip
        return len(nodes) == len(names) and not fresh and not cordons

    def counted() -> bool:
        found = {each["metadata"]["namespace"]: each for each in api.get("/api/v1/resourcequotas")["items"]}
        return all((found[each.name].get("status") or {}).get("hard") for each in draws if each.quota)

    def accounts() -> bool:
        found = {each["metadata"]["namespace"] for each in api.get("/api/v1/serviceaccounts")["items"]}
        return {each.name for each in draws} <= found

    eventually(ready, "the nodes do not become ready")
    eventually(counted, "the quotas are not counted")
    eventually(accounts, "there are no service accounts")


def make_pod(api: ApiClient, each: Draw) -> str:
    """Make the pod; why it is refused, or blank."""
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": copy.deepcopy(each.spec)}
    try:
        api.request("POST", f"/api/v1/namespaces/{each.name}/pods", body)
    except ApiError as error:
        if error.status not in (403, 422):
            raise
        return str(error)
    return ""


def remove(api: ApiClient, each: Draw) -> None:
    """What a draw has made, but for its namespace, which is empty then."""
    gone = "?gracePeriodSeconds=0"
    for one in each.ballast:
        api.request("DELETE", f"/api/v1/namespaces/ballast/pods/{one['metadata']['name']}{gone}")
    try:
        api.request("DELETE", f"/api/v1/namespaces/{each.name}/pods/pod{gone}")
    except ApiError as error:
        if error.status != 404:
            raise
    for one in each.nodes:
        api.request("DELETE", f"/api/v1/nodes/{one['metadata']['name']}")


def compare(api: ApiClient, seeds: range) -> Counter[str]:
    """Compare a range of draws; how often each verdict was given."""
    seen: Counter[str] = Counter()
    for start in range(seeds.start, seeds.stop, AT_ONCE):
        draws = [drawn(seed) for seed in range(start, min(start + AT_ONCE, seeds.stop))]
        ours = {each.name: verdict(each) for each in draws}
        theirs = truth(api, draws)
        differing = {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}
        assert differing == {}, "draw: ours, and the cluster's"
        seen.update(status for status, _ in ours.values())
    return seen


def test_verdicts_are_those_of_the_scheduler(api: ApiClient) -> None:
    """A sample of the draws: no verdict differs, and neither do the reasons for too little room."""
    seen = compare(api, range(AT_ONCE))
    assert min(seen[each] for each in ("refused", "scheduled", "waits")) > 3


@pytest.mark.long
def test_every_verdict_is_that_of_the_scheduler(api: ApiClient) -> None:
    """All draws: no verdict differs, and neither do the reasons for too little room."""
    seen = compare(api, range(AT_ONCE, AT_ONCE + ALL))
    assert sum(seen.values()) == ALL
    assert min(seen[each] for each in ("refused", "scheduled", "waits")) > ALL // 10
