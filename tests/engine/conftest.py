"""One embedded cluster and one state folder for all tests of the suite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from rich.console import Console

from hubstack import project, session, stacks, toolchain
from hubstack.cluster import Cluster, make_cluster
from hubstack.updates import Updater
from tests import charts


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


def tools_or_skip(*names: str) -> toolchain.Tools:
    """Programs by name; skips, with the reason, where one cannot be had."""
    try:
        return toolchain.ensure(names)
    except toolchain.ToolchainError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def machine_without_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The embedded cluster and Helm; skips, with the reason, where their programs cannot be had."""
    tools = tools_or_skip(*session.CLUSTER_TOOLS["sim"], *session.OTHER_TOOLS)
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


@pytest.fixture(scope="session")
def machine(machine_without_engine: Machine) -> Machine:
    """The same with the engine; skips, with the reason, where its programs cannot be had."""
    engine = tools_or_skip(*session.ENGINE_TOOLS)
    return replace(machine_without_engine, tools={**machine_without_engine.tools, **engine})


@pytest.fixture
def root(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder of its own for stack files that tests write; the program is the real one."""
    for entry in project.ROOT.iterdir():
        if entry.name not in ("values", ".hubstack", ".git") and not entry.name.startswith("Pulumi."):
            (tmp_path / entry.name).symlink_to(entry)
    (tmp_path / "Pulumi.yaml").write_text((project.ROOT / "Pulumi.yaml").read_text())
    monkeypatch.setattr(project, "ROOT", tmp_path)
    return tmp_path
