"""The gates of a rollout, asked of a real hub: the last one starts a server and computes in it."""

from __future__ import annotations

import re

import pytest
import yaml

from hubstack import project
from hubstack.chart import merge
from hubstack.fleet.gate_settings import AnyGate, HubHealth, Notebook, ProxyRoute, Scheduler
from hubstack.fleet.gates.check import check
from hubstack.fleet.gates.target import Target
from tests.e2e.conftest import VALUES, Hub

pytestmark = pytest.mark.long

GATES: tuple[AnyGate, ...] = (
    HubHealth(type="hub-health"),
    ProxyRoute(type="proxy-route"),
    Scheduler(type="scheduler"),
    Notebook(type="notebook"),
)


def settings_of_the_notebook_gate() -> dict:
    """What docs/fleet.md tells people to add to their values."""
    text = (project.ROOT / "docs" / "fleet.md").read_text()
    [block] = [each for each in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "loadRoles" in each]
    return yaml.safe_load(block)


@pytest.mark.long
def test_every_gate_opens_on_a_hub_that_works(hub: Hub) -> None:
    """Without its service the notebook gate is shut and says why; with the documented settings all gates open."""
    target = Target(hub.stack, hub.url)
    closed = check(Notebook(type="notebook", attempts=1), target)
    assert not closed.passed
    assert "hubstack-check" in closed.reason
    hub.up(merge.merge_files([VALUES, settings_of_the_notebook_gate()]))
    results = {gate.type: check(gate, target) for gate in GATES}
    assert {name: result.passed for name, result in results.items()} == {gate.type: True for gate in GATES}, results
    assert "computed '42' and stopped" in results["notebook"].reason
    assert not hub.pods("hub.jupyter.org/username=hubstack-check")
