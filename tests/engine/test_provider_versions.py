"""Both versions of the Kubernetes provider that will do: a stack goes from one to the other and notices nothing.

Real are the engine, the API server and the two plugins; it skips where only one of them can be had.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from hubstack import session, toolchain
from hubstack.toolchain import Catalog
from hubstack.toolchain.catalog import Program
from hubstack.updates import Updater
from tests import needs
from tests.engine.conftest import Machine
from tests.engine.live import specs, stack

PLUGIN = "pulumi-resource-kubernetes"
PROVIDER = [("update", "kubernetes cluster")]
"""The only step of an update that changes nothing but the provider's version."""


def plugin(version: str) -> Program:
    """The plugin of this version; skips, with the reason, where it cannot be had."""
    pins = Catalog.load()
    wanted = next(each for each in pins.variants(PLUGIN) if each.version == version)
    alone = Catalog({**pins.releases, wanted.name: replace(wanted, also=())})
    try:
        return Program(toolchain.ensure([PLUGIN], catalog=alone)[PLUGIN], version)
    except toolchain.ToolchainError as error:
        needs.skip("other-provider", str(error))


@pytest.fixture
def engines(machine: Machine, tmp_path: Path) -> dict[str, Mapping[str, str]]:
    """For each version the engine's variables on a machine that has this version only."""
    found = {}
    for version in Catalog.load().release(PLUGIN).versions:
        own = {name: Program(path, machine.tools.version(name)) for name, path in machine.tools.items()}
        tools = toolchain.Tools(own | {PLUGIN: plugin(version)})
        home = tmp_path / version
        tools.pulumi_home(home)
        found[version] = {**session.engine_environment(tools), "PULUMI_HOME": str(home)}
    return found


@pytest.mark.parametrize("mode", ["native", "helm"])
def test_a_stack_goes_from_one_version_to_the_other_and_back(
    machine: Machine, engines: dict[str, Mapping[str, str]], mode: str
) -> None:
    """Previews and updates change the provider and no object; refresh and destroy go on with what the machine has."""
    hub = stack(machine, f"versions-{mode}", mode)
    newer, older = engines
    on = {version: Updater(hub, variables, Console(quiet=True)) for version, variables in engines.items()}
    on[older].up()
    before = specs(machine, hub.namespace)
    for version in (newer, older):
        assert on[version].preview().steps == PROVIDER
        assert on[version].preview(refresh=True).steps == PROVIDER
        assert on[version].up().steps == PROVIDER
        assert on[version].up().changed == 0
        assert specs(machine, hub.namespace) == before
    on[newer].refresh()
    assert on[newer].up().changed == 0
    assert specs(machine, hub.namespace) == before
    on[older].destroy()
    assert specs(machine, hub.namespace) == {}
