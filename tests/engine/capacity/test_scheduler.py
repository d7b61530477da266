"""Verdicts on drawn pods and nodes, compared with what the real API server and the real kube-scheduler do.

Each draw has nodes and a namespace of its own; a label keeps the draws apart. What this does not prove: rules that
depend on other pods and on volumes, which no verdict is given on.
"""

from __future__ import annotations

import copy
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from hubstack.capacity import live, pending, words
from hubstack.capacity.admission import admit
from hubstack.capacity.scheduling import misfits
from hubstack.cluster.api import ApiClient, ApiError
from tests.engine.capacity.draws import RUNTIME_CLASSES, Draw, drawn

ALL = 320
SAMPLE = 20
AT_ONCE = 40
SECONDS = 300
NOT_READY = "node.kubernetes.io/not-ready"


def verdict(each: Draw) -> tuple[str, Counter[str]]:
    """Ours: ``refused``, ``scheduled`` or ``waits``, and the reasons of nodes that have too little."""
    # The pod is read as YAML or JSON would be: what we are given are the settings, not what the server keeps.
    cluster = live.Cluster(
        each.nodes, each.ballast, [], RUNTIME_CLASSES,
        [{"metadata": {"name": "range"}, "spec": each.limit_range}] if each.limit_range else [],
        [{"metadata": {"name": "quota"}, "spec": each.quota}] if each.quota else [],
    )  # fmt: skip
    reach = {"shared": each.reach} if each.reach else {}
    admitted = admit(each.spec, cluster.rules())
    if admitted.refusals:
        return "refused", Counter()
    found = [misfits(admitted.spec, one, reach) for one in cluster.live_nodes()]
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
    """What the scheduler says of a pod; None before it has looked. Each of its messages can be explained."""
    if pod["spec"].get("nodeName"):
        return "scheduled", Counter()
    for condition in pod["status"].get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            meant = pending.explained(condition["message"], pod["spec"]) or ""
            assert "it waits for a node" in meant, condition["message"]
            assert "kubectl describe pod" not in meant, f"a reason that is not known: {condition['message']}"
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
    if each.reach:
        make_volume(api, each)
    for one in each.nodes:
        body = {key: value for key, value in one.items() if key != "status"}
        api.request("POST", "/api/v1/nodes", body)
        api.merge(f"/api/v1/nodes/{one['metadata']['name']}/status", {"status": one["status"]})
    for one in each.ballast:
        api.request("POST", "/api/v1/namespaces/ballast/pods", one)


def make_volume(api: ApiClient, each: Draw) -> None:
    """Claim ``shared`` and its volume."""
    shape = {"accessModes": ["ReadWriteMany"], "storageClassName": "by-hand"}
    volume = {
        **shape,
        "capacity": {"storage": "1Gi"},
        "hostPath": {"path": "/x"},
        "claimRef": {"name": "shared", "namespace": each.name},
        "nodeAffinity": {"required": {"nodeSelectorTerms": each.reach}},
    }
    body = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": each.name}, "spec": volume}
    api.request("POST", "/api/v1/persistentvolumes", body)
    claim = {**shape, "volumeName": each.name, "resources": {"requests": {"storage": "1Gi"}}}
    body = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "shared"}, "spec": claim}
    api.request("POST", f"/api/v1/namespaces/{each.name}/persistentvolumeclaims", body)


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

    def bound() -> bool:
        claims = {each["metadata"]["namespace"]: each for each in api.get("/api/v1/persistentvolumeclaims")["items"]}
        return all((claims[each.name].get("status") or {}).get("phase") == "Bound" for each in draws if each.reach)

    eventually(bound, "the volumes are not bound")
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
    seen = compare(api, range(SAMPLE))
    assert min(seen[each] for each in ("refused", "scheduled", "waits")) > 1


@pytest.mark.long
def test_every_verdict_is_that_of_the_scheduler(api: ApiClient) -> None:
    """All draws: no verdict differs, and neither do the reasons for too little room."""
    seen = compare(api, range(SAMPLE, SAMPLE + ALL))
    assert sum(seen.values()) == ALL
    assert min(seen[each] for each in ("refused", "scheduled", "waits")) > ALL // 10
