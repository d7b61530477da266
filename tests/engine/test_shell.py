"""Plain `pulumi` on a stack, as `hubstack env` and `hubstack pulumi` prepare it: it dirties nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from hubstack import toolchain
from hubstack.project import new

HUBSTACK = Path(sys.executable).with_name("hubstack")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody's project."""
    return new.make(tmp_path_factory.mktemp("shell") / "hubs").folder


@pytest.fixture
def environment(tools: toolchain.Tools, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Variables of a shell that has never heard of the project."""
    ours = ("HUBSTACK_ROOT", "HUBSTACK_STATE_DIR", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_HOME")
    for name in (*ours, "PULUMI_CONFIG_PASSPHRASE", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    return {**os.environ, **tools.environment()}


def shell(script: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Output of a script of somebody who works in the project's folder."""
    named = {**environment, "HUBSTACK": str(HUBSTACK)}
    done = subprocess.run(["bash", "-euc", script], cwd=folder, env=named, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def files(folder: Path) -> dict[str, bytes]:
    """Every file that a repository would have."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".hubstack" not in path.parts
    }


def test_plain_pulumi_works_in_the_shell_and_changes_no_file(folder: Path, environment: Mapping[str, str]) -> None:
    """In the shell of `hubstack env`, the engine makes and keeps a secret of a stack; the repository stays as it is."""
    before = files(folder)
    script = """
        eval "$($HUBSTACK env 2>/dev/null)"
        pulumi stack init dev --no-select >/dev/null 2>&1
        pulumi config set --secret hubstack:trial sentinel-of-a-shell
        pulumi config get hubstack:trial
    """
    assert shell(script, folder, environment) == "sentinel-of-a-shell\n"
    assert files(folder) == before
    kept = (folder / ".hubstack" / "stacks" / "dev" / "Pulumi.dev.yaml").read_text()
    assert "encryptionsalt" in kept
    assert "sentinel-of-a-shell" not in kept


def test_the_command_runs_pulumi_and_hands_its_exit_code_on(folder: Path, environment: Mapping[str, str]) -> None:
    """`hubstack pulumi` is plain `pulumi` on the stack: its output, its options, its failure."""
    script = (
        "$HUBSTACK pulumi -- config get hubstack:namespace; $HUBSTACK pulumi -- stack nonsense 2>&1 || echo code $?"
    )
    found = shell(script, folder, environment).splitlines()
    assert found[0] == "jhub"
    assert any('unknown command "nonsense"' in line for line in found)
    assert found[-1].startswith("code ")
    assert found[-1] != "code 0"


def test_the_same_as_json(folder: Path, environment: Mapping[str, str]) -> None:
    """Scripts read the same facts as data, and nothing of them is a secret: the passphrase is named by its file."""
    found = json.loads(shell("$HUBSTACK env --json 2>/dev/null", folder, environment))
    assert found["variables"]["PULUMI_STACK"] == "dev"
    assert found["folder"] == str(folder / ".hubstack" / "stacks" / "dev")
    passphrase = Path(found["variables"]["PULUMI_CONFIG_PASSPHRASE_FILE"])
    assert passphrase.read_text() not in json.dumps(found)
