"""What an interrupted update leaves behind, without engine and cluster."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hubstack.engine import locks
from hubstack.engine.state import State
from hubstack.errors import HubstackError
from hubstack.lifecycle import interruption
from hubstack.project import stacks

DEV = stacks.Stack(name="dev", base="dev", config={}, document={})


def lock(backend: Path, pid: int, host: str, taken: datetime) -> Path:
    """A lock file as the engine's local backend writes it."""
    file = backend / ".pulumi/locks/organization/hubstack/dev/0.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"pid": pid, "hostname": host, "timestamp": taken.isoformat().replace("+00:00", "Z")}))
    return file


def ended_process() -> int:
    """Id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as done:
        pass
    return done.pid


def test_the_lock_of_an_ended_process_goes(tmp_path: Path) -> None:
    """A lock whose process on this machine has ended stops nobody."""
    file = lock(tmp_path, ended_process(), socket.gethostname(), datetime.now(UTC))
    locks.settle(tmp_path, DEV, print)
    assert not file.exists()


def test_the_lock_of_another_project_stays(tmp_path: Path) -> None:
    """In one backend, two projects may have stacks of the same name."""
    file = lock(tmp_path, ended_process(), socket.gethostname(), datetime.now(UTC))
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    locks.settle(tmp_path, replace(DEV, root=tmp_path), print)
    assert file.exists()


def test_a_reused_process_id_is_not_the_holder(tmp_path: Path) -> None:
    """A process that started after the lock was taken cannot have taken it."""
    file = lock(tmp_path, os.getpid(), socket.gethostname(), datetime.now(UTC) - timedelta(days=400))
    locks.settle(tmp_path, DEV, print)
    assert not file.exists()


def test_a_lock_that_a_full_disk_left_unwritten_goes(tmp_path: Path) -> None:
    """The engine would give up at a lock file that is not JSON, however much room there is by then."""
    whole = lock(tmp_path, 1, "another-machine", datetime.now(UTC))
    broken = whole.with_name("1.json.18ead3be7ea07616.tmp")
    broken.touch()
    locks.settle(tmp_path, DEV, print)
    assert (whole.exists(), broken.exists()) == (True, False)


def test_a_living_update_keeps_its_lock(tmp_path: Path) -> None:
    """An update that somebody waits for is neither ended nor overtaken."""
    file = lock(tmp_path, os.getpid(), socket.gethostname(), datetime.now(UTC) + timedelta(seconds=1))
    with pytest.raises(HubstackError, match=f"process {os.getpid()}"):
        locks.settle(tmp_path, DEV, print)
    assert file.exists()


def test_the_lock_of_another_machine_stays(tmp_path: Path) -> None:
    """Nobody here can know whether another machine's update lives."""
    file = lock(tmp_path, 1, "another-machine", datetime.now(UTC) - timedelta(days=2))
    locks.settle(tmp_path, DEV, print)
    assert file.exists()


def test_an_orphan_is_ended(tmp_path: Path) -> None:
    """An engine whose command was killed is asked to stop, and its lock goes with it."""
    environment = {**os.environ, locks.RUNNER: f"{ended_process()} boot/0"}
    # As the engine does, also where the tests run in a background that ignores Ctrl-C.
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); print(); input()"
    command = [sys.executable, "-uc", listening]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, **pipes) as engine:
        assert engine.stdout is not None
        engine.stdout.readline()
        file = lock(tmp_path, engine.pid, socket.gethostname(), datetime.now(UTC) + timedelta(seconds=1))
        locks.settle(tmp_path, DEV, print)
        assert not file.exists()
    assert engine.returncode != 0


def test_objects_under_way_are_taken_into_the_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A creation that was under way becomes a resource that a refresh looks for; nothing stays pending."""
    monkeypatch.setenv("HUBSTACK_STATE_DIR", str(tmp_path))
    service = {
        "type": "kubernetes:core/v1:Service",
        "urn": "urn:a",
        "inputs": {"metadata": {"name": "hub", "namespace": "jhub"}},
    }
    role = {
        "type": "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
        "urn": "urn:b",
        "inputs": {"metadata": {"name": "x"}},
    }
    token = {"type": "random:index/randomId:RandomId", "urn": "urn:c", "inputs": {"byteLength": 32}}
    found = State.read(
        {
            "resources": [{"urn": "urn:stack"}],
            "pending_operations": [
                {"type": "creating", "resource": service},
                {"type": "creating", "resource": role},
                {"type": "creating", "resource": token},
                {"type": "updating", "resource": {**service, "urn": "urn:d"}},
            ],
        }
    )
    assert found.unfinished == 4
    resolved = interruption.resolve_pending(found, stacks.select("dev"))
    assert resolved.document() == {
        "resources": [{"urn": "urn:stack"}, {**service, "id": "jhub/hub"}, {**role, "id": "x"}],
    }
    assert resolved.unfinished == 2, "until a refresh has looked at both"
    assert resolved.map(lambda each: replace(each, outputs={"kind": "any"})).unfinished == 0
