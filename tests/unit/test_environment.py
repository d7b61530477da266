"""What the engine runs with: its variables, its plugins, and whether a plain `pulumi up` would work."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from components import provider_version
from hubstack import environment, session, stacks
from hubstack.cli import app
from hubstack.toolchain import Catalog, Tools
from hubstack.toolchain.catalog import Program


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on PATH, an empty cache, no mirror, and a state folder of its own."""
    monkeypatch.setenv("HUBSTACK_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HUBSTACK_MIRROR", str(tmp_path / "no-mirror"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def found(machine: Path, provider: str) -> Tools:
    """The engine's programs, with one version of the Kubernetes provider."""
    versions = {"pulumi": "3.260.0", "pulumi-resource-kubernetes": provider, "pulumi-resource-random": "4.21.1"}
    return Tools({name: Program(program(machine / name / name), version) for name, version in versions.items()})


@pytest.mark.parametrize("version", Catalog.load().release("pulumi-resource-kubernetes").versions)
def test_the_program_is_told_which_plugin_is_there(
    machine: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    """Whatever the user's own environment says; the plugin lies where the engine looks for this very version."""
    monkeypatch.setenv(provider_version.VARIABLE, "1.0.0")
    home = machine / "state" / "pulumi"
    variables = environment.engine_environment(found(machine, version))
    assert variables == {
        "PATH": f"{machine / 'pulumi'}:{machine / 'bin'}",
        "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_HOME": str(home),
        provider_version.VARIABLE: version,
        **stacks.backend_environment(),
    }
    assert sorted(str(each.relative_to(home)) for each in home.rglob("pulumi-resource-*")) == [
        f"plugins/resource-kubernetes-v{version}/pulumi-resource-kubernetes",
        "plugins/resource-random-v4.21.1/pulumi-resource-random",
    ]


def test_the_pinned_provider_is_the_one_that_the_program_asks_for() -> None:
    """A plain `pulumi up` and the command line on a connected machine use the same plugin."""
    assert Catalog.load().releases["pulumi-kubernetes"].version == provider_version.PINNED


def test_the_language_host_is_found_where_the_engine_finds_it(machine: Path) -> None:
    """Beside the engine, also through a link; on PATH, which comes first."""
    tools = found(machine, "4.25.0")
    assert environment.language_host(tools) is None
    beside = program(machine / "pulumi" / "pulumi-language-python")
    assert environment.language_host(tools) == beside
    (machine / "links").mkdir()
    (machine / "links" / "pulumi").symlink_to(tools["pulumi"])
    linked = Tools({"pulumi": Program(machine / "links" / "pulumi", "3.260.0")})
    assert environment.language_host(linked) == beside
    on_path = program(machine / "bin" / "pulumi-language-python")
    assert environment.language_host(tools) == on_path


@pytest.mark.parametrize("there", [True, False])
def test_the_list_of_tools_says_whether_the_language_host_is_there(
    machine: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """Every program with version and path; what only a plain `pulumi up` needs is no error where it is missing."""
    monkeypatch.setenv("COLUMNS", "300")
    pins = Catalog.load()
    expected = []
    for name in (*session.ENGINE_TOOLS, *session.CLUSTER_TOOLS["sim"], *session.OTHER_TOOLS):
        path = program(pins.folder(pins.release(name)) / name)
        expected.append([name, pins.release(name).version, str(path)])
    host = pins.folder(pins.release("pulumi")) / "pulumi-language-python"
    if there:
        program(host)
    result = CliRunner().invoke(app, ["tools"])
    assert result.exit_code == 0, result.output
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.output.splitlines() if "│" in line]
    where = str(host) if there else "not here; only a plain `pulumi up` needs it"
    assert rows == [*expected, ["pulumi-language-python", "", where]]
