"""The doctor on a deployed stack: silence where all is well, each planted fault found, nothing changed."""

from __future__ import annotations

import base64
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi import automation
from rich.console import Console
from typer.testing import CliRunner

from hubstack.commands import session
from hubstack.commands.main import app
from hubstack.doctor import checks_permissions, run
from hubstack.doctor.finding import Report
from hubstack.doctor.state import EngineState
from hubstack.errors import HubstackError
from hubstack.project import stacks
from hubstack.project.stacks import Stack
from tests.engine.conftest import Machine

NAMESPACE = "jhub-doctor"
STORAGE = {"name": "kept", "provisioner": "hubstack.dev/sim"}


@pytest.fixture(scope="module")
def deployed(machine: Machine) -> Iterator[Stack]:
    """A native stack with a class of its own that keeps volumes, deployed."""
    stack = changed(machine.stack(), {"hubstack:namespace": NAMESPACE, "hubstack:storageClass": STORAGE})
    updater = machine.updater(stack)
    updater.up()
    yield stack
    updater.destroy()


def changed(stack: Stack, config: dict[str, Any]) -> Stack:
    """The stack under the doctor's name with other settings."""
    merged = {**stack.config, **config}
    return Stack(name="doctor", base="dev", config=merged, document={**stack.document, "config": merged})


def examine(machine: Machine, stack: Stack, *only: str) -> Report:
    """One run of the doctor; it must leave cluster, state and local files as they are."""
    before = everything(machine)
    report = run.examine(stack, run.programs(stack, Console(quiet=True)), only)
    assert everything(machine) == before
    return report


