"""The program as an ordinary Pulumi program: `pulumi up` with the engine's own language host, without hubstack."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from hubstack.engine import environment
from tests import needs
from tests.engine.conftest import PROJECT, Machine

NAME = "plain"


@dataclass(frozen=True)
class Project:
    """Somebody's checkout with a stack and a backend of their own."""

    folder: Path
    backend: Path
    variables: dict[str, str]

    def pulumi(self, *arguments: str) -> tuple[int, str]:
        """Exit code and output of a command of the engine."""
        command = ["pulumi", *arguments, "--stack", NAME, "--non-interactive", "--color=never"]
        done = subprocess.run(
            command, cwd=self.folder, env=self.variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return done.returncode, done.stdout

    def changes(self, verb: str) -> dict[str, int]:
        """What an operation changed."""
        code, output = self.pulumi(verb, "--yes", "--skip-preview")
        assert code == 0, output
        newest = max((self.backend / ".pulumi" / "history" / PROJECT / NAME).glob("*.history.json"))
        found: dict[str, int] = json.loads(newest.read_text())["resourceChanges"]
        return found


@pytest.fixture
def plain(machine: Machine, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A stack that only the engine knows; skips where the engine has no host for programs in Python."""
    host = environment.language_host(machine.tools)
    if host is None:
        needs.skip("language-host", "pulumi-language-python is neither on PATH nor beside pulumi")
    config = {
        "kubeContext": machine.cluster.context,
        "kubeconfig": str(machine.cluster.kubeconfig),
        "namespace": "jhub-plain",
        "protectData": "false",
    }
    document = {"config": {f"hubstack:{key}": value for key, value in config.items()}}
    (root / f"Pulumi.{NAME}.yaml").write_text(yaml.safe_dump(document))
    backend = tmp_path_factory.mktemp("backend")
    variables = {
        **os.environ,
        **environment.engine_environment(machine.tools),
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_CONFIG_PASSPHRASE": "of a test",
    }
    for ours in ("PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_IGNORE_AMBIENT_PLUGINS"):
        variables.pop(ours, None)
    variables["PATH"] = os.pathsep.join([variables["PATH"], str(host.parent)])
    project = Project(root, backend, variables)
    assert project.pulumi("stack", "init")[0] == 0
    yield project
    project.pulumi("destroy", "--yes", "--skip-preview")


def test_up_again_and_a_lost_state(plain: Project) -> None:
    """`pulumi up` deploys, again changes nothing, and with another, empty backend refuses each object that is there."""
    assert set(plain.changes("up")) == {"create"}
    assert set(plain.changes("up")) == {"same"}
    stacks = plain.backend / ".pulumi" / "stacks" / PROJECT
    kept = (stacks / f"{NAME}.json").read_bytes()
    for file in stacks.glob(f"{NAME}.json*"):
        file.unlink()
    assert plain.pulumi("stack", "init")[0] == 0
    code, output = plain.pulumi("up", "--yes", "--skip-preview")
    assert code != 0
    assert 'Namespace "jhub-plain": in the cluster already, and unknown to the state of stack plain.' in output
    (stacks / f"{NAME}.json").write_bytes(kept)
    assert set(plain.changes("up")) == {"same"}
