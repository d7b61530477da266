"""Where the programs are found: on PATH, in the mirror; and what `toolchain.yaml` pins."""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from hubstack import project, toolchain
from hubstack.commands import session
from hubstack.engine import environment
from hubstack.toolchain.catalog import Catalog, Platform, Release

LINUX = Platform("linux", "amd64")
NOWHERE = "http://127.0.0.1:9"
"""Nobody listens there: whoever tries to download fails at once."""


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache, an empty mirror, and one empty folder on PATH."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HUBSTACK_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("no_proxy", "*")
    (tmp_path / "bin").mkdir()
    return tmp_path


def release(name: str = "tool", **changes: object) -> Release:
    fields: dict = {
        "version": "1.2.3",
        "programs": (name,),
        "fits": "minor",
        "mirror": f"{name}-v{{version}}",
        "url": f"{NOWHERE}/{name}-v{{version}}-{{os}}-{{arch}}.tar.gz",
        "checksums": f"{NOWHERE}/sums",
        "version_command": ("version", "--short"),
    }
    return Release(name, **{**fields, **changes})


def catalog(*releases: Release) -> Catalog:
    return Catalog({each.name: each for each in releases or (release(),)}, LINUX)


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def mirror(folder: Path, name: str, members: dict[str, bytes | str], *, listed: bool = True) -> Path:
    """An archive in the mirror; text as content means a link."""
    archive = folder / "mirror" / "toolchain" / name
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:xz" if name.endswith(".xz") else "w:gz") as content:
        for path, data in members.items():
            member = tarfile.TarInfo(path)
            if isinstance(data, str):
                member.type, member.linkname = tarfile.SYMTYPE, data
                content.addfile(member)
            else:
                member.size = len(data)
                content.addfile(member, io.BytesIO(data))
    if listed:
        line = f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {archive.name}\n"
        with (archive.parent / "SHA256SUMS").open("a") as sums:
            sums.write(line)
    return archive


@pytest.mark.parametrize(
    ("fits", "output", "taken"),
    [
        ("minor", "v1.2.9+g12ab", True),
        ("minor", "tool version 1.2.3 (go1.26.8)", True),
        ("minor", "1.3.0", False),
        ("minor", "no idea", False),
        ("exact", "v1.2.3", True),
        ("exact", "v1.2.4", False),
        ("exact", "v1.2.3-alpha.1", False),
    ],
)
def test_path_is_taken_if_the_version_fits(machine: Path, fits: str, output: str, taken: bool) -> None:
    """`minor` asks for the same first two numbers, `exact` for the whole version; a misfit is named in the error."""
    path = script(machine / "bin" / "tool", f"echo '{output}'")
    pinned = catalog(release(fits=fits))
    if taken:
        assert toolchain.ensure(["tool"], catalog=pinned)["tool"] == path
    else:
        with pytest.raises(toolchain.ToolchainError, match=f"on PATH, but does not fit: {re.escape(str(path))}"):
            toolchain.ensure(["tool"], catalog=pinned)


