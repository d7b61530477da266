"""Adopting a hub that Helm deployed: nothing of it is deleted, replaced or restarted, and no token changes."""

from __future__ import annotations

import base64
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from hubstack import project
from hubstack.commands import session
from hubstack.errors import HubstackError
from hubstack.lifecycle.updates import Updater
from hubstack.migration import hand_back, native_to_helm, recover, take_over
from hubstack.migration.adopt import Request, adopt
from hubstack.project import stacks
from tests.engine.conftest import PROJECT, Machine

QUIET = Console(quiet=True)
SENTINEL = "sentinel-4f2a9c"
VALUES = {
    "hub": {
        "config": {
            "JupyterHub": {"authenticator_class": "github"},
            "GitHubOAuthenticator": {"client_id": "hub", "client_secret": SENTINEL},
        },
        "services": {"announce": {"admin": False}},
    },
    "singleuser": {"defaultUrl": "/lab", "extraEnv": {"API_TOKEN": f"{SENTINEL}-env"}},
    "scheduling": {"userPlaceholder": {"enabled": True, "replicas": 2}},
}
KINDS = {
    "/api/v1": ("secrets", "configmaps", "services", "serviceaccounts", "persistentvolumeclaims"),
    "/apis/apps/v1": ("deployments", "daemonsets", "statefulsets"),
    "/apis/rbac.authorization.k8s.io/v1": ("roles", "rolebindings"),
    "/apis/networking.k8s.io/v1": ("networkpolicies",),
    "/apis/policy/v1": ("poddisruptionbudgets",),
}


def helm(machine: Machine, *arguments: str, given: str | None = None) -> str:
    """Run Helm against the cluster."""
    options = ["--kubeconfig", str(machine.cluster.kubeconfig), "--kube-context", machine.cluster.context]
    done = subprocess.run(
        [machine.tools["helm"], *arguments, *options], input=given, check=True, capture_output=True, text=True
    )
    return done.stdout


def install(machine: Machine, name: str, version: str = "4.4.0", values: dict[str, Any] = VALUES) -> None:
    """A release of the chart in its second revision, and a person's volume beside it.

    In the first one, the chart's checksums are of other tokens than those in the Secret: it draws them twice.
    """
    chart = str(project.mirrored_chart(version))
    arguments = ["upgrade", "--install", name, chart, "--namespace", name, "--create-namespace", "--wait"]
    for _ in range(2):
        helm(machine, *arguments, "--values", "-", given=yaml.safe_dump(values))
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "claim-ada"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    machine.cluster.client().request("POST", f"/api/v1/namespaces/{name}/persistentvolumeclaims", claim)


def ledger(machine: Machine, namespace: str) -> dict[str, str]:
    """Uid of every object of a namespace that an adoption must leave alone, pods of hub and proxy included."""
    client = machine.cluster.client()
    found = {}
    for group, kinds in KINDS.items():
        for kind in kinds:
            for item in client.get(f"{group}/namespaces/{namespace}/{kind}")["items"]:
                if "helm.sh/release" not in item.get("type", "") and "puller" not in item["metadata"]["name"]:
                    found[f"{kind}/{item['metadata']['name']}"] = item["metadata"]["uid"]
    for item in client.get(f"/api/v1/namespaces/{namespace}/pods")["items"]:
        if item["metadata"]["labels"].get("component") in ("hub", "proxy", "user-scheduler"):
            found[f"pods/{item['metadata']['name']}"] = item["metadata"]["uid"]
    return found


def tokens(machine: Machine, namespace: str, secret: str = "hub") -> dict[str, str]:
    """The tokens in the hub's Secret, as they are."""
    data = machine.cluster.client().get(f"/api/v1/namespaces/{namespace}/secrets/{secret}")["data"]
    return {key: value for key, value in data.items() if key != "values.yaml"}


def listed(machine: Machine) -> list[str]:
    """Names of the releases that Helm lists."""
    return [release["name"] for release in json.loads(helm(machine, "list", "--all-namespaces", "--output", "json"))]


def updater(machine: Machine, name: str) -> Updater:
    """The engine on a stack that adoption has written."""
    return Updater(stacks.select(name), session.engine_environment(machine.tools), QUIET)


