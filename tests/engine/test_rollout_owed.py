"""What a rollout still owes is in the backend: gates that stayed shut, bakes that were cut short, for every machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.engine.conftest import Machine
from tests.engine.fleet_copy import PROJECT, FleetCopy

STACKS = {"a": {"tier": "canary"}, "b": {"tier": "prod"}}


@dataclass
class Hub:
    """What answers a gate, as the test wants it."""

    status: int = 503
    port: int = 0

    def waves(self, **canary: Any) -> list[dict[str, Any]]:
        """Two waves, the first with a gate that asks this."""
        gate = {"type": "hub-health", "url": f"http://127.0.0.1:{self.port}", "attempts": 1}
        return [
            {"name": "canary", "select": "tier=canary", "gates": [gate], **canary},
            {"name": "prod", "select": "tier=prod"},
        ]


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """A server on this machine."""
    found = Hub()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            self.send_response(found.status)
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()


@pytest.fixture(scope="module")
def fleet(machine: Machine, hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> FleetCopy:
    """Two stacks in two waves on one cluster, nothing of it deployed."""
    folder = tmp_path_factory.mktemp("owed")
    copy = FleetCopy.make(folder / "project", folder / "state")
    copy.values("common.yaml", hub={"concurrentSpawnLimit": 10})
    for name in STACKS:
        kubeconfig = machine.cluster.kubeconfig
        copy.stack(name, machine.cluster.context, kubeconfig, ["common.yaml"], namespace=f"owed-{name}")
    copy.fleet(STACKS, hub.waves())
    copy.commit()
    return copy


def updates(copy: FleetCopy, stack: str) -> int:
    """How many operations the backend's history has of a stack."""
    folder = (copy.shared or copy.state) / "backend" / ".pulumi" / "history" / PROJECT / stack
    return len(list(folder.glob("*.history.json")))


def test_a_shut_gate_is_not_forgotten(fleet: FleetCopy, hub: Hub) -> None:
    """After a gate stayed shut, no machine takes the stack for done, asks again without an update, and goes on to the
    next wave only once the gate has opened."""
    hub.status = 503
    code, output = fleet.run("up")
    assert code == 3, output
    assert fleet.actions() == {"a": "gate", "b": "up"}
    before = updates(fleet, "a")
    for copy in (fleet, fleet.elsewhere("second")):
        code, output = copy.run("up")
        assert code == 3, output
        assert copy.states() == {"a": "failed", "b": "waiting"}
    assert "its gates have not opened" in str(fleet.facts("plan")["items"])
    hub.status = 200
    code, output = fleet.run("up")
    assert code == 0, output
    assert fleet.actions() == {"a": "skip", "b": "skip"}
    assert updates(fleet, "a") == before


def test_a_bake_that_was_cut_short_is_not_forgotten(fleet: FleetCopy, hub: Hub) -> None:
    """A stack whose wave has not baked is due on every machine, and the next wave waits for the bake."""
    hub.status = 200
    fleet.values("common.yaml", hub={"concurrentSpawnLimit": 20})
    fleet.fleet(STACKS, hub.waves(bakeTime="1h"))
    fleet.commit()
    with fleet.start("up") as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "bakes for" in line:
                break
        running.kill()
    fleet.run("abort")
    other = fleet.elsewhere("third")
    assert other.actions() == {"a": "gate", "b": "up"}
    assert "its wave has not baked" in str(other.facts("plan")["items"])
    before = updates(fleet, "a")
    other.fleet(STACKS, hub.waves(bakeTime="1s"))
    code, output = other.run("up")
    assert code == 0, output
    assert output.index("bakes for 1s") < output.index("wave prod: started")
    assert updates(fleet, "a") == before
    assert other.actions() == {"a": "skip", "b": "skip"}


def test_an_older_rollout_does_not_go_over_a_newer_one(fleet: FleetCopy, hub: Hub) -> None:
    """Resume and rollback of an older rollout are refused and name the newer one; whoever insists may."""
    fleet.fleet(STACKS, [*hub.waves()[:1], {**hub.waves()[1], "approval": "manual"}])
    fleet.values("common.yaml", hub={"concurrentSpawnLimit": 30})
    fleet.commit()
    hub.status = 503
    assert fleet.run("up")[0] == 3
    older = fleet.facts("status")["rollout"]
    hub.status = 200
    fleet.values("common.yaml", hub={"concurrentSpawnLimit": 40})
    fleet.commit()
    code, output = fleet.run("up", "--approve", "prod")
    assert code == 0, output
    newer = fleet.facts("status")["rollout"]
    for command in ("resume", "rollback"):
        code, output = fleet.run(command, "--rollout", older)
        assert code == 1
        assert f"rollout {newer} came after it" in output.replace("\n", " ")
    assert fleet.actions() == {"a": "skip", "b": "skip"}
    code, output = fleet.run("rollback", "--rollout", older, "--force")
    assert code == 0, output
    assert fleet.actions()["a"] == "up"