def test_a_later_folder_of_path_may_have_the_one_that_fits(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misfit in front does not hide it, and `environment` puts the fitting one in front."""
    script(machine / "bin" / "tool", "echo 9.9.9")
    good = script(machine / "opt" / "tool", "echo 1.2.3")
    monkeypatch.setenv("PATH", f"{machine / 'bin'}:{machine / 'opt'}")
    tools = toolchain.ensure(["tool"], catalog=catalog())
    assert tools["tool"] == good
    assert tools.environment()["PATH"].split(":")[0] == str(good.parent)


def test_the_version_is_asked_once(machine: Path) -> None:
    """As long as the file stays the same; when it changes, it is asked again."""
    path = script(machine / "bin" / "tool", f"echo x >> {machine}/asked; echo 1.2.3")
    for _ in range(3):
        toolchain.ensure(["tool"], catalog=catalog())
    assert (machine / "asked").read_text() == "x\n"
    script(path, "echo 2.0.0 # another version")
    with pytest.raises(toolchain.ToolchainError, match=r"is 2\.0\.0"):
        toolchain.ensure(["tool"], catalog=catalog())


def test_a_program_without_its_companions_does_not_count(machine: Path) -> None:
    """The engine on PATH needs its language host beside it, or beside the file that a link on PATH leads to."""
    pinned = catalog(release(beside=("tool-host",)))
    path = script(machine / "opt" / "tool", "echo 1.2.3")
    (machine / "bin" / "tool").symlink_to(path)
    with pytest.raises(toolchain.ToolchainError, match="without tool-host beside it"):
        toolchain.ensure(["tool"], catalog=pinned)
    script(machine / "opt" / "tool-host", "")
    assert toolchain.ensure(["tool"], catalog=pinned)["tool"] == path


def test_a_plugin_that_cannot_be_asked_does_not_count(machine: Path) -> None:
    """A plugin has no version command; what does not speak its protocol is passed over."""
    script(machine / "bin" / "pulumi-resource-tool", "echo hello")
    pinned = catalog(release("pulumi-resource-tool", version_command=()))
    with pytest.raises(toolchain.ToolchainError, match="does not print its version"):
        toolchain.ensure(["pulumi-resource-tool"], catalog=pinned)


def test_the_mirror_supplies_what_path_lacks(machine: Path) -> None:
    """An archive of the mirror is unpacked into the cache, with executables."""
    mirror(machine, "tool-v1.2.3-linux-amd64.tar.xz", {"folder/tool": b"program"})
    path = toolchain.ensure(["tool"], catalog=catalog())["tool"]
    assert path == machine / "cache/hubstack/tools/tool-v1.2.3-linux-amd64/tool"
    assert path.read_bytes() == b"program"
    assert os.access(path, os.X_OK)


def test_the_publishers_archive_in_the_mirror_does_as_well(machine: Path) -> None:
    """Who supplies it by hand need not pack anything."""
    mirror(machine, "tool-v1.2.3-linux-amd64.tar.gz", {"linux-amd64/tool": b"program"})
    assert toolchain.ensure(["tool"], catalog=catalog())["tool"].read_bytes() == b"program"


def test_one_archive_may_serve_several_releases_through_links(machine: Path) -> None:
    """A multi-call program is found under each of its names, in the folder of each release."""
    members: dict[str, bytes | str] = {"all": b"multi", "alpha": "all", "beta": "all", "gamma": "all"}
    mirror(machine, "set-v9.9.9-linux-amd64.tar.xz", members)
    pinned = catalog(
        release("one", programs=("alpha", "beta"), mirror="set-v{version}", version="9.9.9"),
        release("two", programs=("gamma",), mirror="set-v{one}"),
    )
    tools = toolchain.ensure(["alpha", "gamma"], catalog=pinned)
    assert [path.read_bytes() for path in tools.values()] == [b"multi"] * 2
    assert [path.parent.name for path in tools.values()] == ["one-v9.9.9-linux-amd64", "two-v1.2.3-linux-amd64"]
    (machine / "mirror").rename(machine / "gone")
    assert toolchain.ensure(["beta"], catalog=pinned)["beta"].read_bytes() == b"multi"


@pytest.mark.parametrize("damage", ["changed", "truncated", "not listed", "lacks the program", "link out of it"])
def test_a_bad_archive_in_the_mirror_is_named(machine: Path, damage: str) -> None:
    """The error names the file and what is wrong, and nothing gets into the cache."""
    members: dict[str, bytes | str] = {"tool": b"program" * 1000}
    if damage == "lacks the program":
        members = {"other": b"program"}
    elif damage == "link out of it":
        members = {"tool": "../../../../etc/passwd"}
    archive = mirror(
        machine, "tool-v1.2.3-linux-amd64.tar.xz", members, listed=damage not in ("truncated", "not listed")
    )
    sums = archive.parent / "SHA256SUMS"
    if damage == "changed":
        archive.write_bytes(archive.read_bytes() + b"x")
    elif damage == "truncated":
        archive.write_bytes(archive.read_bytes()[:-30])
        sums.write_text(f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {archive.name}\n")
    elif damage == "not listed":
        sums.write_text("")
    says = {"changed": "damaged", "not listed": "not listed in SHA256SUMS"}.get(damage, "not a good archive")
    with pytest.raises(toolchain.ToolchainError, match=f"{re.escape(str(archive))}: {says}"):
        toolchain.ensure(["tool"], catalog=catalog())
    assert not list((machine / "cache").rglob("tool"))


def test_a_program_put_into_the_cache_by_hand_is_taken(machine: Path) -> None:
    """The last of the ways that the error offers."""
    path = script(machine / "cache/hubstack/tools/tool-v1.2.3-linux-amd64/tool", "")
    assert toolchain.ensure(["tool"], catalog=catalog())["tool"] == path


def test_environment_puts_the_cache_in_front_and_leaves_path_alone(machine: Path) -> None:
    """A folder such as /usr/bin does not overtake those in front of it because of one program in it."""
    script(machine / "bin" / "tool", "echo 1.2.3")
    script(machine / "cache/hubstack/tools/other-v1.2.3-linux-amd64/other", "")
    tools = toolchain.ensure(["tool", "other"], catalog=catalog(release(), release("other")))
    assert tools.environment() == {"PATH": f"{tools['other'].parent}:{machine / 'bin'}"}


def test_plugins_are_linked_where_the_engine_looks(machine: Path) -> None:
    """By kind, name and version; a link to a place that is gone is put right."""
    name = "pulumi-resource-tool"
    path = script(machine / f"cache/hubstack/tools/{name}-v1.2.3-linux-amd64/{name}", "")
    link = machine / "home" / "plugins" / "resource-tool-v1.2.3" / name
    link.parent.mkdir(parents=True)
    link.symlink_to("/gone")
    tools = toolchain.ensure([name], catalog=catalog(release(name)))
    tools.pulumi_home(machine / "home")
    tools.pulumi_home(machine / "home")
    assert link.resolve() == path
    assert [each.name for each in link.parent.iterdir()] == [name]
    assert tools.environment() == {"PATH": os.environ["PATH"], "PULUMI_IGNORE_AMBIENT_PLUGINS": "true"}


PLUGIN = "pulumi-resource-tool"
TWO_VERSIONS: dict = {"version": "4.5.6", "also": ("1.2.3",), "fits": "exact", "mirror": f"{PLUGIN}-v{{version}}"}
"""A plugin of which two versions will do; the newer one is pinned."""


def lie(machine: Path, place: str, version: str) -> Path:
    """Put the plugin into one of the places, or a program that plays it on PATH; gives where it will be found."""
    cached = machine / f"cache/hubstack/tools/tool-v{version}-linux-amd64/{PLUGIN}"
    if place == "mirror":
        mirror(machine, f"{PLUGIN}-v{version}-linux-amd64.tar.xz", {PLUGIN: version.encode()})
        return cached
    return script(cached if place == "cache" else machine / "opt" / version / PLUGIN, f"echo {version}")


@pytest.mark.parametrize(
    ("there", "found"),
    [
        (["mirror 1.2.3"], "mirror 1.2.3"),
        (["mirror 1.2.3", "mirror 4.5.6"], "mirror 4.5.6"),
        (["mirror 4.5.6", "cache 1.2.3"], "cache 1.2.3"),
        (["cache 1.2.3", "cache 4.5.6"], "cache 4.5.6"),
        (["cache 4.5.6", "path 1.2.3"], "path 1.2.3"),
        (["path 1.2.3", "path 4.5.6"], "path 4.5.6"),
        (["path 4.5.7", "path 1.2.4", "mirror 1.2.3"], "mirror 1.2.3"),
    ],
)
def test_other_versions_that_will_do(
    machine: Path, monkeypatch: pytest.MonkeyPatch, there: list[str], found: str
) -> None:
    """PATH, cache, mirror, in this order, and the pinned version first at each; exactly these versions."""
    lies = {each: lie(machine, *each.split()) for each in there}
    monkeypatch.setenv("PATH", ":".join(str(path.parent) for each, path in lies.items() if each.startswith("path")))
    pins = catalog(release("tool", programs=(PLUGIN,), **TWO_VERSIONS))
    tools = toolchain.ensure([PLUGIN], catalog=pins)
    assert (tools[PLUGIN], tools.version(PLUGIN)) == (lies[found], found.split()[1])
    tools.pulumi_home(machine / "home")
    assert [each.name for each in (machine / "home" / "plugins").iterdir()] == [f"resource-tool-v{found.split()[1]}"]


def test_only_the_pinned_version_is_downloaded(machine: Path) -> None:
    """The other ones are taken where they are; the error says that they would do."""
    pins = catalog(release("tool", programs=(PLUGIN,), **TWO_VERSIONS))
    with pytest.raises(toolchain.ToolchainError) as error:
        toolchain.ensure([PLUGIN], catalog=pins)
    lines = str(error.value).splitlines()
    assert f"  {PLUGIN} 4.5.6 from {NOWHERE}/tool-v4.5.6-linux-amd64.tar.gz" in lines
    assert f"  - put them on PATH: {PLUGIN} 4.5.6 or 1.2.3" in lines
    archives = [line for line in lines if line.startswith("  - put archives of them into")]
    assert [f"{PLUGIN}-v{version}-linux-amd64.tar.xz" in archives[0] for version in ("4.5.6", "1.2.3")] == [True, True]


def test_the_version_of_what_is_on_path_is_told(machine: Path) -> None:
    """Not the pinned one that it stands for."""
    script(machine / "bin" / "tool", "echo v1.2.9")
    assert toolchain.ensure(["tool"], catalog=catalog()).version("tool") == "1.2.9"


def test_an_unknown_program_is_refused() -> None:
    """The error lists what there is."""
    with pytest.raises(toolchain.ToolchainError, match=r"'helm' is not a program of toolchain\.yaml; it has tool"):
        toolchain.ensure(["helm"], catalog=catalog())


def pins(machine: Path, text: str) -> Path:
    """A file such as toolchain.yaml; << stands for the fields that every release has, {digest} for a good one."""
    path = machine / "pins.yaml"
    fields = "version: '1', programs: [b, c], fits: exact, mirror: m, checksums: c"
    path.write_text(text.replace("<<", fields).replace("{digest}", "a" * 64))
    return path


def test_a_digest_is_found_by_platform_and_program(machine: Path) -> None:
    """By program only where each is a file of its own; none is made up for a platform without one."""
    path = pins(
        machine,
        """
        releases:
          one: {<<, url: x, sha256: {linux-amd64: {digest}}}
          each: {<<, programs: [d, e], url: 'x/{program}', sha256: {e: {darwin-arm64: {digest}}}}
        """,
    )
    found = {
        (program, str(machine)): Catalog.load(path, machine).digest(Catalog.load(path).release(program), program)
        for program in ("b", "d", "e")
        for machine in (LINUX, Platform("darwin", "arm64"))
    }
    digest = "a" * 64
    assert {key for key, value in found.items() if value == digest} == {
        ("b", "linux-amd64"),
        ("e", "darwin-arm64"),
    }
    assert {value for value in found.values() if value != digest} == {None}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "releases: [",
        "releases: {a: {version: 1.2}}",
        "releases: {a: {version: '1'}}",
        "releases: {a: {version: '1', also: [2.0], fits: exact}}",
        "releases: {a: {<<, url: x, sha256: {linux-amd64: abc}}}",
        "releases: {a: {<<, url: x, sha256: {linux-x64: {digest}}}}",
        "releases: {a: {<<, url: x, platforms: [linux], sha256: {darwin-arm64: {digest}}}}",
        "releases: {a: {<<, url: 'x/{program}', sha256: {linux-amd64: {digest}}}}",
        "releases: {a: {<<, url: 'x/{program}', sha256: {d: {linux-amd64: {digest}}}}}",
        "releases: {a: {<<, url: x, sha256: {b: {linux-amd64: {digest}}}}}",
    ],
)
def test_a_broken_pin_file_is_named(machine: Path, text: str) -> None:
    """No traceback for who edits it, and no digest that nobody would ever compare."""
    path = pins(machine, text)
    with pytest.raises(toolchain.ToolchainError, match=r"pins\.yaml: cannot be read"):
        Catalog.load(path)


def test_pulumi_is_pinned_as_its_python_packages_are() -> None:
    """Engine, language host and plugins fit the SDKs: requirements.txt has the same versions."""
    requirements = dict(
        line.split("==") for line in (project.ROOT / "requirements.txt").read_text().split() if "==" in line
    )
    releases = Catalog.load().releases
    assert {name: releases[name].version for name in releases if name.startswith("pulumi")} == {
        name: version for name, version in requirements.items() if name.startswith("pulumi")
    }


def test_the_document_says_what_no_pinned_digest_protects() -> None:
    """A row for every program: the platforms with a digest, and what else is compared, where it has not all of them."""
    text = (project.ROOT / "docs" / "toolchain.md").read_text()
    table = text.split("| Program | SHA-256 pinned for |")[1].split("\n\n")[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    documented = {
        program: (tuple(filter(None, platforms.split(", "))), bool(otherwise))
        for programs, platforms, otherwise in rows
        for program in re.findall("`([^`]+)`", programs)
    }
    pinned = {}
    for each in Catalog.load().releases.values():
        for program in each.programs:
            digests = each.sha256.get(program, {}) if "{program}" in each.url else each.sha256
            pinned[program] = (tuple(digests), len(digests) < 2 * len(each.platforms))
    assert documented == pinned


@pytest.mark.parametrize("system", ["linux", "darwin"])
@pytest.mark.parametrize("arch", ["amd64", "arm64"])
def test_every_template_of_the_pin_file_can_be_filled_in(system: str, arch: str) -> None:
    """Each program that Hubstack uses has a source, on each platform."""
    pins = Catalog.load(machine=Platform(system, arch))
    clusters = [program for programs in session.CLUSTER_TOOLS.values() for program in programs]
    for program in (*environment.ENGINE_TOOLS, *clusters, *session.OTHER_TOOLS):
        each = pins.release(program)
        for template in (each.url, each.checksums):
            assert re.fullmatch(r"https://[^{}]+", pins.expand(template, each, program))
        assert all(system in name for name in pins.mirrored(each))


def test_what_is_cached_is_found_without_a_look_at_it(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in the cache was checked when it came: none is started, and no digest is made, each time it is used."""
    pins = Catalog.load(machine=LINUX)
    names = [program for each in pins.releases.values() for program in each.programs]
    for each in pins.releases.values():
        for name in (*each.programs, *each.beside):
            script(pins.folder(each) / name, "exit 1")
    monkeypatch.setattr(subprocess, "Popen", _refused)
    monkeypatch.setattr(hashlib, "sha256", _refused)
    tools = toolchain.ensure(names, catalog=Catalog.load(machine=LINUX))
    assert list(tools) == names


def _refused(*arguments: object, **options: object) -> None:
    raise AssertionError(f"not to be called: {arguments}")