@pytest.mark.parametrize("mode", ["native", "helm"])
def test_adoption_is_in_place(machine: Machine, root: Path, mode: str) -> None:
    """Zero deletes, zero replaces, no restart; the next update changes nothing; Helm's record goes last or stays."""
    name = f"adopted-{mode}"
    install(machine, name)
    before, secrets = ledger(machine, name), tokens(machine, name)
    request = Request(name, machine.cluster.context, name, name, mode, machine.cluster.kubeconfig)
    result = adopt(request, QUIET)
    assert (result.mode, result.chart_version, result.revision) == (mode, "4.4.0", 2)
    assert result.tokens == ["cookie", "crypt", "proxy", "service-announce"]
    assert not [note for note in result.notes if "differs" in note]
    written = "".join(file.read_text() for file in result.files)
    assert SENTINEL not in written
    assert "/lab" in written
    assert ledger(machine, name) == before, "adopt itself changes nothing"
    report = updater(machine, name).up()
    assert not {operation for operation, _ in report.steps} - {"create", "update"}
    after = ledger(machine, name)
    assert {key: uid for key, uid in after.items() if key in before} == before, (
        "nothing was made anew, no pod restarted"
    )
    assert tokens(machine, name) == secrets
    assert (name in listed(machine)) == (mode == "helm")
    again = updater(machine, name).up()
    assert again.changed == 0
    assert ledger(machine, name) == after
    (state,) = machine.state.glob(f"backend/.pulumi/stacks/{PROJECT}/{name}.json")
    assert SENTINEL not in state.read_text()


def test_a_hub_with_derived_names_keeps_its_tokens(machine: Machine, root: Path) -> None:
    """With ``fullnameOverride: null`` no object is called ``hub``; the live tokens go on all the same, in place."""
    name, hub = "adopted-named", "adopted-named-jupyterhub-hub"
    install(machine, name, values={"fullnameOverride": None, "hub": {"services": {"announce": {"admin": False}}}})
    before, secrets = ledger(machine, name), tokens(machine, name, hub)
    assert f"deployments/{hub}" in before
    result = adopt(Request(name, machine.cluster.context, name, name, "native", machine.cluster.kubeconfig), QUIET)
    assert result.tokens == ["cookie", "crypt", "proxy", "service-announce"]
    report = updater(machine, name).up()
    assert not {operation for operation, _ in report.steps} - {"create", "update"}
    after = ledger(machine, name)
    assert {key: uid for key, uid in after.items() if key in before} == before
    assert tokens(machine, name, hub) == secrets
    assert updater(machine, name).up().changed == 0
    assert (ledger(machine, name), tokens(machine, name, hub)) == (after, secrets)


def test_what_cannot_be_adopted(machine: Machine, root: Path) -> None:
    """No such release, an older chart in mode native, files that exist: one error each, and nothing is written."""
    with pytest.raises(HubstackError, match="Helm has no such release in namespace nowhere"):
        adopt(Request("x", machine.cluster.context, "nowhere", "none", None, machine.cluster.kubeconfig), QUIET)
    (root / "Pulumi.taken.yaml").write_text("config: {}\n")
    with pytest.raises(HubstackError, match=r"Pulumi.taken.yaml exists already"):
        adopt(Request("taken", machine.cluster.context, "nowhere", "none", None, machine.cluster.kubeconfig), QUIET)
    assert not (root / "Pulumi.x.yaml").exists()


@pytest.mark.parametrize("version", ["4.3.5", "3.3.8"])
def test_an_older_chart_is_adopted_as_it_is(machine: Machine, root: Path, version: str) -> None:
    """Mode native refuses; mode helm goes on at the same version, in place; the upgrade is another step."""
    name = f"older-{version.replace('.', '')}"
    install(machine, name, version)
    before, secrets = ledger(machine, name), tokens(machine, name)
    context, kubeconfig = machine.cluster.context, machine.cluster.kubeconfig
    with pytest.raises(HubstackError, match=f"is of chart {version}, and mode native knows 4.4.0"):
        adopt(Request(name, context, name, name, "native", kubeconfig), QUIET)
    result = adopt(Request(name, context, name, name, None, kubeconfig), QUIET)
    assert (result.mode, result.chart_version) == ("helm", version)
    assert [note for note in result.notes if "upgrade by setting hubstack:chart.version" in note]
    report = updater(machine, name).up()
    assert not {operation for operation, _ in report.steps} - {"create", "update"}
    assert ledger(machine, name) == before
    assert tokens(machine, name) == secrets


