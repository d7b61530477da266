"""A state file that is lost: the suite's tests of adoption look at the same from nearer by."""

from __future__ import annotations

import pytest

from tests.engine.faults.harness import FaultHarness, Figure


@pytest.mark.long
@pytest.mark.parametrize("mode", ["native", "helm"])
def test_a_state_that_is_lost(harness: FaultHarness, mode: str) -> None:
    """`recover`, and the hub goes on with its volumes and tokens."""
    name = f"forgotten-{mode}"
    harness.write(name, mode, 10)
    harness.must("up", "--stack", name)
    harness.add_home(name)
    before = harness.data(name)
    for state in harness.copy.checkpoint(name).parent.glob(f"{name}.json*"):
        state.unlink()
    code, output = harness.run("up", "--stack", name)
    assert code == 1
    assert f"hubstack recover --stack {name}" in output
    harness.must("recover", "--stack", name)
    harness.must("up", "--stack", name)
    harness.figures.append(Figure("up", f"state lost, mode {mode}", 1, harness.lost(before, name)))
    assert harness.figures[-1].losses == []
    harness.require_settled(name)
