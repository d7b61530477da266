"""KindCluster against programs that only play kind and docker; what the real ones do is not proved here."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack.cluster import ClusterError, SimSettings
from hubstack.cluster.kind import KindCluster

FAKE = """import json, sys
from pathlib import Path
here = Path(__file__).resolve().parent
state = json.loads((here / "state.json").read_text())
me, args = Path(sys.argv[0]).name, sys.argv[1:]
with (here / "calls").open("a") as calls:
    calls.write(me + " " + " ".join(args) + "\\n")
def kubeconfig():
    path = Path(args[args.index("--kubeconfig") + 1])
    path.write_text(json.dumps({"clusters": [{"cluster": {"server": "https://127.0.0.1:40000"}}]}))
if me == "docker":
    if args[0] == "info" and state.get("no_daemon"):
        sys.exit("Cannot connect to the Docker daemon")
    if args[0] == "ps":
        print("\\n".join(state["running"]))
    elif args[0] == "stop":
        state["running"] = [each for each in state["running"] if each not in args]
    elif args[0] == "start":
        state["running"] += args[1:]
elif args[:2] == ["get", "clusters"]:
    print("other\\n" + ("hubstack" if state["nodes"] else ""))
elif args[:2] == ["get", "nodes"]:
    print("\\n".join(state["nodes"]))
elif args[:2] == ["create", "cluster"]:
    (here / "config").write_text(sys.stdin.read())
    if state.get("broken"):
        print("ERROR: failed to create cluster: port is taken", file=sys.stderr)
        sys.exit(1)
    state["nodes"] = state["running"] = ["hubstack-control-plane", "hubstack-worker"]
    kubeconfig()
elif args[:2] == ["delete", "cluster"]:
    state["nodes"] = state["running"] = []
elif args[:2] == ["export", "kubeconfig"]:
    kubeconfig()
(here / "state.json").write_text(json.dumps(state))
"""


class Machine:
    """A PATH with the two programs, and what they remember."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.say(nodes=[], running=[])
        for name in ("kind", "docker"):
            (folder / name).write_text(f"#!{sys.executable}\n{FAKE}")
            (folder / name).chmod(0o755)

    def say(self, **state: Any) -> None:
        (self.folder / "state.json").write_text(json.dumps({"nodes": [], "running": [], **state}))

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return Machine(folder)


def test_life_of_a_cluster(machine: Machine, tmp_path: Path) -> None:
    cluster = KindCluster(tmp_path / "kind", SimSettings(nodes=2, labels={"pool": "users"}))
    assert cluster.context == "kind-hubstack"
    assert not cluster.exists()
    assert cluster.status().state == "absent"

    cluster.up()
    assert cluster.exists()
    config = yaml.safe_load((machine.folder / "config").read_text())
    assert config["networking"] == {"apiServerAddress": "127.0.0.1"}
    assert config["nodes"] == [
        {"role": "control-plane", "labels": {"pool": "users"}},
        {"role": "worker", "labels": {"pool": "users"}},
    ]
    status = cluster.status()
    assert (status.state, status.nodes_ready, status.server) == ("ready", 2, "https://127.0.0.1:40000")

    cluster.up()
    assert sum("create cluster" in call for call in machine.calls) == 1
    cluster.down()
    assert cluster.status().state == "stopped"
    cluster.up()
    assert "docker start hubstack-control-plane hubstack-worker" in machine.calls
    assert cluster.status().state == "ready"
    cluster.delete()
    assert cluster.status().state == "absent"
    assert not (tmp_path / "kind").exists()


def test_half_stopped_is_degraded(machine: Machine, tmp_path: Path) -> None:
    machine.say(nodes=["a", "b"], running=["a"])
    status = KindCluster(tmp_path).status()
    assert status.state == "degraded"
    assert [part.detail for part in status.components] == ["", "container is stopped"]


def test_without_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClusterError, match=r"needs the program kind, which is not on the PATH.*`sim`"):
        KindCluster(tmp_path).up()
    assert KindCluster(tmp_path).status().state == "absent"


def test_without_docker_daemon(machine: Machine, tmp_path: Path) -> None:
    machine.say(no_daemon=True)
    with pytest.raises(ClusterError, match=r"needs a running Docker daemon: Cannot connect.*start Docker"):
        KindCluster(tmp_path).up()


def test_failure_shows_what_kind_said(machine: Machine, tmp_path: Path) -> None:
    machine.say(broken=True)
    with pytest.raises(ClusterError) as error:
        KindCluster(tmp_path / "kind").up()
    assert "could not create the cluster (exit status 1)" in str(error.value)
    assert "port is taken" in str(error.value)


def test_size_of_nodes_cannot_be_set(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="cpu and memory cannot be set"):
        KindCluster(tmp_path, SimSettings(cpu="4"))
