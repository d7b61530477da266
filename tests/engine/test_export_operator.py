"""The exported objects with the real operator: its definitions on a real API server, and its manager.

``HUBSTACK_OPERATOR`` names a folder with the operator's ``crds/*.yaml`` and its program ``manager`` (version 2:
``go build -o manager ./operator/cmd`` in github.com/pulumi/pulumi-kubernetes-operator). Its workspaces need images,
which are not run here: what a workspace's agent would report is written into the status of the objects instead.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack.fleet import export
from hubstack.fleet.model import Fleet
from tests import needs
from tests.engine.conftest import Machine

NAMESPACE = "pulumi"
STACKS = f"/apis/pulumi.com/v1/namespaces/{NAMESPACE}/stacks"
WORKSPACES = f"/apis/auto.pulumi.com/v1alpha1/namespaces/{NAMESPACE}/workspaces"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
FIRST, SECOND = "a" * 40, "b" * 40


def until(found: Callable[[], Any]) -> Any:
    """What a question gives as soon as it gives something."""
    deadline = time.monotonic() + 120
    while not (answer := found()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.3)
    return answer


@pytest.fixture(scope="module")
def folder() -> Path:
    """The operator's folder."""
    named = os.environ.get("HUBSTACK_OPERATOR")
    if not named or not (Path(named) / "manager").is_file():
        needs.skip("operator", "HUBSTACK_OPERATOR names no folder with the operator's crds/ and manager")
    return Path(named)


@pytest.fixture
def operator(machine: Machine, folder: Path, tmp_path: Path) -> Iterator[Path]:
    """The manager at work on the cluster; gives its log."""
    client = machine.cluster.client()
    definitions = [yaml.safe_load(file.read_text()) for file in sorted((folder / "crds").glob("*.yaml"))]
    for each in definitions:
        client.request("POST", DEFINITIONS, each)
    for each in definitions:
        path = f"{DEFINITIONS}/{each['metadata']['name']}"
        until(
            lambda path=path: any(
                found["type"] == "Established" and found["status"] == "True"
                for found in client.get(path).get("status", {}).get("conditions") or []
            )
        )
    client.request("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    secrets = {"hubstack-git": ["accessToken"], "hubstack-passphrase": ["passphrase"], "kubeconfig": ["kubeconfig"]}
    secrets["hubstack-backend"] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"]
    for name, keys in secrets.items():
        body = {"metadata": {"name": name}, "stringData": dict.fromkeys(keys, "x")}
        client.request("POST", f"/api/v1/namespaces/{NAMESPACE}/secrets", body)
    log = tmp_path / "manager.log"
    own = {"KUBECONFIG": str(machine.cluster.kubeconfig), "POD_NAMESPACE": NAMESPACE, "POD_SA_NAME": "default"}
    own |= {"WORKSPACE_LOCALHOST": "127.0.0.1:1"}  # no agent
    addresses = ["--metrics-bind-address=0", "--health-probe-bind-address=0", "--program-fs-addr=127.0.0.1:0"]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [folder / "manager", *addresses], env={**os.environ, **own}, stdout=output, stderr=output
        ) as manager,
    ):
        yield log
        manager.terminate()
    for kind, path in ((STACKS, STACKS), (WORKSPACES, WORKSPACES)):
        for each in client.get(kind)["items"]:
            client.merge(f"{path}/{each['metadata']['name']}", {"metadata": {"finalizers": []}})
    client.request("DELETE", f"/api/v1/namespaces/{NAMESPACE}")
    for each in definitions:
        client.request("DELETE", f"{DEFINITIONS}/{each['metadata']['name']}")


def fleet() -> Fleet:
    """Three waves, with a name that an object may not have."""
    tiers = {"Staging.Hub": "staging", "physics": "prod", "biology": "prod", "exams": "last"}
    stacks = {name: {"labels": {"tier": tier}} for name, tier in tiers.items()}
    waves = [{"name": name, "select": f"tier={name}"} for name in ("staging", "prod", "last")]
    return Fleet.model_validate({"stacks": stacks, "waves": waves})


