"""One embedded cluster and one state folder for all tests of the suite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from hubstack import project, toolchain
from hubstack.cluster import Cluster, make_cluster
from hubstack.commands import session
from hubstack.engine.environment import ENGINE_TOOLS
from hubstack.lifecycle.updates import Updater
from hubstack.project import stacks
from tests import charts, programs

PROJECT = "someones-hubs"
"""Name of the project in `root`."""


@dataclass(frozen=True)
class Machine:
    """A running cluster with everything that an update needs."""

    cluster: Cluster
    tools: toolchain.Tools
    state: Path

    def stack(self, *, mode: str = "native", values: tuple[Path, ...] = ()) -> stacks.Stack:
        """Stack dev in a mode and with values of its own."""
        return stacks.select(
            "dev", mode=mode, values=values, context=self.cluster.context, kubeconfig=self.cluster.kubeconfig
        )

    def updater(self, stack: stacks.Stack) -> Updater:
        """The engine on a stack."""
        return Updater(stack, session.engine_environment(self.tools), Console(quiet=True))


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[toolchain.Tools]:
    """Every program that a trial on the embedded cluster needs; skips, with the reason, where they cannot be had."""
    with pytest.MonkeyPatch.context() as patch:
        names = (*ENGINE_TOOLS, *session.CLUSTER_TOOLS["sim"], *session.OTHER_TOOLS)
        yield programs.find(names, tmp_path_factory.mktemp("cache"), patch)


@pytest.fixture(scope="session")
def machine(tools: toolchain.Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The embedded cluster."""
    state = tmp_path_factory.mktemp("state")
    patch = pytest.MonkeyPatch()
    patch.setenv("HUBSTACK_MIRROR", str(charts.mirror(tmp_path_factory.mktemp("mirror"))))
    patch.setenv("HUBSTACK_STATE_DIR", str(state))
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_HOME"):
        patch.delenv(name, raising=False)
    cluster = make_cluster("sim", state / "cluster" / "sim")
    cluster.up(tools, None)
    yield Machine(cluster, tools, state)
    cluster.delete()
    patch.undo()


@pytest.fixture
def root(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of another name, for stack files that tests write; the program is the real one."""
    for entry in project.ROOT.iterdir():
        if entry.name not in ("values", ".hubstack", ".git") and not entry.name.startswith("Pulumi."):
            (tmp_path / entry.name).symlink_to(entry)
    (tmp_path / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")
    monkeypatch.setattr(project, "ROOT", tmp_path)
    return tmp_path
