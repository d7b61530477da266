"""Thirty stacks on three clusters, one of them behind a proxy that makes it slow or busy; kills and failures."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from hubstack.cluster import make_cluster
from hubstack.cluster.sim import SimCluster
from hubstack.toolchain import Tools
from tests.engine.conftest import Machine, machine, tools  # noqa: F401
from tests.engine.fleet_copy import FleetCopy
from tests.fleet.busy_proxy import BusyProxy

pytestmark = pytest.mark.long
STACKS = int(os.environ.get("HUBSTACK_FLEET_STACKS", "30"))
KILLS = int(os.environ.get("HUBSTACK_FLEET_KILLS", "20"))
CLUSTERS = 3
WAVES = [
    {"name": "staging", "select": "tier=staging"},
    {"name": "prod", "select": "tier=prod", "gates": [{"type": "scheduler"}]},
]


@dataclass
class LargeFleet:
    """The fleet and what it runs on."""

    copy: FleetCopy
    clusters: list[SimCluster]
    proxy: BusyProxy
    names: list[str]
    limit: int = 10

    def change(self) -> None:
        """A change that every stack gets."""
        self.limit += 1
        self.copy.values("common.yaml", hub={"concurrentSpawnLimit": self.limit})
        self.copy.commit()

    def of(self, cluster: int) -> list[str]:
        """Stacks of a cluster."""
        return self.names[cluster::CLUSTERS]

    def state(self, stack: str) -> dict[str, Any]:
        """The stack's state as the backend has it."""
        found: dict[str, Any] = json.loads(self.copy.checkpoint(stack).read_text())["checkpoint"]["latest"]
        return found

    def require_whole(self) -> None:
        """Fail unless every stack is complete: nothing due or pending, no lock, the same objects as the others."""
        assert set(self.copy.actions().values()) == {"skip"}
        shapes = set()
        for name in self.names:
            state = self.state(name)
            assert not state.get("pending_operations"), name
            urns = sorted(each["urn"].replace(name, "STACK") for each in state["resources"])
            assert not [each for each in state["resources"] if each.get("delete")], name
            shapes.add(json.dumps(urns))
        assert len(shapes) == 1, "every stack has the same resources"
        assert not list((self.copy.state / "backend" / ".pulumi" / "locks").rglob("*.json"))
        for number, cluster in enumerate(self.clusters):
            for name in self.of(number):
                pods = cluster.client().get(f"/api/v1/namespaces/{name}/configmaps/hub")["data"]
                assert pods
                secret = cluster.client().get(f"/api/v1/namespaces/{name}/secrets/hub")
                assert secret["data"]["values.yaml"]


@pytest.fixture(scope="module")
def large(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LargeFleet]:  # noqa: F811
    """Thirty stacks, nothing deployed; the clusters are the suite's own and two more."""
    folder = tmp_path_factory.mktemp("scale")
    clusters: list[Any] = [machine.cluster, *(make_cluster("sim", folder / f"c{n}") for n in range(1, CLUSTERS))]
    for cluster in clusters[1:]:
        cluster.up(machine.tools, None)
    proxy = BusyProxy(clusters[2].kubeconfig, folder / "proxy")
    proxy.authenticate(clusters[2].client())
    kubeconfigs = [clusters[0].kubeconfig, clusters[1].kubeconfig, proxy.kubeconfig]
    copy = FleetCopy.make(folder / "project", folder / "state")
    names = [f"hub-{number:02}" for number in range(STACKS)]
    stacks = {}
    for number, name in enumerate(names):
        tier = "staging" if number < CLUSTERS else "prod"
        stacks[name] = {"tier": tier, "cluster": f"c{number % CLUSTERS}"}
        copy.stack(name, machine.cluster.context, kubeconfigs[number % CLUSTERS], ["common.yaml"])
    copy.fleet(stacks, WAVES, maxParallel=4)
    found = LargeFleet(copy, clusters, proxy, names)
    found.change()
    yield found
    proxy.close()
    for cluster in clusters[1:]:
        cluster.delete()


