"""Rollouts on the real engine: waves over two clusters, one more that is down, kills, and the way back."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from hubstack.cluster import make_cluster
from hubstack.engine import backend
from hubstack.fleet import deployed, rollout
from tests.engine.conftest import Machine
from tests.engine.fleet_copy import PROJECT, FleetCopy
from tests.engine.small_disk import fill, small_disk

STACKS = {
    "a": {"tier": "staging", "cluster": "one"},
    "b": {"tier": "staging", "cluster": "two"},
    "c": {"tier": "prod", "cluster": "one"},
    "d": {"tier": "prod", "cluster": "two"},
    "e": {"tier": "prod", "cluster": "down"},
}
WAVES = [
    {"name": "staging", "select": "tier=staging"},
    {"name": "prod", "select": "tier=prod", "gates": [{"type": "scheduler"}]},
]


def write_fleet(copy: FleetCopy, kubeconfigs: dict[str, Path], context: str) -> None:
    """Five stacks on three clusters, each with the common values and its own."""
    copy.values("common.yaml", hub={"concurrentSpawnLimit": 10})
    for name, labels in STACKS.items():
        copy.values(f"{name}.yaml", cull={"every": 300})
        copy.stack(name, context, kubeconfigs[labels["cluster"]], ["common.yaml", f"{name}.yaml"])
    copy.fleet(STACKS, WAVES, maxParallel=2)
    copy.commit()


@pytest.fixture(scope="module")
def fleet(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetCopy]:
    """The fleet, nothing of it deployed."""
    folder = tmp_path_factory.mktemp("fleet")
    second = make_cluster("sim", folder / "second")
    second.up(machine.tools, None)
    document = yaml.safe_load(machine.cluster.kubeconfig.read_text())
    document["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    (folder / "down").write_text(yaml.safe_dump(document))
    copy = FleetCopy.make(folder / "project", folder / "state")
    kubeconfigs = {"one": machine.cluster.kubeconfig, "two": second.kubeconfig, "down": folder / "down"}
    write_fleet(copy, kubeconfigs, machine.cluster.context)
    yield copy
    second.delete()


def lines_until(running: subprocess.Popen[str], text: str) -> None:
    """Read a command's output until a line has a text."""
    assert running.stdout is not None
    seen = []
    for line in running.stdout:
        seen.append(line)
        if text in line:
            return
    raise AssertionError(f"{text!r} never came: {''.join(seen)}")


def deployed_limit(machine: Machine, namespace: str) -> str:
    """The hub's Secret as the first cluster has it, as far as the common values go."""
    secret = machine.cluster.client().find(f"/api/v1/namespaces/{namespace}/secrets/hub")
    assert secret is not None
    return secret["data"]["values.yaml"]


def test_waves_a_cluster_down_and_nothing_twice(fleet: FleetCopy) -> None:
    """Every stack of a living cluster is deployed, the one of a dead cluster is skipped and said; then all is done."""
    assert set(fleet.actions().values()) == {"up"}
    code, output = fleet.run("up")
    assert code == 4, output
    assert fleet.states() == dict.fromkeys("abcd", "succeeded") | {"e": "unreachable"}
    facts = fleet.facts("status")
    assert facts["state"] == "incomplete"
    (down,) = (stack for stack in facts["stacks"] if stack["stack"] == "e")
    assert down["attempts"] == 2, "once in its turn, once at the end of the wave"
    assert "https://127.0.0.1:1" in down["reason"]
    assert [gate["gate"] for stack in facts["stacks"] for gate in stack["gates"]] == ["scheduler", "scheduler"]
    assert fleet.actions() == dict.fromkeys("abcd", "skip") | {"e": "up"}


