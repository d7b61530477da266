"""What holds data stays: through updates, through a plain `pulumi destroy`, and through `hubstack destroy`."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from hubstack.commands import session
from hubstack.engine.state import CLAIM
from hubstack.errors import HubstackError
from hubstack.lifecycle import destroy
from hubstack.lifecycle.updates import Updater
from hubstack.project import stacks
from tests.engine.conftest import Machine

QUIET = Console(quiet=True)
MEMORY = "hubstack:values: {hub: {db: {type: sqlite-memory}}}"


def write(machine: Machine, root: Path, name: str, mode: str, *lines: str) -> None:
    """The stack's file; its data is protected unless a line says otherwise."""
    text = (
        f"config:\n  hubstack:mode: {mode}\n  hubstack:namespace: {name}\n"
        f"  hubstack:kubeContext: {machine.cluster.context}\n  hubstack:kubeconfig: {machine.cluster.kubeconfig}\n"
    )
    (root / f"Pulumi.{name}.yaml").write_text(text + "".join(f"  {line}\n" for line in lines))


def updater(machine: Machine, name: str) -> Updater:
    """The engine on a stack."""
    return Updater(stacks.select(name), session.engine_environment(machine.tools), QUIET)


def claims(machine: Machine, namespace: str) -> dict[str, str]:
    """Name and uid of each volume claim."""
    found = machine.cluster.client().get(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims")["items"]
    return {each["metadata"]["name"]: each["metadata"]["uid"] for each in found}


def tokens(machine: Machine, namespace: str) -> dict[str, str]:
    """The tokens in the hub's Secret."""
    data = machine.cluster.client().get(f"/api/v1/namespaces/{namespace}/secrets/hub")["data"]
    return {key: value for key, value in data.items() if key != "values.yaml"}


def deployments(machine: Machine, namespace: str) -> list[str]:
    """Names of the Deployments."""
    found = machine.cluster.client().get(f"/apis/apps/v1/namespaces/{namespace}/deployments")["items"]
    return [each["metadata"]["name"] for each in found]


def add_home(machine: Machine, namespace: str) -> None:
    """A person's volume, as the spawner makes it."""
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "claim-ada"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    machine.cluster.client().request("POST", f"/api/v1/namespaces/{namespace}/persistentvolumeclaims", claim)


def let_claim_go(machine: Machine, name: str, mode: str) -> None:
    """What docs/adoption.md says before a hub goes on without the claim of its database."""
    if mode == "helm":
        keep = {"metadata": {"annotations": {"helm.sh/resource-policy": "keep"}}}
        machine.cluster.client().merge(f"/api/v1/namespaces/{name}/persistentvolumeclaims/hub-db-dir", keep)
        return

    updater(machine, name).edit_state(
        lambda state: state.map(lambda each: replace(each, protect=each.protect and each.type != CLAIM))
    )


@pytest.mark.parametrize("mode", ["native", "helm"])
def test_data_outlives_its_hub(machine: Machine, root: Path, mode: str) -> None:
    """Updates that would replace the database are refused, and so is a destroy that does not say what becomes of it;
    kept, the same data and tokens are the hub's again; deleted, nothing is left.
    """
    name = f"safe-{mode}"
    write(machine, root, name, mode)
    updater(machine, name).up()
    add_home(machine, name)
    before, secrets = claims(machine, name), tokens(machine, name)
    write(machine, root, name, mode, "hubstack:values: {hub: {db: {pvc: {storageClassName: other}}}}")
    with pytest.raises(HubstackError, match=r"hub.db.pvc.storageClassName: None -> 'other'\n.*Nothing was changed"):
        updater(machine, name).up()
    write(machine, root, name, mode, MEMORY)
    with pytest.raises(HubstackError, match=r"hub.db.type: 'sqlite-pvc' -> 'sqlite-memory'\n"):
        updater(machine, name).up()
    write(machine, root, name, mode)

    engine, stack = updater(machine, name), stacks.select(name)
    done = subprocess.run(
        [machine.tools["pulumi"], "destroy", "--yes", "--stack", name, "--cwd", str(stack.folder)],
        env={**os.environ, **session.engine_environment(machine.tools)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode
    assert "protected" in done.stdout + done.stderr
    with pytest.raises(HubstackError, match=r"(?s)Namespace.*hub-db-dir.*1 home volumes: .*claim-ada.*--keep-data"):
        destroy.destroy(engine, keep=False, delete=False)
    with pytest.raises(HubstackError, match="--delete-data: hubstack:protectData of stack"):
        destroy.destroy(engine, keep=False, delete=True)
    assert claims(machine, name) == before
    assert deployments(machine, name), "nothing was changed"

    destroy.destroy(engine, keep=True, delete=False)
    assert claims(machine, name) == before
    assert deployments(machine, name) == []
    assert updater(machine, name).up().changed
    assert claims(machine, name) == before
    assert tokens(machine, name) == secrets

    let_claim_go(machine, name, mode)
    write(machine, root, name, mode, MEMORY)
    updater(machine, name).up()
    assert claims(machine, name) == before, "forgotten, and not deleted"
    write(machine, root, name, mode, 'hubstack:protectData: "false"', MEMORY)
    destroy.destroy(updater(machine, name), keep=False, delete=True)
    namespaces = machine.cluster.client().get("/api/v1/namespaces")["items"]
    assert name not in {each["metadata"]["name"] for each in namespaces}


def test_a_database_volume_grows_in_place(machine: Machine, root: Path) -> None:
    """A larger size is not another claim."""
    write(machine, root, "grows", "native", 'hubstack:protectData: "false"')
    updater(machine, "grows").up()
    before = claims(machine, "grows")
    write(
        machine, root, "grows", "native", 'hubstack:protectData: "false"',
        "hubstack:values: {hub: {db: {pvc: {storage: 2Gi}}}}",
    )  # fmt: skip
    report = updater(machine, "grows").up()
    assert "replace" not in report.changes
    assert claims(machine, "grows") == before
    updater(machine, "grows").destroy()