def apply(machine: Machine, commit: str) -> None:
    """Apply an export as `kubectl apply --server-side` does: object by object, every field checked."""
    wanted = export.Operator("https://git.example.org/hubs.git", commit, "s3://states", NAMESPACE, "", True)
    client = machine.cluster.client()
    for each in yaml.safe_load_all(export.text(fleet(), "pulumi-operator", wanted)):
        name = each["metadata"]["name"]
        client.apply(f"{STACKS}/{name}", each)


def test_waves_follow_each_other_commit_by_commit(machine: Machine, operator: Path) -> None:
    """The API server stores every field of the objects; the manager makes workspaces of the first wave alone, of the
    next one when that has succeeded, and after a second commit, although all have succeeded a moment ago, begins with
    the first wave again.
    """
    client = machine.cluster.client()

    def commit_of(stack: str) -> str | None:
        workspace = client.find(f"{WORKSPACES}/{stack}")
        return workspace["spec"]["git"]["ref"] if workspace else None

    def waits(stack: str) -> bool:
        """Whether the manager has looked at the object as it is, and holds it back."""
        found = client.get(f"{STACKS}/{stack}")
        conditions = found.get("status", {}).get("conditions") or []
        return (
            found["status"].get("observedGeneration") == found["metadata"]["generation"]
            and any(
                each["type"] == "Reconciling" and each["reason"] == "PrerequisiteNotSatisfied" for each in conditions
            )
            if found.get("status")
            else False
        )

    def succeed(stack: str, commit: str) -> None:
        """What the manager notes of an update that its agent has reported as succeeded."""
        found = client.get(f"{STACKS}/{stack}")
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        last = {"generation": found["metadata"]["generation"], "name": f"{stack}-1", "type": "up", "state": "succeeded"}
        last |= {"lastAttemptedCommit": commit, "lastSuccessfulCommit": commit, "lastResyncTime": now}
        client.merge(f"{STACKS}/{stack}/status", {"status": {"lastUpdate": last}})

    apply(machine, FIRST)
    stored = client.get(f"{STACKS}/physics")["spec"]
    (wanted,) = (
        each["spec"]
        for each in yaml.safe_load_all(
            export.text(
                fleet(),
                "pulumi-operator",
                export.Operator("https://git.example.org/hubs.git", FIRST, "s3://states", NAMESPACE, "", True),
            )
        )
        if each["metadata"]["name"] == "physics"
    )
    assert {key: stored[key] for key in wanted} == wanted, "no field was dropped"

    until(lambda: commit_of("staging-hub") == FIRST)
    workspace = client.get(f"{WORKSPACES}/staging-hub")["spec"]
    pod = workspace["podTemplate"]["spec"]
    assert pod["volumes"] == [
        {"name": "hubstack-kubeconfig", "secret": {"secretName": "kubeconfig", "defaultMode": 288}}
    ]
    environment = {each["name"]: each for each in workspace["env"]}
    assert environment["PULUMI_CONFIG_PASSPHRASE"]["valueFrom"]["secretKeyRef"]["name"] == "hubstack-passphrase"
    for stack in ("physics", "biology", "exams"):
        until(lambda stack=stack: waits(stack))
        assert commit_of(stack) is None
    until(lambda: client.find(f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets/staging-hub-workspace"))

    succeed("staging-hub", FIRST)
    for stack in ("physics", "biology"):
        until(lambda stack=stack: commit_of(stack) == FIRST)
    assert commit_of("exams") is None
    for stack in ("physics", "biology"):
        succeed(stack, FIRST)
    until(lambda: commit_of("exams") == FIRST)
    succeed("exams", FIRST)

    apply(machine, SECOND)
    until(lambda: commit_of("staging-hub") == SECOND)
    for stack in ("physics", "biology", "exams"):
        until(lambda stack=stack: waits(stack))
        assert commit_of(stack) == FIRST, "its wave has not begun with the second commit"
    succeed("staging-hub", SECOND)
    until(lambda: commit_of("physics") == SECOND and commit_of("biology") == SECOND)
    assert waits("exams")
    assert commit_of("exams") == FIRST
