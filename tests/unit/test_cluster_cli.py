"""`hubstack cluster ...` with a cluster that only plays to exist."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from hubstack.cluster import ClusterError, ClusterStatus, ComponentStatus, SimSettings
from hubstack.cluster.state import Layout, SavedState
from hubstack.commands import cluster as cli


class FakeCluster:
    """Remembers what it is asked for."""

    context = "hubstack-sim"
    kubeconfig = Path("/state/kubeconfig")

    def __init__(self, *made_with: Any) -> None:
        self.made_with = made_with
        self.calls: list[str] = []
        self.state: Any = "ready"

    def up(self, tools: Any, progress: Any) -> None:
        progress("nearly [there]")
        self.calls.append(f"up {tools}")

    def down(self) -> None:
        self.calls.append("down")

    def delete(self) -> None:
        self.calls.append("delete")

    def status(self) -> ClusterStatus:
        parts = (
            ComponentStatus("etcd", 12, 20001, True, "", Path("/log/etcd.log")),
            ComponentStatus("kwok", None, 20002, False, "not running", Path("/log/kwok.log")),
        )
        return ClusterStatus("sim", self.state, self.context, self.kubeconfig, "https://127.0.0.1:20002", 3, 3, parts)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[FakeCluster]:
    clusters: list[FakeCluster] = []

    def make(*args: Any) -> FakeCluster:
        clusters.append(FakeCluster(*args))
        return clusters[-1]

    monkeypatch.setattr(cli, "make_cluster", make)
    monkeypatch.setenv("HUBSTACK_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("CLUSTER", raising=False)
    fake = SimpleNamespace(ensure=lambda names, progress: f"{len(names)} tools")
    monkeypatch.setitem(sys.modules, "hubstack.toolchain", fake)
    return clusters


def run(*args: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(cli.app, args)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == exit_code, result.output
    return result.output


def test_up_passes_the_settings_on(made: list[FakeCluster], tmp_path: Path) -> None:
    run("up", "--nodes", "5", "--cpu", "16", "--label", "a=b", "--label", "c=")
    (cluster,) = made
    assert cluster.made_with == ("sim", tmp_path / "cluster" / "sim", SimSettings(5, "16", labels={"a": "b", "c": ""}))
    assert cluster.calls == ["up 5 tools"]


def test_up_without_options_leaves_the_settings_alone(made: list[FakeCluster]) -> None:
    run("up")
    assert made[0].made_with[2] is None


def test_one_option_changes_one_setting(made: list[FakeCluster], tmp_path: Path) -> None:
    layout = Layout(tmp_path / "cluster" / "sim")
    layout.make_folders()
    SavedState.fresh(SimSettings(7, "2", "4Gi", {"a": "b"})).save(layout.state)
    run("up", "--memory", "8Gi")
    assert made[0].made_with[2] == SimSettings(7, "2", "8Gi", {"a": "b"})


def test_kind_needs_no_tools_of_ours(made: list[FakeCluster]) -> None:
    run("up", "--kind", "kind")
    assert made[0].made_with[0] == "kind"
    assert made[0].calls == ["up {}"]


def test_bad_label(made: list[FakeCluster]) -> None:
    with pytest.raises(ClusterError, match="--label pool: write it as KEY=VALUE"):
        run("up", "--label", "pool")


def test_status_as_table_and_as_json(made: list[FakeCluster]) -> None:
    table = run("status")
    assert "cluster sim: ready, 3 of 3 nodes ready" in table
    assert "not running" in table
    data = json.loads(run("status", "--json"))
    assert data["state"] == "ready"
    assert data["kubeconfig"] == "/state/kubeconfig"
    assert data["components"][1] == {
        "name": "kwok",
        "pid": None,
        "port": 20002,
        "healthy": False,
        "detail": "not running",
        "log": "/log/kwok.log",
    }


def test_status_of_a_cluster_that_is_not_ready_is_an_exit_status(
    made: list[FakeCluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeCluster, "status", lambda self: ClusterStatus("sim", "absent", "c", Path("k"), None, 0, 3))
    assert "absent" in run("status", exit_code=3)


def test_down_and_delete(made: list[FakeCluster]) -> None:
    run("down")
    run("delete")
    assert [cluster.calls for cluster in made] == [["down"], ["delete"]]
