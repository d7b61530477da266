"""What the engine runs with: its variables, its plugins, and whether a plain `pulumi up` would work."""

from __future__ import annotations

import io
import re
from importlib import metadata
from pathlib import Path

import pytest
from google.protobuf.empty_pb2 import Empty
from rich.console import Console
from typer.testing import CliRunner

from hubstack.commands import session
from hubstack.commands.main import app
from hubstack.components import provider_version
from hubstack.engine import environment
from hubstack.errors import HubstackError
from hubstack.project import stacks
from hubstack.stand_in import STANDS_IN_FOR, launcher
from hubstack.toolchain import Catalog, Tools
from hubstack.toolchain.catalog import Program
from tests.plugin_process import running

NOWHERE = "http://127.0.0.1:9"
"""A proxy that nobody runs: whoever tries to download fails at once."""


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


@pytest.fixture
def everything_but_random(machine: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """A machine without a network, whose cache has the engine's programs except for the plugin random."""
    monkeypatch.setenv("https_proxy", NOWHERE)
    monkeypatch.delenv("no_proxy", raising=False)
    pins = Catalog.load()
    for name in environment.ENGINE_TOOLS:
        if name != environment.RANDOM:
            program(pins.folder(pins.release(name)) / name)
    return pins


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


def test_the_list_of_tools_says_which_one_is_a_stand_in(
    machine: Path, monkeypatch: pytest.MonkeyPatch, everything_but_random: Catalog
) -> None:
    """And tries to have the real one, even if that has failed a moment ago."""
    monkeypatch.setenv("COLUMNS", "300")
    for name in (*session.CLUSTER_TOOLS["sim"], *session.OTHER_TOOLS):
        program(everything_but_random.folder(everything_but_random.release(name)) / name)
    environment.engine_tools(Console(quiet=True), embedded=True)
    (note,) = (machine / "cache").rglob("*.failed")
    note.write_text("an old reason")
    result = CliRunner().invoke(app, ["tools"])
    assert result.exit_code == 0, result.output
    assert "an old reason" not in result.output
    stand_in = machine / "state" / "stand-in" / environment.RANDOM
    assert re.search(rf"│ {environment.RANDOM} +│ stand-in │ {stand_in} +│", result.output)


@pytest.mark.parametrize("there", [True, False])
def test_the_list_of_tools_says_whether_the_language_host_is_there(
    machine: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """Every program with version and path; what only a plain `pulumi up` needs is no error where it is missing."""
    monkeypatch.setenv("COLUMNS", "300")
    pins = Catalog.load()
    expected = []
    for name in (*environment.ENGINE_TOOLS, *session.CLUSTER_TOOLS["sim"], *session.OTHER_TOOLS):
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


def test_the_embedded_cluster_goes_on_with_a_stand_in(machine: Path, everything_but_random: Catalog) -> None:
    """One line says so and why; the engine finds it in a folder of its own, as the version that it asks for."""
    said = io.StringIO()
    console = Console(file=said, width=40)
    environment.engine_tools(console, embedded=True)
    tools = environment.engine_tools(console, embedded=True)
    *_, line = said.getvalue().splitlines()
    assert said.getvalue().count("stand-in") == 1, "once for each command"
    assert line.startswith("pulumi-resource-random cannot be had (http")
    assert line.endswith("): a stand-in takes its place, on the embedded cluster only")
    variables = environment.engine_environment(tools)
    home = machine / "state" / "pulumi-stand-in"
    assert variables["PULUMI_HOME"] == str(home)
    pinned = everything_but_random.release(environment.RANDOM).version
    plugin = home / "plugins" / f"resource-random-v{pinned}" / environment.RANDOM
    with running(plugin) as stand_in:
        assert stand_in.ask("GetPluginInfo", Empty()) == {"version": f"{pinned}+hubstack"}
    assert not (machine / "state" / "pulumi").exists()


def test_any_other_cluster_needs_the_plugin(machine: Path, everything_but_random: Catalog) -> None:
    """One error names it and says where a stand-in would do; no engine could find one afterwards."""
    environment.engine_environment(environment.engine_tools(Console(quiet=True), embedded=True))
    with pytest.raises(HubstackError) as error:
        environment.engine_tools(Console(quiet=True), embedded=False)
    first, *_, last = str(error.value).splitlines()
    assert first.startswith("programs are missing and cannot be fetched")
    assert last == "On the embedded cluster, and only there, a stand-in takes the place of pulumi-resource-random."
    assert "pulumi-resource-kubernetes" not in str(error.value)
    assert not (machine / "state" / "pulumi").exists()


def test_the_plugin_is_taken_as_soon_as_it_is_there(machine: Path, everything_but_random: Catalog) -> None:
    """Whatever the last run had; nothing is said, and the stand-in is out of the engine's sight."""
    environment.engine_environment(environment.engine_tools(Console(quiet=True), embedded=True))
    release = everything_but_random.release(environment.RANDOM)
    plugin = program(everything_but_random.folder(release) / environment.RANDOM)
    said = io.StringIO()
    tools = environment.engine_tools(Console(file=said), embedded=True)
    assert (tools[environment.RANDOM], said.getvalue()) == (plugin, "")
    home = machine / "state" / "pulumi"
    assert environment.engine_environment(tools)["PULUMI_HOME"] == str(home)
    link = home / "plugins" / f"resource-random-v{release.version}" / environment.RANDOM
    assert link.resolve() == plugin


def test_a_stand_in_on_path_is_not_taken_for_the_plugin(machine: Path, everything_but_random: Catalog) -> None:
    """Its version says what it is; only a pinned version is taken from PATH."""
    launcher.executable(machine / "bin" / environment.RANDOM)
    with pytest.raises(HubstackError, match=r"on PATH, but does not fit: .* is 4\.21\.1\+hubstack"):
        environment.engine_tools(Console(quiet=True), embedded=False)


def test_one_error_names_all_that_is_missing(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the embedded cluster the plugin random is not among it: there it is no obstacle."""
    monkeypatch.setenv("https_proxy", NOWHERE)
    others = session.CLUSTER_TOOLS["sim"]
    with pytest.raises(HubstackError) as error:
        environment.engine_tools(Console(quiet=True), embedded=True, others=others)
    for name in ("pulumi", "pulumi-resource-kubernetes", *others):
        assert re.search(rf"^  (.*, )?{name}(, .*)? \d", str(error.value), re.MULTILINE), name
    assert environment.RANDOM not in str(error.value)


def test_the_stand_in_is_for_the_pinned_plugin() -> None:
    """The program asks for the version of its package; another pin needs another look at what the plugin answers."""
    assert {Catalog.load().release(environment.RANDOM).version, metadata.version("pulumi-random")} == {STANDS_IN_FOR}
