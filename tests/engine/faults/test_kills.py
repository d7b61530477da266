"""kill -9 of the command, the engine, the program or the provider, in the middle of everything that changes a hub."""

from __future__ import annotations

import json

import pytest

from hubstack.engine.provider import TAKE_OVER
from tests.engine.faults.harness import WHOLE, FaultHarness


@pytest.mark.parametrize("life", range(6 if WHOLE else 1))
def test_a_stack_from_its_first_update_to_its_end(harness: FaultHarness, life: int) -> None:
    """Deployed, changed, destroyed with its data kept, and back: the same volumes and tokens, whatever was killed."""
    name = f"life-{life}"
    harness.write(name, "native" if life % 2 == 0 else "helm", 10)
    harness.killed("up", name, "up", "--stack", name)
    harness.require_settled(name)
    harness.add_home(name)
    for number in range(4 if WHOLE else 1):
        harness.write(name, "native" if life % 2 == 0 else "helm", 20 + number)
        harness.killed("change", name, "up", "--stack", name)
    harness.require_settled(name)
    before = harness.data(name)
    assert "claim claim-ada" in before
    harness.killed("destroy", name, "destroy", "--stack", name, "--keep-data")
    harness.must("up", "--stack", name)
    assert harness.data(name) == before


@pytest.mark.long
@pytest.mark.parametrize("life", range(7 if WHOLE else 1))
def test_a_release_that_is_adopted(harness: FaultHarness, life: int) -> None:
    """Described and taken over: nothing is made anew, whatever was killed."""
    name = f"adopted-{life}"
    harness.install(name)
    before = harness.data(name)
    cluster = harness.machine.cluster
    options = ["--context", cluster.context, "--kubeconfig", str(cluster.kubeconfig), "--namespace", name]
    harness.killed("adopt", name, "adopt", *options, "--release", name, "--stack", name)
    harness.killed("take over", name, "up", "--stack", name)
    harness.require_settled(name)
    assert harness.data(name) == before
    assert name not in harness.helm("list", "--namespace", name, "--short").split()


@pytest.mark.long
@pytest.mark.parametrize("life", range(5 if WHOLE else 1))
def test_a_stack_that_switches_its_mode(harness: FaultHarness, life: int) -> None:
    """There and back: nothing is made anew, whatever was killed."""
    name = f"switched-{life}"
    harness.write(name, "helm", 10)
    harness.must("up", "--stack", name)
    harness.add_home(name)
    before = harness.data(name)
    file = harness.copy.root / f"Pulumi.{name}.yaml"
    for ours, theirs in (("helm", "native"), ("native", "helm")):
        file.write_text(file.read_text().replace(f"hubstack:mode: {ours}", f"hubstack:mode: {theirs}"))
        harness.killed("switch", name, "up", "--stack", name)
        harness.require_settled(name)
        assert harness.data(name) == before


def test_what_was_made_but_not_written(harness: FaultHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects of an update that was killed, twice in a row, before it could write them have one owner afterwards.

    With two, the next change would be a conflict of the stack with itself.
    """
    name = "unwritten"
    harness.write(name, "native", 10)
    with monkeypatch.context() as patch:
        for variable, value in TAKE_OVER.items():  # as in the second of the killed runs
            patch.setenv(variable, value)
        harness.must("up", "--stack", name)
    file = harness.copy.checkpoint(name)
    document = json.loads(file.read_text())
    state = document["checkpoint"]["latest"]
    lost = [each for each in state["resources"] if each.get("id") == f"{name}/hub"]
    assert {each["type"].rpartition(":")[2] for each in lost} >= {"Deployment", "Service", "Secret", "ConfigMap"}
    state["resources"] = [each for each in state["resources"] if each not in lost]
    unwritten = [{key: value for key, value in each.items() if key not in ("id", "outputs")} for each in lost]
    state["pending_operations"] = [{"resource": each, "type": "creating"} for each in unwritten]
    file.write_text(json.dumps(document))
    before = harness.data(name)
    harness.must("up", "--stack", name)
    harness.require_settled(name)
    harness.write(name, "native", 20)
    harness.must("up", "--stack", name)
    harness.require_settled(name)
    assert harness.data(name) == before
    hub = harness.machine.cluster.client().get(f"/apis/apps/v1/namespaces/{name}/deployments/hub")
    applied = [each["manager"] for each in hub["metadata"]["managedFields"] if each["operation"] == "Apply"]
    assert len(applied) == 1
