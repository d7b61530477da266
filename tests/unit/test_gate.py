"""The gate: what it runs, that it stops at the first failure, and how it ends."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from hubstack import project

GATE = project.ROOT / ".ci" / "run"
WORKFLOW = project.ROOT / ".github" / "workflows" / "ci.yml"


def gate(folder: Path, failing: str = "") -> tuple[int, list[str], str]:
    """Run the gate with a stand-in for make; gives the exit code, the targets that were made, the last line."""
    make = folder / "make"
    make.write_text(f'#!/bin/sh\necho "$1" >> "{folder}/made"\n[ "$1" != "{failing}" ] || exit 2\n')
    make.chmod(0o755)
    done = subprocess.run(
        [GATE],
        env={**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    last = re.sub(r"\d+ s", "N s", done.stdout.splitlines()[-1])
    return done.returncode, (folder / "made").read_text().split(), last


@pytest.mark.parametrize(
    ("failing", "ends"),
    [
        ("", (0, ["lint", "site", "test"], "gate: passed: make lint, make site, make test (N s)")),
        ("lint", (2, ["lint"], "gate: FAILED at make lint: exit code 2 (N s)")),
        ("test", (2, ["lint", "site", "test"], "gate: FAILED at make test: exit code 2 (N s)")),
    ],
)
def test_the_gate_says_how_it_ended(tmp_path: Path, failing: str, ends: tuple[int, list[str], str]) -> None:
    """Lint comes first because it is fast; the last line is the verdict, and the exit code is make's."""
    assert gate(tmp_path, failing) == ends


def test_pull_requests_pass_the_same_gate(tmp_path: Path) -> None:
    """The workflow runs the gate's commands in the gate's order."""
    (job,) = yaml.safe_load(WORKFLOW.read_text())["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands == [f"make {target}" for target in gate(tmp_path)[1]]
