"""What people install: a wheel in an empty environment, run from a folder of their own outside of the checkout."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack import project
from hubstack.toolchain import Tools
from tests.engine.wheel.conftest import Installed, tracked

PACKAGES = ("hubstack",)
VALUES = {
    "hub": {
        "config": {"Authenticator": {"admin_users": ["ada"]}},
        "extraFiles": {"f": {"mountPath": "/f", "stringData": "x"}},
    }
}


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """A project of somebody who has no checkout: settings of one stack, and a fleet of it."""
    write(tmp_path / "values.yaml", VALUES)
    settings = {"kubeContext": "nowhere", "kubeconfig": "kubeconfig", "valuesFiles": ["values.yaml"]}
    write(tmp_path / "Pulumi.a.yaml", {"config": {f"hubstack:{key}": value for key, value in settings.items()}})
    write(tmp_path / "fleet.yaml", {"stacks": {"a": {}}, "waves": [{"name": "all", "select": "stack=a"}]})
    write(tmp_path / "kubeconfig", {"apiVersion": "v1", "kind": "Config", "contexts": [], "clusters": [], "users": []})
    return tmp_path


def write(file: Path, document: Mapping[str, Any]) -> None:
    """Write a YAML file."""
    file.write_text(yaml.safe_dump(document))


def test_the_wheel_has_every_file_and_nothing_else(installed: Installed) -> None:
    """A file of the packages that is missing shows only where it is read, so the whole list is compared."""
    with zipfile.ZipFile(installed.wheel) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
        notes = {name.partition(".dist-info/")[2] for name in wheel.namelist() if ".dist-info/" in name}
    assert packed == {name for name in tracked() if name.startswith(PACKAGES)}
    assert "licenses/LICENSE" in notes


def test_manifests_are_those_of_the_checkout(installed: Installed, tmp_path: Path) -> None:
    """Installed, the same values make the same objects, down to the hub's configuration files."""
    write(tmp_path / "values.yaml", VALUES)
    done = installed.run(tmp_path, "manifests", "--placeholder-tokens", "--values", "values.yaml")
    here = [sys.executable, "-m", "hubstack", "manifests", "--placeholder-tokens"]
    here += ["--values", str(tmp_path / "values.yaml")]
    expected = subprocess.run(here, cwd=project.ROOT, check=True, capture_output=True, text=True).stdout
    assert done.returncode == 0, done.stderr
    assert list(yaml.safe_load_all(done.stdout)) == list(yaml.safe_load_all(expected))
    assert {path.name for path in tmp_path.iterdir()} == {"values.yaml"}


def test_help_needs_no_project(installed: Installed, tmp_path: Path) -> None:
    """Every command explains itself, in any folder."""
    for command in ("up", "parity", "review", "adopt", "doctor", "rollout", "cluster"):
        done = installed.run(tmp_path, command, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert f"hubstack {command}" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_tools_are_found(installed: Installed, tools: Tools, tmp_path: Path) -> None:
    """The installed list of programs is the checkout's, and leads to the same programs."""
    done = installed.run(tmp_path, "tools")
    assert (done.returncode, done.stderr) == (0, "")
    assert set(map(str, tools.values())) <= set(done.stdout.split())


def test_a_rollout_is_planned_in_a_folder_of_settings(installed: Installed, tools: Tools, fleet: Path) -> None:
    """Settings are all that a project needs; its state stays below it, and nothing is written where Hubstack lies."""
    before = installed.files()
    done = installed.run(fleet, "rollout", "plan", "--json")
    assert done.returncode == 2, done.stderr
    plan = json.loads(done.stdout)
    assert [(each["stack"], each["action"], each["reason"]) for each in plan["items"]] == [
        ("a", "up", "is not deployed yet")
    ]
    assert (fleet / ".hubstack").is_dir()
    assert installed.files() == before


def test_the_installed_program_runs(installed: Installed, tools: Tools, fleet: Path) -> None:
    """Without a program in the project the engine runs the installed one: here as far as the cluster's name."""
    done = installed.run(fleet, "preview", "--stack", "a")
    assert done.returncode == 1
    assert "no such context" in done.stderr, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_the_project_is_found_upwards(installed: Installed, tools: Tools, fleet: Path) -> None:
    """From a folder below Pulumi.yaml, and by its path from anywhere, it is the same project, whatever its name."""
    write(fleet / "Pulumi.yaml", {"name": "shop", "runtime": "python"})
    (fleet / "notes").mkdir()
    plans = [
        installed.run(fleet, "rollout", "plan", "--json"),
        installed.run(fleet / "notes", "rollout", "plan", "--json"),
        installed.run(installed.environment, "rollout", "plan", "--json", HUBSTACK_ROOT=str(fleet)),
        installed.run(installed.environment, "--project", str(fleet), "rollout", "plan", "--json"),
    ]
    assert [done.returncode for done in plans] == [2, 2, 2, 2], plans[0].stderr
    assert len({done.stdout for done in plans}) == 1
    assert not (fleet / "notes" / ".hubstack").exists()


def test_a_program_in_another_language_is_refused(installed: Installed, tools: Tools, fleet: Path) -> None:
    """A Pulumi.yaml of something else gets one clear error."""
    write(fleet / "Pulumi.yaml", {"name": "shop", "runtime": "nodejs"})
    done = installed.run(fleet, "up", "--stack", "a", "--yes")
    assert done.returncode == 1
    assert f"{fleet}/Pulumi.yaml: runtime: 'nodejs': must be 'python'" in done.stderr
