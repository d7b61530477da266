"""The packages that are installed are the very files that somebody has looked at: pinned with digests, in one way."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from hubstack import project

OURS = project.ROOT / "requirements.lock"
NEW = project.CODE / "hubstack" / "project" / "template" / "requirements.lock.in"


def locked(file: Path) -> dict[str, str]:
    """Version of each package of a lock, each of which must have digests."""
    text = re.sub(r"\s*\\\n\s*", " ", file.read_text())
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([a-z0-9-]+)==(\S+)(?: ; [^-]*?)?((?: --hash=sha256:[0-9a-f]{64})+)", line.strip())
            assert match, line
            found[match[1]] = match[2]
    return found


def pinned(*names: str) -> dict[str, str]:
    """Version of each package that we name ourselves."""
    lines = [line for name in names for line in (project.ROOT / name).read_text().split()]
    assert all("==" in line for line in lines), lines
    return {
        name.lower().replace("_", "-").replace(".", "-"): version for name, version in (x.split("==") for x in lines)
    }


@pytest.mark.parametrize(
    ("lock", "names"), [(OURS, ("requirements.txt", "requirements-dev.txt")), (NEW, ("requirements.txt",))]
)
def test_a_lock_has_every_pin(lock: Path, names: tuple[str, ...]) -> None:
    """What we name is locked at the version that we name; `make lock` was run after the last change."""
    wanted = pinned(*names)
    assert {name: locked(lock).get(name) for name in wanted} == wanted


def test_both_locks_agree() -> None:
    """A new project gets what the tests have run with."""
    ours = locked(OURS)
    assert {name: ours.get(name) for name in locked(NEW)} == locked(NEW)


def test_what_is_installed_is_what_is_locked() -> None:
    """The environment of the tests has each package at its locked version."""
    from importlib import metadata

    installed = {
        each.name.lower().replace("_", "-").replace(".", "-"): each.version for each in metadata.distributions()
    }
    differs = {
        name: installed[name] for name, version in locked(OURS).items() if installed.get(name, version) != version
    }
    assert differs == {}


def test_nothing_is_installed_without_digests() -> None:
    """The ways to set up, and every workflow, go through a lock; the checkout itself comes without dependencies."""
    makefile = (project.ROOT / "Makefile").read_text()
    recipe = makefile.partition("$(installed):")[2].partition("\n\n")[0]
    assert "--require-hashes --only-binary :all: --requirement requirements.lock" in recipe
    assert "--no-deps --no-build-isolation --editable ." in recipe
    assert "--require-hashes" in project.SETUP_INSTALLED
    for file in (project.ROOT / ".github" / "workflows").iterdir():
        for job in yaml.safe_load(file.read_text())["jobs"].values():
            assert [step["run"] for step in job["steps"] if "pip" in step.get("run", "")] == []


def test_no_lock_names_an_index() -> None:
    """Where packages come from is each machine's own affair."""
    for lock in (OURS, NEW):
        assert not re.search(r"https?://|--index|--find-links|--trusted-host", lock.read_text())