def test_a_switch_to_native_is_in_place(machine: Machine, root: Path) -> None:
    """A stack in mode helm goes on in mode native: same objects, pods and tokens, and Helm's record goes last."""
    file = root / "Pulumi.switch.yaml"
    context, kubeconfig = machine.cluster.context, machine.cluster.kubeconfig
    text = (
        "# somebody's remark\nconfig:\n  hubstack:mode: helm\n  hubstack:namespace: switch\n"
        f"  hubstack:kubeContext: {context}\n  hubstack:kubeconfig: {kubeconfig}\n"
        "  hubstack:values: {hub: {services: {announce: {admin: false}}}}\n"
    )
    file.write_text(text)
    updater(machine, "switch").up()
    before, secrets = ledger(machine, "switch"), tokens(machine, "switch")
    file.write_text(text.replace("mode: helm", "mode: native"))
    assert "from mode helm to mode native" in (updater(machine, "switch").switching() or "")
    report = updater(machine, "switch").up()
    assert updater(machine, "switch").switching() is None
    assert not {operation for operation, _ in report.steps} - {"create", "update"}
    after = ledger(machine, "switch")
    assert {key: uid for key, uid in after.items() if key in before} == before
    assert tokens(machine, "switch") == secrets
    assert "switch" not in listed(machine)
    assert file.read_text().startswith("# somebody's remark\nconfig:\n  hubstack:takeOver: switch\n")
    assert updater(machine, "switch").up().changed == 0
    assert ledger(machine, "switch") == after


@pytest.mark.parametrize("mode", ["native", "helm"])
def test_a_lost_state_is_recovered_in_place(machine: Machine, root: Path, mode: str) -> None:
    """Without its state, an update changes nothing; after `recover` the hub goes on: same objects, pods and tokens."""
    name = f"lost-{mode}"
    file = root / f"Pulumi.{name}.yaml"
    file.write_text(
        f"config:\n  hubstack:mode: {mode}  # somebody's remark\n  hubstack:namespace: {name}\n"
        f"  hubstack:kubeContext: {machine.cluster.context}\n  hubstack:kubeconfig: {machine.cluster.kubeconfig}\n"
        "  hubstack:values: {hub: {services: {announce: {admin: false}}}}\n"
    )
    updater(machine, name).up()
    before, secrets = ledger(machine, name), tokens(machine, name)
    engine = updater(machine, name)
    with pytest.raises(HubstackError, match="its state knows its hub"):
        recover.recover(engine)
    for state in machine.state.glob(f"backend/.pulumi/stacks/{PROJECT}/{name}.json*"):
        state.unlink()
    with pytest.raises(HubstackError, match=f"hubstack recover --stack {name}"):
        updater(machine, name).up()
    assert (ledger(machine, name), tokens(machine, name)) == (before, secrets)
    engine = updater(machine, name)
    result = recover.recover(engine)
    assert result.tokens == ["cookie", "crypt", "proxy", "service-announce"]
    assert "# somebody's remark" in file.read_text()
    assert not [token for token in secrets.values() if base64.b64decode(token).decode() in file.read_text()]
    report = updater(machine, name).up()
    assert not {operation for operation, _ in report.steps} - {"create", "update"}
    assert (ledger(machine, name), tokens(machine, name)) == (before, secrets)
    assert updater(machine, name).up().changed == 0


def write(machine: Machine, root: Path, name: str, mode: str) -> Path:
    """A stack's file with one service and a remark."""
    file = root / f"Pulumi.{name}.yaml"
    file.write_text(
        f"# somebody's remark\nconfig:\n  hubstack:mode: {mode}\n  hubstack:namespace: {name}\n"
        f"  hubstack:kubeContext: {machine.cluster.context}\n  hubstack:kubeconfig: {machine.cluster.kubeconfig}\n"
        "  hubstack:values: {hub: {services: {announce: {admin: false}}}}\n"
    )
    return file


def without_pods(found: dict[str, str]) -> dict[str, str]:
    """A ledger's objects."""
    return {key: uid for key, uid in found.items() if not key.startswith("pods/")}


