"""A state file that is lost: the suite's tests of adoption look at the same from nearer by."""

from __future__ import annotations

import pytest

from tests.engine.faults.lab import Figure, Lab


@pytest.mark.long
@pytest.mark.parametrize("mode", ["native", "helm"])
def test_a_state_that_is_lost(lab: Lab, mode: str) -> None:
    """`recover`, and the hub goes on with its volumes and tokens."""
    name = f"forgotten-{mode}"
    lab.write(name, mode, 10)
    lab.must("up", "--stack", name)
    lab.add_home(name)
    before = lab.data(name)
    for state in lab.copy.checkpoint(name).parent.glob(f"{name}.json*"):
        state.unlink()
    code, output = lab.run("up", "--stack", name)
    assert code == 1
    assert f"hubstack recover --stack {name}" in output
    lab.must("recover", "--stack", name)
    lab.must("up", "--stack", name)
    lab.figures.append(Figure("up", f"state lost, mode {mode}", 1, lab.lost(before, name)))
    assert lab.figures[-1].losses == []
    lab.require_settled(name)
