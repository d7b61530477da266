"""The simulated cloud's plan, for every state that a claim, a Service or an Ingress can be in."""

from __future__ import annotations

from typing import Any

import pytest

from hubstack.cluster.cloud_provider import INGRESS_IP, KINDS, LB_NETWORKS, NOBODY, Action, plan
from hubstack.cluster.objects import SIMULATED

Object = dict[str, Any]


def cache(**things: list[Object]) -> dict[str, dict[str, Object]]:
    return {kind: {each["metadata"]["uid"]: each for each in things.get(kind, [])} for kind in KINDS}


def storage_class(provisioner: str = "anybody.example", mode: str = "Immediate", **more: Any) -> Object:
    return {
        "metadata": {"name": "fast", "uid": "c"},
        "provisioner": provisioner,
        "volumeBindingMode": mode,
        **more,
    }


def claim(size: str = "1Gi", *, annotations: dict[str, str] | None = None, **status: Any) -> Object:
    return {
        "metadata": {"name": "home", "namespace": "hub", "uid": "u1", "annotations": annotations or {}},
        "spec": {
            "storageClassName": "fast",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
        },
        "status": {"phase": "Pending", **status},
    }


def service(uid: str, ip: str | None = None, **spec: Any) -> Object:
    status: Object = {"loadBalancer": {"ingress": [{"ip": ip}]} if ip else {}}
    body = {"type": "LoadBalancer", **spec}
    return {"metadata": {"name": f"s{uid}", "namespace": "hub", "uid": uid}, "spec": body, "status": status}


def given(action: Action) -> str:
    return action.body["status"]["loadBalancer"]["ingress"][0]["ip"]


def test_nothing_to_do() -> None:
    assert plan(cache()) == []


def test_claim_gets_the_volume_it_asks_for() -> None:
    claims = [claim("5Gi")]
    (action,) = plan(cache(claims=claims, classes=[storage_class(reclaimPolicy="Retain", mountOptions=["noatime"])]))
    assert (action.method, action.path) == ("POST", "/api/v1/persistentvolumes")
    assert action.body == {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": "pvc-u1",
            "labels": {SIMULATED: "true"},
            "annotations": {"pv.kubernetes.io/provisioned-by": SIMULATED},
        },
        "spec": {
            "capacity": {"storage": "5Gi"},
            "accessModes": ["ReadWriteOnce"],
            "volumeMode": "Filesystem",
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "fast",
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": "hub",
                "name": "home",
                "uid": "u1",
            },
            "hostPath": {"path": "/simulated-volumes/pvc-u1"},
            "mountOptions": ["noatime"],
        },
    }
    assert plan(cache(claims=claims, classes=[storage_class()], volumes=[_with_uid(action.body)])) == []


def _with_uid(volume: Object) -> Object:
    return {**volume, "metadata": {**volume["metadata"], "uid": "v"}}


@pytest.mark.parametrize(
    ("a_claim", "a_class"),
    [
        pytest.param(claim(), storage_class(mode="WaitForFirstConsumer"), id="no pod yet"),
        pytest.param(claim(), storage_class(NOBODY), id="volumes by hand"),
        pytest.param({**claim(), "spec": {**claim()["spec"], "storageClassName": "other"}}, storage_class(), id="x"),
        pytest.param({**claim(), "spec": {**claim()["spec"], "volumeName": "mine"}}, storage_class(), id="has one"),
        pytest.param(
            {**claim(), "metadata": {**claim()["metadata"], "deletionTimestamp": "now"}}, storage_class(), id="going"
        ),
    ],
)
def test_claim_that_gets_none(a_claim: Object, a_class: Object) -> None:
    assert plan(cache(claims=[a_claim], classes=[a_class])) == []


def test_claim_whose_pod_has_a_node() -> None:
    placed = claim(annotations={"volume.kubernetes.io/selected-node": "sim-1"})
    assert len(plan(cache(claims=[placed], classes=[storage_class(mode="WaitForFirstConsumer")]))) == 1


def _bound(size: str, asked: str) -> dict[str, dict[str, Object]]:
    made = claim(asked, phase="Bound", capacity={"storage": size})
    made["spec"]["volumeName"] = "pvc-u1"
    (action,) = plan(cache(claims=[claim(size)], classes=[storage_class()]))
    return cache(claims=[made], classes=[storage_class()], volumes=[_with_uid(action.body)])