def break_once(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    """Let a function fail, as if the command were killed there."""

    def fail(*_: Any) -> bool:
        raise InterruptedError(name)

    monkeypatch.setattr(module, name, fail)


def test_a_switch_to_helm_is_in_place(machine: Machine, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack in mode native goes on in mode helm, through interruptions: same objects and tokens, and each restart is
    told; back in native, and in helm again, nothing restarts.
    """
    name = "switch-back"
    file = write(machine, root, name, "native")
    updater(machine, name).up()
    before, secrets = ledger(machine, name), tokens(machine, name)
    file.write_text(file.read_text().replace("mode: native", "mode: helm"))
    for module, step in ((native_to_helm, "forget_objects"), (take_over, "add_release")):
        with monkeypatch.context() as patch:
            break_once(patch, module, step)
            with pytest.raises(InterruptedError):
                updater(machine, name).up()
        assert ledger(machine, name) == before
    said = Console(file=io.StringIO(), width=200)
    report = Updater(stacks.select(name), session.engine_environment(machine.tools), said).up()
    assert not {operation for operation, _ in report.steps} - {"create", "update"}
    after = ledger(machine, name)
    assert {key: uid for key, uid in without_pods(after).items() if key in before} == without_pods(before)
    assert tokens(machine, name) == secrets
    assert name in listed(machine)
    text = said.file.getvalue()
    restarted = {each.partition("-")[0].removeprefix("pods/") for each in before.keys() - after.keys()}
    assert restarted == {each for each in ("hub", "proxy", "user") if f"restarted: {each}" in text}
    assert updater(machine, name).up().changed == 0
    for old, new in (("helm", "native"), ("native", "helm")):
        file.write_text(file.read_text().replace(f"mode: {old}", f"mode: {new}"))
        report = updater(machine, name).up()
        assert not {operation for operation, _ in report.steps} - {"create", "update"}
        assert {key: uid for key, uid in ledger(machine, name).items() if key in after} == after
        assert tokens(machine, name) == secrets
        assert (name in listed(machine)) == (new == "helm")
        assert updater(machine, name).up().changed == 0


@pytest.mark.parametrize("mode", ["native", "helm"])
def test_a_hub_is_given_back_to_helm(machine: Machine, root: Path, mode: str) -> None:
    """The stack is gone, every object is there, and Helm upgrades the release with the same settings in place; what is
    not deployed yet is refused.
    """
    name = f"let-go-{mode}"
    file = write(machine, root, name, mode)
    updater(machine, name).up()
    before, secrets = ledger(machine, name), tokens(machine, name)
    text = file.read_text()
    file.write_text(text.replace("admin: false", "admin: true"))
    with pytest.raises(HubstackError, match="its settings are not what is deployed"):
        hand_back.hand_back(updater(machine, name))
    file.write_text(text)
    engine = updater(machine, name)
    done = hand_back.hand_back(engine)
    assert (done.release, done.revision, done.version) == (name, 1, "4.4.0")
    assert ledger(machine, name) == before, "nothing was changed"
    assert name in listed(machine)
    assert not list(machine.state.glob(f"backend/.pulumi/stacks/{PROJECT}/{name}.json"))
    settings = helm(machine, "get", "values", name, "--namespace", name, "--output", "yaml")
    assert "announce" in settings
    chart = str(project.mirrored_chart("4.4.0"))
    arguments = ["upgrade", name, chart, "--namespace", name, "--values", "-", "--wait"]
    helm(machine, *arguments, given=settings)
    assert without_pods(ledger(machine, name)) == without_pods(before)
    assert tokens(machine, name) == secrets
    after = ledger(machine, name)
    helm(machine, *arguments, given=settings)
    assert ledger(machine, name) == after
    file.write_text(f"{text}  hubstack:takeOver: {name}\n")
    with pytest.raises(HubstackError, match=f"tokens that stack {name} does not know .cookie, crypt, proxy, service"):
        updater(machine, name).up()
    assert ledger(machine, name) == after
    request = Request(f"{name}-again", machine.cluster.context, name, name, mode, machine.cluster.kubeconfig)
    adopt(request, QUIET)
    updater(machine, request.stack).up()
    assert {key: uid for key, uid in ledger(machine, name).items() if key in after} == after
