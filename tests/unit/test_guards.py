"""Which updates are refused because of data, by a state and settings alone."""

from __future__ import annotations

from typing import Any

import pytest

from hubstack.engine import state
from hubstack.engine.state import NAMESPACE, PROVIDER, STORAGE_CLASS, State
from hubstack.errors import HubstackError
from hubstack.lifecycle import guards
from hubstack.project.stacks import Stack

CLAIM = {
    "metadata": {"name": "hub-db-dir", "namespace": "jhub"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}
CLASS = {
    "metadata": {"name": "safe"},
    "provisioner": "ebs.csi.aws.com",
    "reclaimPolicy": "Retain",
    "volumeBindingMode": "WaitForFirstConsumer",
}
OWN_CLASS = {"name": "safe", "provisioner": "ebs.csi.aws.com"}
NATIVE = [
    {"type": PROVIDER, "inputs": {"clusterIdentifier": "east"}},
    {"type": NAMESPACE, "inputs": {"metadata": {"name": "jhub"}}, "protect": True},
    {"type": state.CLAIM, "inputs": CLAIM, "protect": True},
]
HELM = [*NATIVE[:2], {"type": state.HELM_RELEASE, "inputs": {"name": "jhub", "namespace": "jhub"}, "protect": True}]


def stack(**config: Any) -> Stack:
    """A stack with settings."""
    return Stack(
        name="prod",
        base="prod",
        config={"hubstack:kubeContext": "east", **{f"hubstack:{key}": value for key, value in config.items()}},
        document={},
    )


def refused(resources: list[Any], **config: Any) -> str:
    """The differences that an update is refused for; blank where it is not."""
    try:
        guards.refuse_data_loss(stack(**config), State.read({"resources": resources}), lambda *_: [CLAIM])
    except HubstackError as error:
        return str(error).partition("\nthis cannot change in place")[0]
    return ""


@pytest.mark.parametrize("resources", [NATIVE, HELM])
@pytest.mark.parametrize(
    ("config", "difference"),
    [
        ({}, ""),
        ({"values": {"hub": {"db": {"pvc": {"storage": "9Gi", "annotations": {"a": "b"}}}}}}, ""),
        ({"values": {"hub": {"db": {"pvc": {"selector": {}}}}}}, ""),
        (
            {"values": {"hub": {"db": {"pvc": {"storageClassName": ""}}}}},
            "hub.db.pvc.storageClassName: None -> ''",
        ),
        (
            {"values": {"hub": {"db": {"pvc": {"accessModes": ["ReadWriteMany"]}}}}},
            "hub.db.pvc.accessModes: ['ReadWriteOnce'] -> ['ReadWriteMany']",
        ),
        ({"values": {"hub": {"db": {"type": "postgres", "url": "x"}}}}, "hub.db.type: 'sqlite-pvc' -> 'postgres'"),
        ({"values": {"fullnameOverride": "x"}}, "fullnameOverride: 'hub-db-dir' -> 'x-hub-db-dir'"),
        ({"createNamespace": False}, "hubstack:createNamespace: True -> False"),
        ({"namespace": "other", "releaseName": "jhub"}, "hubstack:namespace: 'jhub' -> 'other'"),
        ({"kubeContext": "west", "clusterIdentifier": "east"}, ""),
        (
            {"kubeContext": "west"},
            "hubstack:clusterIdentifier (if it is not set: hubstack:kubeContext): 'east' -> 'west'",
        ),
        ({"mode": "nativ"}, ""),  # the program refuses it, with all details
    ],
)
def test_what_would_lose_data(resources: list[Any], config: dict[str, Any], difference: str) -> None:
    """Each setting that would make another volume, in both modes; what can change in place may."""
    mode = {"mode": "helm"} if resources is HELM else {}
    assert refused(resources, **{**mode, **config}) == difference


def test_a_release_keeps_its_name() -> None:
    """Under another name Helm would uninstall it; mode native has no release."""
    assert refused(HELM, mode="helm", releaseName="b") == "hubstack:releaseName: 'jhub' -> 'b'"
    assert refused(NATIVE, releaseName="b") == ""


@pytest.mark.parametrize(
    ("after", "difference"),
    [
        (OWN_CLASS, ""),
        ({**OWN_CLASS, "allowVolumeExpansion": False}, ""),
        ({**OWN_CLASS, "reclaimPolicy": "Delete"}, "hubstack:storageClass.reclaimPolicy: 'Retain' -> 'Delete'"),
        ({**OWN_CLASS, "name": "b"}, "hubstack:storageClass.name: 'safe' -> 'b'"),
        (None, "hubstack:storageClass: 'safe' -> None"),
    ],
)
def test_a_storage_class_stays(after: dict[str, str] | None, difference: str) -> None:
    """The class that volumes come from is neither replaced nor deleted."""
    made = {"type": STORAGE_CLASS, "inputs": CLASS, "protect": True}
    assert refused([NATIVE[0], made], **({"storageClass": after} if after else {})) == difference


def test_an_unprotected_claim_may_go() -> None:
    """Its removal is a decision; its replacement is an accident all the same."""
    claim = {**NATIVE[2], "protect": False}
    assert refused([claim], values={"hub": {"db": {"type": "sqlite-memory"}}}) == ""
    assert refused([claim], values={"hub": {"db": {"pvc": {"storageClassName": "b"}}}})
