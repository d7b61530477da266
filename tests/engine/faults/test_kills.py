"""kill -9 of the command, the engine, the program or the provider, in the middle of everything that changes a hub."""

from __future__ import annotations

import pytest

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