def kill(running: subprocess.Popen[str], everything: bool) -> None:
    """kill -9 the runner, and where wanted the fork server and the engines, too."""
    children: list[int] = []
    if everything:
        listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        parents = [tuple(map(int, line.split())) for line in listing.splitlines()]
        found = {running.pid}
        while more := {pid for pid, parent in parents if parent in found} - found:
            found |= more
        children = sorted(found - {running.pid})
    running.kill()
    for pid in children:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def test_kills_at_random_moments(large: LargeFleet) -> None:
    """However often and whenever the runner is killed, the end is that of an undisturbed rollout."""
    chance = random.Random(7)
    command, kills = "up", 0
    while kills < KILLS:
        with large.copy.start(command) as running:
            try:
                output, _ = running.communicate(timeout=chance.uniform(0.5, 14))
            except subprocess.TimeoutExpired:
                kill(running, everything=kills % 3 == 2)
                kills += 1
                status = large.copy.facts("status")  # killed before it was in the journal, a rollout never was
                command = "resume" if status and status["state"] == "interrupted" else "up"
                continue
        assert running.returncode == 0, output
        if set(large.copy.actions().values()) == {"skip"}:  # done before the kills were: another change, and on
            large.require_whole()
            large.change()
            command = "up"
    code, output = large.copy.run(command)
    assert code == 0, output
    large.require_whole()


def test_slow_and_busy_api_server(large: LargeFleet) -> None:
    """An API server that is slow, then answers 429 and 503 for a while, delays its stacks and loses nothing."""
    large.change()
    large.proxy.delay = 0.2
    moments = [(8, 429), (4, None), (8, 503), (6, None)]

    def trouble() -> None:
        for seconds, status in moments:
            large.proxy.status = status
            time.sleep(seconds)
        large.proxy.delay = 0.0

    thread = threading.Thread(target=trouble)
    with large.copy.start("up") as running:
        thread.start()
        output, _ = running.communicate()
    thread.join()
    assert large.proxy.refused
    assert running.returncode in (0, 3, 4), output
    if running.returncode:
        code, output = large.copy.run("resume")
        assert code == 0, output
    large.require_whole()


def test_a_cluster_down_in_the_middle(large: LargeFleet, tools: Tools) -> None:  # noqa: F811
    """A cluster that goes down costs its own stacks only; nothing of them is deleted, and resume deploys them."""
    large.change()
    with large.copy.start("up") as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "wave prod: started" in line:
                break
        large.clusters[1].down()
        running.communicate()
    states = large.copy.states()
    assert running.returncode in (3, 4)
    others = {states[name] for number in (0, 2) for name in large.of(number)}
    assert "failed" not in others
    before = {name: len(large.state(name)["resources"]) for name in large.names}
    large.clusters[1].up(tools, None)
    code, output = large.copy.run("resume")
    assert code == 0, output
    assert {name: len(large.state(name)["resources"]) for name in large.names} == before
    large.require_whole()


def test_one_stack_with_broken_values(large: LargeFleet) -> None:
    """A stack of the first wave whose values are refused stops everything, and nothing of any stack is touched."""
    file = large.copy.root / f"Pulumi.{large.names[1]}.yaml"
    good = file.read_text()
    assert good.startswith("config:\n")
    file.write_text(good.replace("config:\n", "config:\n  hubstack:values: {hub: {db: {typ: x}}}\n", 1))
    large.limit += 1
    large.copy.values("common.yaml", hub={"concurrentSpawnLimit": large.limit})
    before = {name: large.state(name)["manifest"]["time"] for name in large.names}
    code, output = large.copy.run("up")
    assert code == 3
    assert "did you mean 'type'?" in output
    assert {name: large.state(name)["manifest"]["time"] for name in large.names} == before
    file.write_text(good)
