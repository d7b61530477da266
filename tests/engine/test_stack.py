"""What an update refuses and survives, on the real engine and a real API server."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from hubstack import project
from hubstack.commands import session
from hubstack.errors import HubstackError
from hubstack.lifecycle import prerequisites
from hubstack.lifecycle.updates import Updater
from tests.engine.conftest import Machine


def state_text(machine: Machine, stack: str) -> str:
    """The stack's state file as it lies in the backend."""
    (file,) = machine.state.glob(f"backend/.pulumi/stacks/hubstack/{stack}.json")
    return file.read_text()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"hubstack:mode": "nativ"}, "hubstack:mode: 'nativ'"),
        ({"hubstack:namespaces": "x"}, "hubstack:namespaces: unknown key; did you mean hubstack:namespace?"),
        ({"hubstack:values": {"hub": {"db": {"typ": 1}}}}, "hub.db.typ: unknown key; did you mean 'type'?"),
        (
            {"hubstack:values": {"hub": {"extraConfig": {"10-a": "c.A.b = ("}}}},
            "hub.extraConfig.10-a: line 1: '(' was never closed; the hub would not start",
        ),
        ({"hubstack:valuesFiles": ["none.yaml"]}, "none.yaml"),
        ({"hubstack:chart": {"version": "3.3.8"}}, "hubstack:chart.version: '3.3.8'"),
        ({"hubstack:kubeContext": "elsewhere"}, "no such context"),
    ],
)
def test_bad_settings_are_one_clear_error(machine: Machine, config: dict, message: str) -> None:
    """A wrong setting ends the update with its name, without a traceback and with nothing registered."""
    stack = machine.stack()
    stack = type(stack)(
        name="bad", base="dev", config={**stack.config, **config}, document={"config": {**stack.config, **config}}
    )
    updater = machine.updater(stack)
    with pytest.raises(HubstackError) as error:
        updater.up()
    assert message in str(error.value)
    assert "Traceback" not in str(error.value)
    assert '"resources"' not in state_text(machine, "bad") or "jupyterhub" not in state_text(machine, "bad")


def test_doubts_about_settings_are_said_once(machine: Machine) -> None:
    """A name that the hub does not know is said before an update, once, and stops nothing."""
    stack = machine.stack()
    values = {"hub": {"config": {"GitHubOAuthenticator": {"allowed_organisations": ["x"]}}}}
    config = {**stack.config, "hubstack:values": values, "hubstack:namespace": "doubtful"}
    said = io.StringIO()
    stack = type(stack)(name="doubtful", base="dev", config=config, document={"config": config})
    updater = Updater(stack, session.engine_environment(machine.tools), Console(file=said, width=250))
    report = updater.preview()
    message = (
        "hubstack:values: hub.config.GitHubOAuthenticator.allowed_organisations: "
        "GitHubOAuthenticator has no such trait, so JupyterHub ignores this; did you mean 'allowed_organizations'?"
    )
    assert report.warnings == [message]
    assert report.changes["create"] > 20
    assert said.getvalue().count(f"warning: {message}") == 1


def test_unreachable_cluster_names_context_and_server(machine: Machine, tmp_path: Path) -> None:
    """A cluster that does not answer ends the update with the context's and the server's name."""
    document = yaml.safe_load(machine.cluster.kubeconfig.read_text())
    document["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(document))
    stack = machine.stack()
    config = {**stack.config, "hubstack:kubeconfig": str(kubeconfig)}
    stack = type(stack)(name="unreachable", base="dev", config=config, document={"config": config})
    with pytest.raises(HubstackError, match=r"hubstack-sim.*https://127\.0\.0\.1:1 cannot be reached"):
        machine.updater(stack).up()


def test_missing_permission_is_one_clear_error(machine: Machine, tmp_path: Path) -> None:
    """A user without rights learns who may not do what, and nothing of the hub is there."""
    client = machine.cluster.client()
    account = "/api/v1/namespaces/default/serviceaccounts"
    client.request("POST", account, {"metadata": {"name": "nobody"}})
    token = client.request("POST", f"{account}/nobody/token", {"spec": {}})["status"]["token"]
    document = yaml.safe_load(machine.cluster.kubeconfig.read_text())
    document["users"][0]["user"] = {"token": token}
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(document))
    stack = machine.stack()
    config = {**stack.config, "hubstack:kubeconfig": str(kubeconfig), "hubstack:namespace": "forbidden"}
    stack = type(stack)(name="forbidden", base="dev", config=config, document={"config": config})
    with pytest.raises(HubstackError, match=r"default:nobody.* cannot") as error:
        machine.updater(stack).up()
    assert "Traceback" not in str(error.value)
    assert client.find("/api/v1/namespaces/forbidden") is None


@pytest.mark.parametrize(
    ("mode", "moment"), [("native", "created PersistentVolumeClaim"), ("helm", "created Namespace")]
)
def test_killed_update_continues(machine: Machine, tmp_path: Path, mode: str, moment: str) -> None:
    """After kill -9 in the middle, the next update ends as an undisturbed one does, and destroy leaves nothing."""
    stack = machine.stack(mode=mode)
    values = tmp_path / f"killed-{mode}.yaml"
    values.write_text("cull: {enabled: false}\n")
    command = [sys.executable, "-m", "hubstack", "up", "--mode", mode, "--values", str(values)]
    command += ["--context", machine.cluster.context]
    environment = {**os.environ, "KUBECONFIG": str(machine.cluster.kubeconfig), "COLUMNS": "200"}
    with subprocess.Popen(command, cwd=project.ROOT, env=environment, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert any(moment in line for line in running.stdout), "the update ended before it could be killed"
        running.kill()
    stack = machine.stack(mode=mode, values=(values,))
    updater = machine.updater(stack)
    assert updater.up().outputs["mode"] == mode
    assert updater.up().changed == 0
    updater.destroy()
    assert machine.cluster.client().find(f"/api/v1/namespaces/{stack.namespace}") is None


def test_a_trial_gets_what_its_values_name(machine: Machine, tmp_path: Path) -> None:
    """Classes and node labels that the values name and the embedded cluster lacks are made, and said."""
    values = tmp_path / "foreign.yaml"
    values.write_text(
        "hub:\n  extraPodSpec: {priorityClassName: core}\n  nodeSelector: {pool: core}\n"
        "  db: {pvc: {storageClassName: premium}}\nsingleuser: {storage: {dynamic: {storageClass: homes}}}\n"
    )
    stack = machine.stack(values=(values,))
    said = io.StringIO()
    prerequisites.make_missing(stack, Console(file=said, width=200))
    names = ("PriorityClass core", "StorageClass homes", "StorageClass premium", "a node with pool=core")
    assert [name for name in names if name not in said.getvalue()] == []
    again = io.StringIO()
    prerequisites.make_missing(stack, Console(file=again))
    assert again.getvalue() == ""
    client = machine.cluster.client()
    assert client.find("/apis/scheduling.k8s.io/v1/priorityclasses/core")
    nodes = client.get("/api/v1/nodes")["items"]
    assert sum(node["metadata"]["labels"].get("pool") == "core" for node in nodes) == 1