@pytest.mark.long
def test_drift_is_due_where_it_is_asked(fleet: FleetCopy, machine: Machine) -> None:
    """An unchanged stack is skipped, whatever is done by hand; with `--drift` it is repaired, and then unchanged."""
    client, proxy = machine.cluster.client(), "/apis/apps/v1/namespaces/a/deployments/proxy"
    policy = "/apis/networking.k8s.io/v1/namespaces/a/networkpolicies/hub"

    def image() -> str:
        found: str = client.get(proxy)["spec"]["template"]["spec"]["containers"][0]["image"]
        return found

    before = image()
    change = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "evil/chp:1"}]
    client.request("PATCH", f"{proxy}?fieldManager=kubectl-set", change, "application/json-patch+json")
    client.request("DELETE", policy)
    assert fleet.actions()["a"] == "skip"
    code, output = fleet.run("plan", "--drift", "--stack", "a")
    assert (code, "has drifted: 2 differences in 2 objects, by kubectl-set" in " ".join(output.split())) == (2, True), (
        output
    )
    code, output = fleet.run("up", "--drift", "--stack", "a")
    assert code == 0, output
    assert (image(), client.find(policy) is None) == (before, False)
    assert fleet.actions()["a"] == "skip"
    assert fleet.run("plan", "--drift", "--stack", "a")[0] == 0


def test_broken_values_stop_the_wave_and_the_next(fleet: FleetCopy) -> None:
    """A stack whose settings are refused fails its wave before it is touched; the next wave never starts."""
    fleet.values("a.yaml", hub={"db": {"typ": "x"}})
    fleet.values("c.yaml", cull={"every": 500})
    assert fleet.actions() == {"a": "refused", "b": "skip", "c": "up", "d": "skip", "e": "up"}
    code, output = fleet.run("up")
    assert code == 3
    assert "hub.db.typ: unknown key; did you mean 'type'?" in output
    assert fleet.states() == {"a": "refused", "b": "unchanged", "c": "waiting", "d": "unchanged", "e": "waiting"}
    fleet.git("checkout", "--", "a.yaml", "c.yaml")
    assert fleet.actions() == dict.fromkeys("abcd", "skip") | {"e": "up"}


def test_kill_resume_and_only_one_at_a_time(fleet: FleetCopy) -> None:
    """A second rollout is refused with who holds it; after kill -9, resume ends where an undisturbed one does."""
    fleet.values("common.yaml", hub={"concurrentSpawnLimit": 20})
    fleet.commit()
    with fleet.start("up", "--stack", "a", "--stack", "b", "--stack", "c", "--stack", "d") as running:
        lines_until(running, "wave staging: started")
        code, output = fleet.run("up")
        assert code == 1
        assert f"(process {running.pid}, since" in output
        lines_until(running, "wave prod: started")
        time.sleep(1.5)
        running.kill()
    assert fleet.facts("status")["state"] == "interrupted"
    code, output = fleet.run("up")
    assert code == 1
    assert "hubstack rollout resume" in output
    fleet.values("common.yaml", hub={"concurrentSpawnLimit": 99})  # what comes later does not reach the rollout
    code, output = fleet.run("resume")
    assert code == 0, output
    assert set(fleet.states().values()) == {"succeeded"}
    fleet.git("checkout", "--", "common.yaml")
    assert fleet.actions() == dict.fromkeys("abcd", "skip") | {"e": "up"}


def test_pause_resume_and_approval(fleet: FleetCopy) -> None:
    """Ctrl-C pauses after what is under way; a wave that needs approval waits for it, and for no one in between."""
    waves = [WAVES[0], {**WAVES[1], "approval": "manual"}]
    fleet.fleet(STACKS, waves, maxParallel=1)
    fleet.values("common.yaml", hub={"concurrentSpawnLimit": 30})
    fleet.commit()
    chosen = [option for stack in "abcd" for option in ("--stack", stack)]
    with fleet.start("up", "--json", *chosen) as running:
        lines_until(running, "run engine")
        os.kill(running.pid, signal.SIGINT)
    assert running.returncode == 5
    assert sorted(fleet.states().values()) == ["succeeded", "waiting", "waiting", "waiting"]
    code, output = fleet.run("resume")
    assert code == 5
    assert "hubstack rollout resume --approve prod" in output
    assert [fleet.states()[stack] for stack in "abcd"] == ["succeeded", "succeeded", "waiting", "waiting"]
    code, output = fleet.run("resume", "--approve", "prod")
    assert code == 0, output
    assert set(fleet.states().values()) == {"succeeded"}