def everything(machine: Machine) -> dict[str, str]:
    """Version of every object that the doctor could touch, and the content of the backend."""
    client = machine.cluster.client()
    paths = [f"/api/v1/namespaces/{NAMESPACE}/{kind}" for kind in ("secrets", "configmaps", "persistentvolumeclaims")]
    paths += [f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", "/apis/storage.k8s.io/v1/storageclasses"]
    paths += ["/apis/rbac.authorization.k8s.io/v1/clusterroles", "/api/v1/namespaces"]
    versions = {
        f"{path}/{each['metadata']['name']}": each["metadata"]["resourceVersion"]
        for path in paths
        for each in client.get(path)["items"]
    }
    files = {str(file): file.read_text() for file in machine.state.glob("backend/**/*.json")}
    files |= {str(file): file.read_text() for file in machine.state.glob("stacks/**/*.yaml")}
    return {**versions, **files}


@contextmanager
def planted(machine: Machine, path: str, body: dict[str, Any]) -> Iterator[None]:
    """An object that is there for a while."""
    client = machine.cluster.client()
    client.request("POST", path, body)
    try:
        yield
    finally:
        own = f"{path}/{body['metadata']['name']}"
        client.request("DELETE", own)
        deadline = time.monotonic() + 60
        while client.find(own) and time.monotonic() < deadline:
            time.sleep(0.1)


def said(report: Report, check: str) -> list[tuple[str, str]]:
    """Severity and text of a check's findings."""
    return [(each.severity.word, each.what) for each in report.findings if each.check == check]


def test_a_healthy_stack_has_no_warnings(machine: Machine, deployed: Stack) -> None:
    """All checks run, none finds more than notes, the exit code is 0."""
    report = examine(machine, deployed)
    assert [each.as_dict() for each in report.findings if each.severity] == []
    assert report.exit_code == 0
    assert set(report.outcomes.values()) <= {"ok", "note"}
    assert list(report.outcomes) == [each.name for each in run.CHECKS]


def test_an_unfinished_operation_of_helm(machine: Machine, deployed: Stack) -> None:
    """A pending record of the stack's release is an error, one of somebody else's a warning."""
    path = f"/api/v1/namespaces/{NAMESPACE}/secrets"
    for release, severity, code in ((NAMESPACE, "error", 3), ("other", "warning", 2)):
        name = f"sh.helm.release.v1.{release}.v2"
        labels = {"owner": "helm", "name": release, "status": "pending-upgrade", "version": "2"}
        with planted(machine, path, {"metadata": {"name": name, "labels": labels}, "type": "helm.sh/release.v1"}):
            report = examine(machine, deployed)
        what = f"Helm release {release!r}, revision 2: pending-upgrade (record {name})"
        assert said(report, "helm") == [(severity, what)]
        assert report.exit_code == code


def test_a_home_of_the_other_slug_scheme(machine: Machine, deployed: Stack) -> None:
    """A volume that the older KubeSpawner named is a warning, an error where the hub forgets names."""
    claim = {
        "metadata": {
            "name": "claim-jo-2esmith-40example-2ecom",
            "labels": {"component": "singleuser-storage"},
            "annotations": {"hub.jupyter.org/username": "jo.smith@example.com"},
        },
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    forgets = {"hub": {"config": {"KubeSpawner": {"remember_pvc_name": False}}}}
    older = {"hub": {"config": {"KubeSpawner": {"slug_scheme": "escape"}}}}
    with planted(machine, f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims", claim):
        report = examine(machine, deployed)
        assert (report.exit_code, report.outcomes["homes"]) == (2, "warning")
        assert "claim-jo-2esmith-40example-2ecom (looked for as claim-jo-smith-example-com---" in str(report.findings)
        assert examine(machine, changed(deployed, {"hubstack:values": forgets}), "homes").exit_code == 3
        assert examine(machine, changed(deployed, {"hubstack:values": older}), "homes").exit_code == 0


def test_a_missing_storage_class(machine: Machine, deployed: Stack) -> None:
    """A class that nobody made is an error; with the doctor's other checks left out nothing else is said."""
    values = {"singleuser": {"storage": {"dynamic": {"storageClass": "premium"}}}}
    report = examine(machine, changed(deployed, {"hubstack:values": values}), "storage")
    assert report.outcomes == {"storage": "error"}
    assert said(report, "storage") == [
        ("error", "singleuser.storage.dynamic.storageClass: 'premium': the cluster has no such StorageClass")
    ]
    assert report.exit_code == 3


def test_too_few_permissions(machine: Machine, deployed: Stack, tmp_path: Path) -> None:
    """What a user may not do is listed at once; what they may not see is a note and no false alarm."""
    client = machine.cluster.client()
    account = "/api/v1/namespaces/default/serviceaccounts"
    role = "/apis/rbac.authorization.k8s.io/v1/namespaces/jhub-doctor/roles"
    rules = [{"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["*"]}]
    subject = {"kind": "ServiceAccount", "name": "limited", "namespace": "default"}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "limited"}
    binding = {"metadata": {"name": "limited"}, "roleRef": reference, "subjects": [subject]}
    with (
        planted(machine, account, {"metadata": {"name": "limited"}}),
        planted(machine, role, {"metadata": {"name": "limited"}, "rules": rules}),
        planted(machine, role.replace("/roles", "/rolebindings"), binding),
    ):
        token = client.request("POST", f"{account}/limited/token", {"spec": {}})["status"]["token"]
        document = yaml.safe_load(machine.cluster.kubeconfig.read_text())
        document["users"][0]["user"] = {"token": token}
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(document))
        report = examine(machine, changed(deployed, {"hubstack:kubeconfig": str(kubeconfig)}))
    ((severity, what),) = said(report, "permissions")
    assert severity == "error"
    assert "deployments.apps in jhub-doctor (create, delete, get, list, patch, watch)" in what
    assert "clusterroles.rbac.authorization.k8s.io cluster-wide" in what
    assert "secrets" not in what
    assert report.exit_code == 3
    assert {each.check for each in report.findings if each.severity} == {"permissions"}
    assert token not in str(report)


@pytest.mark.parametrize("mode", ["native", "helm"])
def test_the_permissions_asked_for_are_enough(machine: Machine, tmp_path: Path, mode: str) -> None:
    """A user with exactly what the doctor asks for deploys and destroys a stack, and the doctor has nothing to say,
    before and after.
    """
    config = {"hubstack:namespace": f"jhub-exact-{mode}", "hubstack:createNamespace": False, "hubstack:mode": mode}
    admin = changed(machine.stack(mode=mode), config)
    wanted = [
        *checks_permissions.needed(subject := run.gather(admin, EngineState())),
        *checks_permissions.grants(subject),
    ]
    client = machine.cluster.client()
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    user = {"kind": "ServiceAccount", "name": "exact", "namespace": "default"}
    account = "/api/v1/namespaces/default/serviceaccounts"

    def body(namespace: str, kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
        rules = [
            {"apiGroups": [each.group], "resources": [each.resource], "verbs": [each.verb]}
            | ({"resourceNames": [each.name]} if each.name else {})
            for each in wanted
            if each.namespace == namespace
        ]
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": "exact"}
        meta = {"metadata": {"name": "exact"}}
        return {**meta, "rules": rules}, {**meta, "roleRef": reference, "subjects": [user]}

    wide, wide_binding = body("", "ClusterRole")
    narrow, narrow_binding = body(f"jhub-exact-{mode}", "Role")
    inside = f"{rbac}/namespaces/jhub-exact-{mode}"
    with (
        planted(machine, "/api/v1/namespaces", {"metadata": {"name": f"jhub-exact-{mode}"}}),
        planted(machine, account, {"metadata": {"name": "exact"}}),
        planted(machine, f"{rbac}/clusterroles", wide),
        planted(machine, f"{rbac}/clusterrolebindings", wide_binding),
        planted(machine, f"{inside}/roles", narrow),
        planted(machine, f"{inside}/rolebindings", narrow_binding),
    ):
        token = client.request("POST", f"{account}/exact/token", {"spec": {}})["status"]["token"]
        document = yaml.safe_load(machine.cluster.kubeconfig.read_text())
        document["users"][0]["user"] = {"token": token}
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(document))
        merged = {**admin.config, "hubstack:kubeconfig": str(kubeconfig)}
        stack = Stack(name=f"exact-{mode}", base="dev", config=merged, document={**admin.document, "config": merged})
        report = examine(machine, stack)
        assert said(report, "permissions") == []
        assert report.exit_code == 0
        updater = machine.updater(stack)
        assert updater.up().outputs["mode"] == mode
        report = examine(machine, stack)
        assert [each.as_dict() for each in report.findings if each.severity] == []
        assert "skipped" not in report.outcomes.values()
        updater.destroy()


def test_a_changed_token(machine: Machine, deployed: Stack) -> None:
    """A token that somebody changed in the Secret is named with what follows, and is never shown."""
    client = machine.cluster.client()
    path = f"/api/v1/namespaces/{NAMESPACE}/secrets/hub"
    key = "hub.config.JupyterHub.cookie_secret"
    right = client.get(path)["data"][key]
    wrong = base64.b64encode(b"f" * 64).decode()
    client.merge(path, {"data": {key: wrong}})
    try:
        report = examine(machine, deployed)
    finally:
        client.merge(path, {"data": {key: right}})
    assert said(report, "tokens") == [
        ("warning", f"Secret hub: {key} is not the one of the stack's state and settings")
    ]
    assert report.exit_code == 2
    text = json.dumps(report.as_dict())
    values = [base64.b64decode(each).decode() for each in (right, wrong)]
    assert [each for each in (right, wrong, *values) if each in text] == []


def test_a_hub_that_the_state_does_not_know(machine: Machine, deployed: Stack) -> None:
    """Another stack in the same namespace would make new tokens for everybody: an error."""
    stranger = Stack(name="stranger", base="dev", config=deployed.config, document=deployed.document)
    report = examine(machine, stranger, "tokens")
    assert report.exit_code == 3
    assert not (machine.state / "stacks" / "stranger").exists()


def test_an_unreachable_cluster(machine: Machine, deployed: Stack, tmp_path: Path) -> None:
    """It is one error within ten seconds that names context and server; what needs the cluster is skipped."""
    document = yaml.safe_load(machine.cluster.kubeconfig.read_text())
    document["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(document))
    report = examine(machine, changed(deployed, {"hubstack:kubeconfig": str(kubeconfig)}))
    assert report.outcomes["cluster"] == "error"
    assert report.outcomes["permissions"] == report.outcomes["homes"] == "skipped"
    assert "https://127.0.0.1:1" in said(report, "cluster")[0][1]
    assert report.exit_code == 3


def test_the_command(machine: Machine, deployed: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command prints JSON or a table, and ends with the report's exit code."""
    monkeypatch.setattr(stacks, "select", lambda *_, **__: deployed)
    runner = CliRunner()
    result = runner.invoke(app, ["doctor", "--stack", "dev", "--json", "--only", "helm", "--only", "tokens"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["checks"] == {"helm": "ok", "tokens": "ok"}
    table = runner.invoke(app, ["doctor", "--only", "helm"])
    assert "no unfinished operation of Helm" in table.output
    assert "nothing found" in table.output
    missing = {"hub": {"db": {"pvc": {"storageClassName": "premium"}}}}
    monkeypatch.setattr(stacks, "select", lambda *_, **__: changed(deployed, {"hubstack:values": missing}))
    assert runner.invoke(app, ["doctor", "--only", "storage"]).exit_code == 3
    unknown = runner.invoke(app, ["doctor", "--only", "weather"])
    assert isinstance(unknown.exception, HubstackError)


def test_an_interrupted_update(machine: Machine, deployed: Stack) -> None:
    """Operations under way and a lock are found in the real backend, and both are still there afterwards."""
    # Into the file itself: `pulumi stack import` drops pending operations.
    file = machine.state / "backend/.pulumi/stacks/hubstack/doctor.json"
    whole = file.read_text()
    document = json.loads(whole)
    latest = document["checkpoint"]["latest"]
    resource = next(each for each in latest["resources"] if each["type"] == "kubernetes:apps/v1:Deployment")
    latest["pending_operations"] = [{"resource": resource, "type": "updating"}]
    file.write_text(json.dumps(document))
    lock = machine.state / "backend/.pulumi/locks/organization/hubstack/doctor/0.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    taken = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    holder = {"pid": os.getpid(), "username": "jo", "hostname": socket.gethostname(), "timestamp": taken}
    lock.write_text(json.dumps(holder))
    try:
        report = examine(machine, deployed)
        assert lock.exists()
    finally:
        lock.unlink()
        file.write_text(whole)
    ((severity, what),) = said(report, "pulumi")
    assert severity == "warning"
    assert what.startswith("an interrupted update left 1 operations under way: updating Deployment jupyterhub-")
    ((severity, what),) = said(report, "lock")
    assert severity == "error"
    assert f"locked by jo@{socket.gethostname()} (process {os.getpid()})" in what
    assert report.exit_code == 3
    assert examine(machine, deployed).exit_code == 0


def test_encrypted_settings_are_read(
    machine: Machine, deployed: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An encrypted token is compared as what it is and never shown; with a wrong passphrase the state is an error."""
    secret = "c0ffee" * 10 + "0000"
    variables = session.engine_environment(machine.tools)
    monkeypatch.setenv("PATH", variables["PATH"])  # where the Automation API looks for the engine
    workspace = automation.LocalWorkspace(work_dir=str(deployed.folder), env_vars=variables)
    file = deployed.folder / "Pulumi.doctor.yaml"
    before = file.read_text()
    key = "hubstack:secretValues.hub.cookieSecret"
    workspace.set_config("doctor", key, automation.ConfigValue(secret, secret=True), path=True)
    document = yaml.safe_load(file.read_text())
    file.write_text(before)
    assert "secure" in document["config"]["hubstack:secretValues"]["hub"]["cookieSecret"]
    stack = Stack(name="doctor", base="dev", config=document["config"], document=document)
    report = examine(machine, stack)
    assert [severity for severity, _ in said(report, "tokens")] == ["warning"]
    assert secret not in str(report)
    wrong = tmp_path / "passphrase"
    wrong.write_text("wrong")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", str(wrong))
    report = examine(machine, stack)
    ((severity, what),) = said(report, "pulumi")
    assert severity == "error"
    assert "incorrect passphrase" in what
    assert [severity for severity, _ in said(report, "tokens")] == ["note"]
    assert report.exit_code == 3
