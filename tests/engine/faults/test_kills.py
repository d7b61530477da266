"""kill -9 of the command, the engine, the program or the provider, in the middle of everything that changes a hub."""

from __future__ import annotations

import json

import pytest

from hubstack.lifecycle.interruption import TAKE_OVER
from tests.engine.faults.lab import WHOLE, Lab


@pytest.mark.parametrize("life", range(6 if WHOLE else 1))
def test_a_stack_from_its_first_update_to_its_end(lab: Lab, life: int) -> None:
    """Deployed, changed, destroyed with its data kept, and back: the same volumes and tokens, whatever was killed."""
    name = f"life-{life}"
    lab.write(name, "native" if life % 2 == 0 else "helm", 10)
    lab.killed("up", name, "up", "--stack", name)
    lab.require_settled(name)
    lab.add_home(name)
    for number in range(4 if WHOLE else 1):
        lab.write(name, "native" if life % 2 == 0 else "helm", 20 + number)
        lab.killed("change", name, "up", "--stack", name)
    lab.require_settled(name)
    before = lab.data(name)
    assert "claim claim-ada" in before
    lab.killed("destroy", name, "destroy", "--stack", name, "--keep-data")
    lab.must("up", "--stack", name)
    assert lab.data(name) == before


@pytest.mark.long
@pytest.mark.parametrize("life", range(7 if WHOLE else 1))
def test_a_release_that_is_adopted(lab: Lab, life: int) -> None:
    """Described and taken over: nothing is made anew, whatever was killed."""
    name = f"adopted-{life}"
    lab.install(name)
    before = lab.data(name)
    cluster = lab.machine.cluster
    options = ["--context", cluster.context, "--kubeconfig", str(cluster.kubeconfig), "--namespace", name]
    lab.killed("adopt", name, "adopt", *options, "--release", name, "--stack", name)
    lab.killed("take over", name, "up", "--stack", name)
    lab.require_settled(name)
    assert lab.data(name) == before
    assert name not in lab.helm("list", "--namespace", name, "--short").split()


@pytest.mark.long
@pytest.mark.parametrize("life", range(5 if WHOLE else 1))
def test_a_stack_that_switches_its_mode(lab: Lab, life: int) -> None:
    """There and back: nothing is made anew, whatever was killed."""
    name = f"switched-{life}"
    lab.write(name, "helm", 10)
    lab.must("up", "--stack", name)
    lab.add_home(name)
    before = lab.data(name)
    file = lab.copy.root / f"Pulumi.{name}.yaml"
    for ours, theirs in (("helm", "native"), ("native", "helm")):
        file.write_text(file.read_text().replace(f"hubstack:mode: {ours}", f"hubstack:mode: {theirs}"))
        lab.killed("switch", name, "up", "--stack", name)
        lab.require_settled(name)
        assert lab.data(name) == before


def test_what_was_made_but_not_written(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects of an update that was killed, twice in a row, before it could write them have one owner afterwards.

    With two, the next change would be a conflict of the stack with itself.
    """
    name = "unwritten"
    lab.write(name, "native", 10)
    with monkeypatch.context() as patch:
        for variable, value in TAKE_OVER.items():  # as in the second of the killed runs
            patch.setenv(variable, value)
        lab.must("up", "--stack", name)
    file = lab.copy.checkpoint(name)
    document = json.loads(file.read_text())
    state = document["checkpoint"]["latest"]
    lost = [each for each in state["resources"] if each.get("id") == f"{name}/hub"]
    assert {each["type"].rpartition(":")[2] for each in lost} >= {"Deployment", "Service", "Secret", "ConfigMap"}
    state["resources"] = [each for each in state["resources"] if each not in lost]
    unwritten = [{key: value for key, value in each.items() if key not in ("id", "outputs")} for each in lost]
    state["pending_operations"] = [{"resource": each, "type": "creating"} for each in unwritten]
    file.write_text(json.dumps(document))
    before = lab.data(name)
    lab.must("up", "--stack", name)
    lab.require_settled(name)
    lab.write(name, "native", 20)
    lab.must("up", "--stack", name)
    lab.require_settled(name)
    assert lab.data(name) == before
    hub = lab.machine.cluster.client().get(f"/apis/apps/v1/namespaces/{name}/deployments/hub")
    applied = [each["manager"] for each in hub["metadata"]["managedFields"] if each["operation"] == "Apply"]
    assert len(applied) == 1