def test_bound_claim_grows_volume_and_status() -> None:
    volume, status = plan(_bound("1Gi", "2Gi"))
    assert (volume.path, volume.body) == (
        "/api/v1/persistentvolumes/pvc-u1",
        {"spec": {"capacity": {"storage": "2Gi"}}},
    )
    assert status.path == "/api/v1/namespaces/hub/persistentvolumeclaims/home/status"
    assert status.body["status"]["capacity"] == {"storage": "2Gi"}
    assert plan(_bound("2Gi", "2Gi")) == []


@pytest.mark.parametrize(
    ("phase", "policy", "owner", "removed"),
    [
        ("Released", "Delete", SIMULATED, True),
        ("Bound", "Delete", SIMULATED, False),
        ("Released", "Retain", SIMULATED, False),
        ("Released", "Delete", "somebody.else", False),
    ],
)
def test_released_volume(phase: str, policy: str, owner: str, removed: bool) -> None:
    volume = {
        "metadata": {"name": "v", "uid": "v", "annotations": {"pv.kubernetes.io/provisioned-by": owner}},
        "spec": {"persistentVolumeReclaimPolicy": policy},
        "status": {"phase": phase},
    }
    actions = plan(cache(volumes=[volume]))
    assert [(each.method, each.path) for each in actions] == [("DELETE", "/api/v1/persistentvolumes/v")] * removed


def test_each_balancer_gets_an_address_of_its_own() -> None:
    actions = plan(cache(services=[service("1"), service("2", "198.51.100.2"), service("3")]))
    assert [given(each) for each in actions] == ["198.51.100.3", "198.51.100.4"]
    assert actions[0].path == "/api/v1/namespaces/hub/services/s1/status"


def test_wished_address_is_granted_also_later() -> None:
    (action,) = plan(cache(services=[service("1", "198.51.100.2", loadBalancerIP="192.0.2.7")]))
    assert given(action) == "192.0.2.7"
    assert plan(cache(services=[service("1", "192.0.2.7", loadBalancerIP="192.0.2.7")])) == []


def test_service_that_is_no_balancer_any_more_loses_its_address() -> None:
    (action,) = plan(cache(services=[service("1", "198.51.100.2", type="ClusterIP")]))
    assert action.body == {"status": {"loadBalancer": {"ingress": None}}}
    assert plan(cache(services=[service("1", type="ClusterIP")])) == []


def test_when_all_addresses_are_taken_a_service_waits() -> None:
    pool = [f"{net}.{host}" for net in LB_NETWORKS for host in range(2, 255)]
    taken = [service(f"a{number}", address) for number, address in enumerate(pool)]
    assert plan(cache(services=[*taken, service("z")])) == []


def test_ingresses_share_one_address() -> None:
    ingress: Object = {"metadata": {"name": "i", "namespace": "hub", "uid": "i"}, "status": {"loadBalancer": {}}}
    (action,) = plan(cache(ingresses=[ingress]))
    assert given(action) == INGRESS_IP
    ingress["status"] = action.body["status"]
    assert plan(cache(ingresses=[ingress])) == []


def test_a_foreign_schedulers_pod_waits_for_its_claims_and_chooses_their_node() -> None:
    """A claim learns the node once; the pod is placed when all its claims are bound, and not while one is missing."""
    volumes = [{"name": "home", "persistentVolumeClaim": {"claimName": "home"}}, {"name": "x", "emptyDir": {}}]
    pod: Object = {
        "metadata": {"name": "p", "namespace": "hub", "uid": "p"},
        "spec": {"schedulerName": "user-scheduler", "volumes": volumes},
    }
    things: dict[str, list[Object]] = {
        "pods": [pod],
        "nodes": [{"metadata": {"name": "sim-1", "uid": "n"}, "spec": {}}],
        "classes": [storage_class(mode="WaitForFirstConsumer")],
    }
    assert plan(cache(**things)) == []
    (told,) = plan(cache(**things, claims=[claim()]))
    assert told.path == "/api/v1/namespaces/hub/persistentvolumeclaims/home"
    assert told.body == {"metadata": {"annotations": {"volume.kubernetes.io/selected-node": "sim-1"}}}
    (volume,) = plan(cache(**things, claims=[claim(annotations=told.body["metadata"]["annotations"])]))
    assert volume.path == "/api/v1/persistentvolumes"
    bound = claim(phase="Bound", capacity={"storage": "1Gi"})
    bound["spec"]["volumeName"] = "v"
    (placed,) = plan(cache(**things, claims=[bound]))
    assert placed.path == "/api/v1/namespaces/hub/pods/p/binding"
