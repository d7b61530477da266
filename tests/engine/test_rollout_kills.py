"""A rollout that one machine began is finished by two others, after kills of whichever ran it, with all it had started.

The machines have host names, processes and disks of their own; they share the folder of the backend, and a repository.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.engine.conftest import Machine
from tests.engine.fleet_copy import PROJECT, FleetCopy
from tests.engine.test_rollout_elsewhere import another_machine, mark

pytestmark = pytest.mark.long

STACKS = {"a": {"tier": "canary"}, "b": {"tier": "prod"}}

APPROVED = ("--approve", "prod")
MOMENTS: list[tuple[str, str, float, tuple[str, ...]]] = [
    # event, a text in it, seconds after it, options
    ("rollout", "started", 0.0, ()),
    ("doing", "asking the cluster", 0.0, ()),
    ("doing", "read state", 0.0, ()),
    ("doing", "run engine", 0.0, ()),
    ("doing", "run engine", 0.5, ()),
    ("doing", "run engine", 1.0, ()),
    ("doing", "run engine", 1.5, ()),
    ("doing", "run engine", 2.0, ()),
    ("doing", "run engine", 3.0, ()),
    ("doing", "gate hub-health", 0.0, ()),
    ("gate", "succeeded", 0.0, ()),
    ("stack", "succeeded", 0.2, ()),
    ("wait", "bakes", 0.0, ()),
    ("wait", "bakes", 1.0, ()),
    ("wait", "bakes", 2.0, ()),
    ("wave", '"succeeded"', 0.0, ()),
    ("end", "paused", 0.0, ()),
    ("wave", "prod", 0.0, APPROVED),
    ("doing", "run engine", 0.0, ()),
    ("doing", "run engine", 1.0, ()),
    ("doing", "run engine", 2.5, ()),
]
"""When a machine is killed: in the first wave's update, at its gate, in its bake, before the approval, after it."""


@pytest.fixture(scope="module")
def hub() -> Iterator[int]:
    """The port of a server that opens every gate."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


@pytest.fixture(scope="module")
def fleet(machine: Machine, hub: int, tmp_path_factory: pytest.TempPathFactory) -> FleetCopy:
    """Two stacks in two waves; the first has a gate and bakes, the second waits for an approval."""
    folder = tmp_path_factory.mktemp("kills")
    copy = FleetCopy.make(folder / "project", folder / "state")
    copy.values("common.yaml", hub={"concurrentSpawnLimit": 1})
    for name in STACKS:
        kubeconfig = machine.cluster.kubeconfig
        copy.stack(name, machine.cluster.context, kubeconfig, ["common.yaml"], namespace=f"kills-{name}")
    gate = {"type": "hub-health", "url": f"http://127.0.0.1:{hub}"}
    waves: list[dict[str, Any]] = [
        {"name": "canary", "select": "tier=canary", "gates": [gate], "bakeTime": "2m"},
        {"name": "prod", "select": "tier=prod", "approval": "manual"},
    ]
    copy.fleet(STACKS, waves)
    copy.commit()
    (copy.state / "backend").mkdir(parents=True)
    (copy.state / "passphrase").write_text("a passphrase that all machines have")
    return copy


def kill_at(running: subprocess.Popen[str], event: str, text: str, seconds: float) -> str:
    """Read events until one has a text, and kill the machine some seconds later; gives the rollout."""
    assert running.stdout is not None
    seen = []
    for line in running.stdout:
        seen.append(line)
        if line.startswith("{") and json.loads(line)["event"] == event and text in line:
            break
    else:
        raise AssertionError(f"{event} {text!r} never came: {''.join(seen[-20:])}")
    time.sleep(seconds)
    running.kill()
    running.wait()
    return next(json.loads(line)["rollout"] for line in seen if '"event": "rollout"' in line)


def test_two_machines_finish_what_a_third_began(fleet: FleetCopy) -> None:
    """Killed at twenty moments, by turns, two machines finish what a third one began: every stack has the revision that
    the rollout began with, nothing is owed, and no lock and no pending operation is left."""
    commit = fleet.git("rev-parse", "HEAD")
    begun, *others = (fleet.elsewhere(name, launcher=another_machine(name)) for name in ("one", "two", "three"))
    with begun.start("up", "--json") as running:
        rollout = kill_at(running, *MOMENTS[0][:3])
    fleet.values("common.yaml", hub={"concurrentSpawnLimit": 999})
    fleet.commit()
    for number, (event, text, seconds, options) in enumerate(MOMENTS[1:]):
        with others[number % 2].start("resume", "--take-over", "--json", *options) as running:
            assert kill_at(running, event, text, seconds) == rollout
    code, output = others[0].run("resume", "--take-over")
    assert code == 0, output
    assert [mark(fleet, stack)["commit"] for stack in STACKS] == [commit] * 2
    for each in (begun, *others):
        facts = each.facts("status")
        assert (facts["rollout"], facts["state"]) == (rollout, "succeeded")
        assert each.actions() == dict.fromkeys(STACKS, "skip"), "nothing of its revision is owed"
    backend = fleet.state / "backend" / ".pulumi"
    assert list(backend.glob("locks/**/*.json")) == []
    for stack in STACKS:
        state = json.loads((backend / "stacks" / PROJECT / f"{stack}.json").read_text())
        assert not state["checkpoint"]["latest"].get("pending_operations")
