"""`hubstack new` with an installed Hubstack: every command works in the project that it makes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack.project import new
from hubstack.toolchain import Tools
from tests import charts
from tests.engine.wheel.conftest import Installed

GIT = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")


@dataclass(frozen=True)
class Project:
    """A new project outside of the checkout, in a git repository."""

    folder: Path
    installed: Installed
    mirror: Path

    def hubstack(self, *arguments: str, code: int = 0) -> str:
        """What a command prints, which must end with a code."""
        done = self.installed.run(self.folder, *arguments, HUBSTACK_MIRROR=str(self.mirror))
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout

    def facts(self, *arguments: str, code: int = 0) -> Any:
        """The same with --json."""
        return json.loads(self.hubstack(*arguments, "--json", code=code))

    def git(self, *arguments: str) -> str:
        """What a command of git prints."""
        command = ["git", "-C", str(self.folder), *GIT, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def shop(
    installed: Installed, tools: Tools, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """A project of another name than its folder's; its stacks and its cluster are gone afterwards."""
    done = installed.run(tmp_path, "new", "hubs", "--name", "shop")
    assert (done.returncode, done.stderr) == (0, "")
    made = Project(tmp_path / "hubs", installed, charts.mirror(tmp_path_factory.mktemp("mirror")))
    made.git("init", "--quiet", "--initial-branch", "main")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "new")
    yield made
    installed.run(made.folder, "down")


def test_every_command_works_in_a_new_project(shop: Project) -> None:
    """From nothing to a hub on the embedded cluster, through a change and back to nothing."""
    assert set(shop.git("ls-files").split()) == set(new.FILES)
    assert {"pulumi", "helm", "etcd"} <= set(shop.hubstack("tools").split())

    first = shop.facts("up")
    assert (first["stack"], first["namespace"], set(first["changes"])) == ("dev", "jhub", {"create"})
    assert shop.facts("up")["changed"] == 0
    (state,) = (shop.folder / ".hubstack" / "backend").glob(".pulumi/stacks/*/dev.json")
    assert state.parent.name == "shop"
    assert "::shop::" in state.read_text()

    values = shop.folder / "config.yaml"
    values.write_text(values.read_text().replace("limit: 1G", "limit: 2G"))
    assert shop.facts("preview")["changes"]["update"] > 0
    review = json.loads(shop.hubstack("review", "--format", "json", code=2))
    assert [each["stack"] for each in review["stacks"]] == ["dev"]
    (item,) = shop.facts("rollout", "plan", code=2)["items"]
    assert (item["stack"], item["action"]) == ("dev", "up")
    assert item["reason"] == "was not deployed by a rollout, or changed by other means since"
    objects = list(yaml.safe_load_all(shop.hubstack("manifests", "--placeholder-tokens", "--values", "config.yaml")))
    assert first["changes"]["create"] > len(objects) > 25
    assert shop.facts("parity")["equal"] is True

    shop.hubstack("rollout", "up")
    (item,) = shop.facts("rollout", "plan")["items"]
    assert (item["stack"], item["action"]) == ("dev", "skip")
    assert shop.facts("doctor", "--only", "pulumi")["checks"] == {"pulumi": "ok"}

    shop.hubstack("down")
    assert not state.exists()
    assert shop.git("status", "--porcelain") == " M config.yaml\n"
