"""Rollouts change the manager of a hub as `hubstack up` does: in place, through a kill, and back."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from hubstack.commands import session
from tests.engine import former_state
from tests.engine.conftest import Machine
from tests.engine.faults import ledger
from tests.engine.fleet_copy import FleetCopy
from tests.engine.test_adoption import install, listed
from tests.engine.test_rollout import lines_until

SWITCHED, ADOPTED, MOVED = "rolled-switch", "rolled-adoption", "rolled-key"


@pytest.fixture(scope="module")
def fleet(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> FleetCopy:
    """A stack in mode helm and a stack that adoption has described, neither of them deployed."""
    folder = tmp_path_factory.mktemp("migrations")
    copy = FleetCopy.make(folder / "project", folder / "state")
    cluster = machine.cluster
    copy.stack(SWITCHED, cluster.context, cluster.kubeconfig, mode="helm", protectData="true")
    install(machine, ADOPTED)
    options = ["--context", cluster.context, "--kubeconfig", str(cluster.kubeconfig), "--namespace", ADOPTED]
    with copy.command("adopt", *options, "--release", ADOPTED, "--stack", ADOPTED) as adopting:
        output, _ = adopting.communicate()
    assert adopting.returncode == 0, output
    stacks = {SWITCHED: {"tier": "prod"}, ADOPTED: {"tier": "prod"}}
    copy.fleet(stacks, [{"name": "prod", "select": "tier=prod"}], maxParallel=1)
    copy.commit()
    return copy


def identities(machine: Machine, namespace: str) -> dict[str, str]:
    """What may not be lost, and the uid of each Deployment, which a change of manager must not make anew."""
    client = machine.cluster.client()
    found = client.get(f"/apis/apps/v1/namespaces/{namespace}/deployments")["items"]
    return {**ledger.data(client, namespace), **{each["metadata"]["name"]: each["metadata"]["uid"] for each in found}}


def pods(machine: Machine, namespace: str) -> dict[str, str]:
    """Uid of the pods of hub and proxy."""
    found = machine.cluster.client().get(f"/api/v1/namespaces/{namespace}/pods")["items"]
    return {
        each["metadata"]["name"]: each["metadata"]["uid"]
        for each in found
        if each["metadata"]["labels"].get("component") in ("hub", "proxy")
    }


def set_mode(fleet: FleetCopy, old: str, new: str) -> None:
    """Change the mode in the stack's file, as somebody would."""
    file = fleet.root / f"Pulumi.{SWITCHED}.yaml"
    text = file.read_text()
    assert f"hubstack:mode: {old}" in text
    file.write_text(text.replace(f"hubstack:mode: {old}", f"hubstack:mode: {new}"))


def test_an_adopted_stack_is_taken_over_by_a_rollout(fleet: FleetCopy, machine: Machine) -> None:
    """Nothing is made anew, no pod restarts, Helm gives the release up, and the next rollout has nothing to do."""
    before, running = identities(machine, ADOPTED), pods(machine, ADOPTED)
    code, output = fleet.run("up", "--stack", ADOPTED)
    assert code == 0, output
    assert (identities(machine, ADOPTED), pods(machine, ADOPTED)) == (before, running)
    assert ADOPTED not in listed(machine)
    assert fleet.actions()[ADOPTED] == "skip"


def test_a_rollout_switches_the_mode(fleet: FleetCopy, machine: Machine) -> None:
    """There, killed and resumed, and back by a rollback: nothing is made anew, and the files say what goes on."""
    code, output = fleet.run("up", "--stack", SWITCHED)
    assert code == 0, output
    before, running = identities(machine, SWITCHED), pods(machine, SWITCHED)
    set_mode(fleet, "helm", "native")
    (item,) = (each for each in fleet.facts("plan")["items"] if each["stack"] == SWITCHED)
    assert (item["action"], item["reason"]) == ("up", "switches from mode helm to mode native, in place")
    with fleet.start("up", "--json", "--stack", SWITCHED) as rollout:
        lines_until(rollout, "creating ConfigMap")
        rollout.kill()
    code, output = fleet.run("resume")
    assert code == 0, output
    assert (identities(machine, SWITCHED), pods(machine, SWITCHED)) == (before, running)
    assert SWITCHED not in listed(machine)
    assert fleet.actions()[SWITCHED] == "skip"
    assert f"hubstack:takeOver: {SWITCHED}" in (fleet.root / f"Pulumi.{SWITCHED}.yaml").read_text()
    code, output = fleet.run("rollback")
    assert code == 0, output
    assert identities(machine, SWITCHED) == before
    assert SWITCHED in listed(machine)


@pytest.mark.long
def test_a_rollout_moves_the_key_of_an_earlier_version(machine: Machine, tmp_path: Path) -> None:
    """A setting changes, no token does, and the id that told the key is gone from the state."""
    copy = FleetCopy.make(tmp_path / "project", tmp_path / "state")
    copy.stack(MOVED, machine.cluster.context, machine.cluster.kubeconfig)
    copy.fleet({MOVED: {"tier": "prod"}}, [{"name": "prod", "select": "tier=prod"}])
    copy.commit()
    code, output = copy.run("up")
    assert code == 0, output
    before = ledger.data(machine.cluster.client(), MOVED)
    variables = {
        **session.engine_environment(machine.tools),
        "PULUMI_BACKEND_URL": f"file://{copy.state / 'backend'}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(copy.state / "passphrase"),
    }

    def pulumi(*arguments: str, given: str = "") -> str:
        command = ["pulumi", "stack", *arguments, "--stack", MOVED]
        done = subprocess.run(
            command, cwd=copy.root, env=variables, input=given, capture_output=True, text=True, check=True
        )
        return done.stdout

    former = former_state.former(json.loads(pulumi("export", "--show-secrets")))
    pulumi("import", given=json.dumps(former))
    copy.values("changed.yaml", cull={"timeout": 60})
    copy.stack(MOVED, machine.cluster.context, machine.cluster.kubeconfig, values=["changed.yaml"])
    copy.commit()
    code, output = copy.run("up")
    assert code == 0, output
    assert ledger.data(machine.cluster.client(), MOVED) == before
    assert former_state.key_id(former) not in pulumi("export", "--show-secrets")
    assert copy.actions() == {MOVED: "skip"}
