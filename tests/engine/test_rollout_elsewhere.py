"""A rollout that one machine began and another one goes on with: they share the backend and the repository, no disk."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.engine.conftest import Machine
from tests.engine.fleet_copy import PROJECT, FleetCopy

STACKS = {"a": {"tier": "canary"}, "b": {"tier": "prod"}}
WAVES: list[dict[str, Any]] = [
    {"name": "canary", "select": "tier=canary"},
    {"name": "prod", "select": "tier=prod", "approval": "manual"},
]


def another_machine(name: str) -> list[str]:
    """Words before a command that give it a host name and processes of its own, which end with it."""
    words = ["unshare", "--uts", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc"]
    if not shutil.which("unshare") or subprocess.run([*words, "true"], check=False).returncode:
        needs.skip("linux", "unshare cannot make namespaces here")
    return [*words, "sh", "-c", f'hostname {name} && exec "$@"', "sh"]


@pytest.fixture(scope="module")
def fleet(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> FleetCopy:
    """Two stacks in two waves on one cluster, nothing of it deployed; the second wave waits for an approval."""
    folder = tmp_path_factory.mktemp("elsewhere")
    copy = FleetCopy.make(folder / "project", folder / "state")
    copy.values("common.yaml", hub={"concurrentSpawnLimit": 10})
    for name in STACKS:
        kubeconfig = machine.cluster.kubeconfig
        copy.stack(name, machine.cluster.context, kubeconfig, ["common.yaml"], namespace=f"elsewhere-{name}")
    copy.fleet(STACKS, WAVES)
    copy.commit()
    return copy


def limit(copy: FleetCopy, limit: int) -> None:
    """Change a setting of all stacks, and commit it."""
    copy.values("common.yaml", hub={"concurrentSpawnLimit": limit})
    copy.commit()


def mark(copy: FleetCopy, stack: str) -> Any:
    """What the state of a stack says of the last rollout that deployed it."""
    folder = (copy.shared or copy.state) / "backend" / ".pulumi" / "stacks" / PROJECT
    resources = json.loads((folder / f"{stack}.json").read_text())["checkpoint"]["latest"]["resources"]
    return next(each for each in resources if each["type"] == "pulumi:pulumi:Stack")["outputs"]["rollout"]


def test_another_machine_approves_and_takes_back(fleet: FleetCopy) -> None:
    """A machine with an empty disk and a shallow clone of a newer commit knows the rollout that waits for an approval,
    deploys the revision that waits and not its own, and takes it back; a third one sees what they did."""
    first = fleet.git("rev-parse", "HEAD")
    code, output = fleet.run("up", "--approve", "prod")
    assert code == 0, output
    fleet.values("common.yaml", hub={"concurrentSpawnLimit": 20})
    second = fleet.commit()
    code, output = fleet.run("up")
    assert code == 5, output
    rollout = fleet.facts("status")["rollout"]
    fleet.values("common.yaml", hub={"concurrentSpawnLimit": 30})
    fleet.commit()

    other = fleet.elsewhere("second", launcher=another_machine("second"), depth=1)
    facts = other.facts("status")
    assert (facts["rollout"], facts["state"]) == (rollout, "paused")
    assert other.states() == {"a": "succeeded", "b": "waiting"}
    assert [entry["state"] for entry in other.facts("history")] == ["paused", "succeeded"]
    code, output = other.run("up")
    assert code == 1
    assert f"rollout {rollout} by" in output
    code, output = other.run("resume", "--approve", "prod")
    assert code == 0, output
    assert [mark(fleet, stack)["commit"] for stack in "ab"] == [second, second]
    assert fleet.facts("status")["state"] == "succeeded"

    third = fleet.elsewhere("third", launcher=another_machine("third"))
    code, output = third.run("rollback")
    assert code == 0, output
    assert [mark(fleet, stack)["commit"] for stack in "ab"] == [first, first]
    assert [entry["kind"] for entry in other.facts("history")] == ["rollback", "rollout", "rollout"]


@pytest.mark.long
def test_requests_reach_a_rollout_that_runs_elsewhere(fleet: FleetCopy) -> None:
    """While one machine runs a rollout, another one is refused, and can approve the next wave and pause it; killed
    with all that it has started, it can be taken over at once by whoever says so."""
    fleet.fleet(STACKS, [{**WAVES[0], "bakeTime": "40s"}, {**WAVES[1], "bakeTime": "1h"}])
    limit(fleet, 40)
    begun = fleet.elsewhere("fourth", launcher=another_machine("fourth"))
    other = fleet.elsewhere("fifth", launcher=another_machine("fifth"))
    with begun.start("up") as running:
        assert running.stdout is not None
        seen = []
        for line in running.stdout:
            seen.append(line)
            if "wave canary: started" in line:
                assert other.run("approve", "prod")[0] == 0
                code, output = other.run("resume")
                assert code == 1
                assert "is under way; wait for it" in " ".join(output.split())
            if "bakes for 1h" in line:
                break
        else:
            raise AssertionError("".join(seen))
        running.kill()
    code, output = other.run("resume")
    assert code == 1
    assert "its lease ends in" in " ".join(output.split())
    code, output = other.run("resume", "--take-over", "--max-time", "2m")
    assert code == 5, output
    assert "which --max-time does not wait for" in " ".join(output.split())
    assert other.facts("status")["state"] == "paused"
    code, output = begun.run("abort")
    assert code == 0, output
    assert other.facts("status")["state"] == "aborted"


def test_changes_that_no_commit_has_stay_where_they_are(fleet: FleetCopy) -> None:
    """A rollout of uncommitted changes is gone on with where it was begun and nowhere else, and that is said."""
    fleet.fleet(STACKS, WAVES)
    limit(fleet, 50)
    fleet.values("common.yaml", hub={"concurrentSpawnLimit": 60})
    assert fleet.run("up")[0] == 5
    other = fleet.elsewhere("sixth", launcher=another_machine("sixth"))
    code, output = other.run("resume", "--approve", "prod")
    assert code == 1
    assert "from changes that no commit has" in " ".join(output.split())
    code, output = fleet.run("resume", "--approve", "prod")
    assert code == 0, output


def test_a_cancelled_job(fleet: FleetCopy) -> None:
    """Asked to end, and then killed, as CI systems do with a job, the rollout is finished by the next one."""
    limit(fleet, 70)
    begun = fleet.elsewhere("seventh", launcher=another_machine("seventh"))
    with begun.start("up", "--json") as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "run engine" in line:
                break
        inside = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()[0]
        subprocess.run(["kill", f"-{signal.SIGTERM.value}", inside], check=True)
        running.kill()
    other = fleet.elsewhere("eighth", launcher=another_machine("eighth"))
    code, output = other.run("resume", "--approve", "prod", "--take-over")
    assert code == 0, output
    assert other.actions() == {"a": "skip", "b": "skip"}


def test_folders_are_of_their_own(fleet: FleetCopy) -> None:
    """The machines above share nothing but the backend: each has its journal and its copies of revisions."""
    states = [path for path in fleet.state.parent.glob("*-state") if (path / "rollouts").is_dir()]
    assert len(states) > 3
    assert not any((path / "backend").is_dir() for path in states)
    assert Path(fleet.state / "backend").is_dir()
