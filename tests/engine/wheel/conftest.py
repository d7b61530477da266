"""What people install: a wheel in an environment of its own, made once for all tests that need it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hubstack import project
from tests import needs

OFFLINE = ("No matching distribution found", "NewConnectionError", "Failed to establish", "Temporary failure")


@dataclass(frozen=True)
class Installed:
    """An environment that has the wheel and what it depends on, and nothing else."""

    wheel: Path
    environment: Path

    def run(self, folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run ``hubstack ...`` in a folder, with none of this process's ways to the checkout."""
        hidden = ("PYTHONPATH", "VIRTUAL_ENV", "HUBSTACK_", "PULUMI_", "KUBECONFIG")
        mirror = {"HUBSTACK_MIRROR": str(project.mirror())} if project.mirror() else {}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        return subprocess.run(
            [self.environment / "bin" / "hubstack", *arguments],
            cwd=folder,
            env={**inherited, **mirror, "COLUMNS": "200", **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def files(self) -> set[str]:
        """Everything in the environment but compiled modules."""
        found = (path for path in self.environment.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {str(path.relative_to(self.environment)) for path in found}


def tracked() -> list[str]:
    """Names of the checkout's files."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=project.ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.split("\0") if name and (project.ROOT / name).is_file()]


def must(command: list[Any]) -> None:
    """Run a step of building and installing; skips, with the reason, where the package index cannot be reached."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    if done.returncode and any(text in said for text in OFFLINE):
        needs.skip("index", f"the package index cannot be reached: {said.strip().splitlines()[-1]}")
    assert done.returncode == 0, said


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel, built from the source distribution of a copy of the checkout, in an environment of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in tracked():
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project.ROOT / name, folder / "source" / name)
    must([sys.executable, "-m", "build", "--outdir", folder / "dist", folder / "source"])
    (wheel,) = (folder / "dist").glob("*.whl")
    must([sys.executable, "-m", "venv", folder / "environment"])
    must([folder / "environment" / "bin" / "pip", "install", "--disable-pip-version-check", "--no-compile", wheel])
    return Installed(wheel, folder / "environment")