def test_rollback(fleet: FleetCopy) -> None:
    """The way back deploys what each stack of a wave had before, newest first; a stack beside the wave stays."""
    before = {item["stack"]: item["before"] for item in fleet.facts("plan")["items"]}
    fleet.values("common.yaml", hub={"concurrentSpawnLimit": 40})
    fleet.commit()
    code, output = fleet.run("up", "--approve", "prod", "--stack", "a", "--stack", "c", "--stack", "d")
    assert code == 0, output
    code, output = fleet.run("rollback", "--wave", "prod")
    assert code == 0, output
    facts = fleet.facts("status")
    assert (facts["kind"], facts["state"]) == ("rollback", "succeeded")
    assert {stack["stack"] for stack in facts["stacks"]} == {"c", "d"}
    after = {item["stack"]: item["before"] for item in fleet.facts("plan")["items"]}
    assert [after[stack] == before[stack] for stack in "abcd"] == [False, True, True, True]
    history = fleet.facts("history")
    assert [entry["kind"] for entry in history][:2] == ["rollback", "rollout"]


def test_a_full_disk_under_the_journal(fleet: FleetCopy) -> None:
    """Without room to record a step, none is begun, and the error says why; with room, resume completes the rollout."""
    chosen = [option for stack in "abcd" for option in ("--stack", stack)]
    fleet.fleet(STACKS, WAVES, maxParallel=1)
    fleet.values("common.yaml", hub={"concurrentSpawnLimit": 50})
    fleet.commit()
    with small_disk(fleet.state / "rollouts", mebibytes=8) as disk:
        filler = fill(disk)
        code, output = fleet.run("up", *chosen)
        assert code == 1
        assert "full" in output or "No space left" in output
        assert "Traceback" not in output
        filler.unlink()
        assert [fleet.actions()[stack] for stack in "abcd"] == ["up"] * 4, "nothing was begun"
        with fleet.start("up", *chosen) as running:
            lines_until(running, "wave staging: started")
            filler = fill(disk)
            output, _ = running.communicate()
        assert running.returncode == 1
        assert "nothing more is started" in output
        assert "Traceback" not in output
        filler.unlink()
        assert fleet.facts("status")["state"] == "interrupted"
        code, output = fleet.run("resume")
        assert code == 0, output
        assert [fleet.states()[stack] for stack in "abcd"] == ["succeeded"] * 4
    assert [fleet.actions()[stack] for stack in "abcd"] == ["skip"] * 4


def test_both_ways_to_ask_a_backend_agree(fleet: FleetCopy, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a local backend's files say is what the engine says, of a stack that is there and of one that is not."""
    monkeypatch.setenv("HUBSTACK_STATE_DIR", str(fleet.state))
    variables = rollout.environment(Console(quiet=True))
    folder = fleet.state / "stacks" / "a"
    for stack in ("a", "c", "nobody"):
        asked = backend.from_engine(stack, variables, folder)
        assert (asked is None) == (stack == "nobody")
        if asked:
            read = backend.from_files(stack, PROJECT, fleet.state / "backend")
            assert read
            assert (read.state, deployed.of(read)) == (asked.state, deployed.of(asked))
            assert deployed.of(asked).finished


def test_reports_are_written(fleet: FleetCopy) -> None:
    """Each rollout leaves its report as Markdown and JSON beside its logs."""
    facts = next(entry for entry in fleet.facts("history") if entry["kind"] == "rollback")
    folder = fleet.state / "rollouts" / facts["rollout"]
    text = (folder / "report.md").read_text()
    assert text.startswith(f"# Rollback {facts['rollout']}: succeeded")
    assert "| prod | d |" in text
    assert (folder / "report.json").is_file()


def test_no_key_is_left_behind(fleet: FleetCopy) -> None:
    """After the rollouts above, killed ones among them, and a look by the doctor: no copy of a key lies in the system's
    folder of temporary files, and nothing of dead processes in the private one."""
    with fleet.command("doctor", "--stack", "a") as looking:
        looking.communicate()
    assert [file for file in fleet.temporary.rglob("*") if file.is_file() and holds_a_key(file)] == []
    assert [entry.name for entry in (fleet.state / "tmp").iterdir()] == ["lock"]


def holds_a_key(file: Path) -> bool:
    content = file.read_bytes()
    return b"PRIVATE KEY" in content or b"client-key-data" in content
