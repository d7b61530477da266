"""Both versions of the Kubernetes provider that will do: a stack goes from one to the other and notices nothing.

Real are the engine, the API server and the two plugins; it skips where only one of them can be had.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from hubstack import toolchain
from hubstack.commands import session
from hubstack.lifecycle.updates import Updater
from hubstack.toolchain import Catalog
from hubstack.toolchain.catalog import Program
from tests import needs
from tests.engine.conftest import Machine
from tests.engine.live import specs, stack

PLUGIN = "pulumi-resource-kubernetes"
REVISION = "deployment.kubernetes.io/revision"
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


def without_history(objects: dict[tuple[str, str], tuple[str, dict[str, Any]]]) -> dict[tuple[str, str], Any]:
    """Objects without what counts changes: Helm's records, and the revisions of Deployments."""
    return {
        key: (uid, {**content, "annotations": {**(content["annotations"] or {}), REVISION: None}})
        for key, (uid, content) in objects.items()
        if not key[1].startswith("sh.helm.release.")
    }


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


@pytest.mark.long
@pytest.mark.parametrize("mode", ["native", "helm"])
@pytest.mark.parametrize("first", Catalog.load().release(PLUGIN).versions)
def test_a_stack_goes_from_one_version_to_the_other_and_back(
    machine: Machine, engines: dict[str, Mapping[str, str]], first: str, mode: str
) -> None:
    """Previews and updates change the provider and no object; refresh and destroy go on with what the machine has.

    What one version has made, the other changes: a setting goes there and back.
    """
    name = f"from-{first.replace('.', '-')}-{mode}"
    (second,) = engines.keys() - {first}

    def on(version: str, cull_every: int = 600) -> Updater:
        hub = stack(machine, name, mode, values={"cull": {"every": cull_every}})
        return Updater(hub, engines[version], Console(quiet=True))

    on(first).up()
    before = specs(machine, name)
    for version in (second, first):
        assert on(version).preview().steps == PROVIDER
        assert on(version).preview(refresh=True).steps == PROVIDER
        assert on(version).up().steps == PROVIDER
        assert on(version).up().changed == 0
        assert specs(machine, name) == before
    on(second).refresh()
    assert on(second).up().changed == 0
    assert specs(machine, name) == before
    for version, cull_every in ((first, 300), (second, 600)):
        on(version, cull_every).up()
    assert without_history(specs(machine, name)) == without_history(before)
    on(first).destroy()
    assert specs(machine, name) == {}
