"""A rollout that one machine began is finished by two others, whenever the first was killed, with all it had started.

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

MOMENTS = [
    # event, a text in it, seconds after it
    ("rollout", "started", 0.0),
    ("wave", "canary", 0.0),
    ("doing", "asking the cluster", 0.0),
    ("doing", "read state", 0.0),
    ("doing", "refuse data loss", 0.2),
    ("doing", "run engine", 0.0),
    ("doing", "run engine", 0.5),
    ("doing", "run engine", 1.0),
    ("doing", "run engine", 1.5),
    ("doing", "run engine", 2.0),
    ("doing", "run engine", 3.0),
    ("doing", "updating", 0.0),
    ("doing", "gate hub-health", 0.0),
    ("gate", "succeeded", 0.0),
    ("gate", "succeeded", 0.2),
    ("stack", "succeeded", 0.0),
    ("wait", "bakes", 0.0),
    ("wait", "bakes", 1.0),
    ("wave", "succeeded", 0.0),
    ("end", "paused", 0.0),
    ("wave", "prod", 0.0),
    ("wave", "prod", 3.0),
]
"""When the first machine is killed: in an update, at a gate, in a bake, before an approval, in the wave after it."""


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
    """Two deployed stacks in two waves; the first has a gate and bakes, the second waits for an approval."""
    folder = tmp_path_factory.mktemp("kills")
    copy = FleetCopy.make(folder / "project", folder / "state")
    copy.values("common.yaml", hub={"concurrentSpawnLimit": 1})
    for name in STACKS:
        kubeconfig = machine.cluster.kubeconfig
        copy.stack(name, machine.cluster.context, kubeconfig, ["common.yaml"], namespace=f"kills-{name}")
    gate = {"type": "hub-health", "url": f"http://127.0.0.1:{hub}"}
    waves: list[dict[str, Any]] = [
        {"name": "canary", "select": "tier=canary", "gates": [gate], "bakeTime": "3s"},
        {"name": "prod", "select": "tier=prod", "approval": "manual"},
    ]
    copy.fleet(STACKS, waves)
    copy.commit()
    code, output = copy.run("up", "--approve", "prod")
    assert code == 0, output
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


@pytest.mark.parametrize(("number", "moment"), list(enumerate(MOMENTS)))
def test_two_machines_finish_what_a_third_began(fleet: FleetCopy, number: int, moment: tuple[str, str, float]) -> None:
    """Killed at any moment, the rollout is gone on with by a second machine and finished by a third; every stack has
    the revision that the rollout began with, nothing is owed, and no lock and no pending operation is left."""
    fleet.values("common.yaml", hub={"concurrentSpawnLimit": 100 + number})
    commit = fleet.commit()
    machines = [fleet.elsewhere(f"m{number}-{n}", launcher=another_machine(f"m{number}-{n}")) for n in range(3)]
    is_later = "prod" in moment
    with machines[0].start("up", "--json", *(["--approve", "prod"] if is_later else [])) as running:
        rollout = kill_at(running, *moment)
    fleet.values("common.yaml", hub={"concurrentSpawnLimit": 999})
    fleet.commit()
    code, output = machines[1].run("resume", "--rollout", rollout, "--take-over")
    assert code == (0 if is_later else 5), output
    if not is_later:
        code, output = machines[2].run("resume", "--approve", "prod")
        assert code == 0, output
    facts = machines[2].facts("status")
    assert (facts["rollout"], facts["state"]) == (rollout, "succeeded")
    assert [mark(fleet, stack)["commit"] for stack in STACKS] == [commit] * 2
    assert machines[2].actions() == dict.fromkeys(STACKS, "skip"), "nothing of its revision is owed"
    backend = fleet.state / "backend" / ".pulumi"
    assert list(backend.glob("locks/**/*.json")) == []
    for stack in STACKS:
        state = json.loads((backend / "stacks" / PROJECT / f"{stack}.json").read_text())
        assert not state["checkpoint"]["latest"].get("pending_operations")
