"""`hubstack review` offline against what a shell loop would do: `helm template` of every stack on both sides."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import yaml

from hubstack import project
from hubstack.chart import helm_yaml

STACKS = 40
CHANGED = 3
TARGET = "<= 0.50"
PROGRAM = """
import pathlib, sys
import hubstack.commands.main
from rich.console import Console
from hubstack.review import review
report, redactor = review.review(pathlib.Path(sys.argv[1]), "HEAD", [], {}, Console(quiet=True))
sys.stdout.write(review.written(report, redactor, "markdown"))
sys.exit(report.exit_code)
"""
"""What the command does, on another folder than the project's."""
CHANGES = 2
"""Exit code of a review that finds changes."""


class Fleet:
    """A git repository with many stacks, some of which a change touches."""

    def __init__(self, folder: Path, files: list[Path], mode: str) -> None:
        """Write the stacks, each with a values file of its own, commit them, and change some.

        Arguments:
            folder: empty; the repository.
            files: values files to take in turn.
            mode: of every stack.
        """
        self.folder = folder
        for index in range(STACKS):
            for side in ("base", "head"):
                shutil.copy(files[index % len(files)], self.values(index, side))
            settings = {"kubeContext": f"cluster-{index}", "namespace": f"hub-{index}", "mode": mode}
            settings["valuesFiles"] = [self.values(index, "head").name]
            document = {"config": {f"hubstack:{key}": value for key, value in settings.items()}}
            (folder / f"Pulumi.hub-{index:02d}.yaml").write_text(yaml.safe_dump(document))
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        for command in (["init", "--quiet"], ["add", "-A"], ["commit", "--quiet", "-m", "base"]):
            subprocess.run(["git", "-C", folder, *identity, *command], check=True)
        for index in range(CHANGED):
            file = self.values(index, "head")
            values = helm_yaml.load(file.read_text(), source=file.name) or {}
            file.write_text(helm_yaml.dump({**values, "cull": {"timeout": 4321}}))

    def values(self, index: int, side: str) -> Path:
        """A stack's values file on one side."""
        return self.folder / f"values-{index:02d}-{side}.yaml"

    def review(self) -> int:
        """Review the change; gives the most memory that the command held at a time, in MiB."""
        command = [sys.executable, "-c", PROGRAM, str(self.folder)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=project.ROOT) as running:
            _, status, usage = os.wait4(running.pid, 0)
            running.returncode = os.waitstatus_to_exitcode(status)
        if running.returncode != CHANGES:
            raise SystemExit(f"hubstack review ended with exit code {running.returncode}")
        return usage.ru_maxrss // 1024

    def template(self, helm: Path, chart: Path) -> None:
        """Render both sides of every stack with Helm, one after the other."""
        for index in range(STACKS):
            for side in ("base", "head"):
                options = ["--namespace", f"hub-{index}", "--values", str(self.values(index, side))]
                subprocess.run([helm, "template", f"hub-{index}", chart, *options], check=True, capture_output=True)


Compare = Callable[..., list[list[str]]]
Seconds = Callable[[Callable[[], object]], float]


def rows(runs: int, helm: Path, chart: Path, files: list[Path], compare: Compare, seconds: Seconds) -> list[list[str]]:
    """Table rows: both modes against Helm, and the memory of a review."""
    files = [file for file in files if _renders(helm, chart, file)]
    with tempfile.TemporaryDirectory() as name:
        fleets = {}
        for mode in ("native", "helm"):
            (Path(name) / mode).mkdir()
            fleets[mode] = Fleet(Path(name) / mode, files, mode)
        memory: dict[str, list[int]] = {mode: [] for mode in fleets}

        def review(mode: str) -> float:
            return seconds(lambda: memory[mode].append(fleets[mode].review()))

        found = compare(
            f"{STACKS} stacks, {CHANGED} changed",
            runs,
            TARGET,
            review_of_native_stacks=lambda: review("native"),
            review_of_helm_stacks=lambda: review("helm"),
            helm_template_of_both_sides=lambda: seconds(lambda: fleets["native"].template(helm, chart)),
        )
        for mode, peaks in memory.items():
            found.append([f"memory of a review, {mode}", "peak", f"{max(peaks)} MiB", "", "", ""])
        return found


def _renders(helm: Path, chart: Path, file: Path) -> bool:
    command = [helm, "template", "jhub", chart, "--values", file]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
