"""A copy of the project with a fleet of its own, in a git repository, on embedded clusters."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hubstack import project

PROGRAM = (
    "__main__.py",
    "requirements.txt",
    "hubstack",
)
PROJECT = "some-fleet"
"""Name of the copy, which is not the checkout's."""
IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")


@dataclass(frozen=True)
class FleetCopy:
    """The copy, and a state folder for everything that runs from it."""

    root: Path
    state: Path
    shared: Path | None = None
    """State folder of another machine, whose backend and passphrase this one uses."""
    launcher: tuple[str, ...] = ()
    """Words before each command, which make another machine of it."""

    @classmethod
    def make(cls, root: Path, state: Path) -> FleetCopy:
        """Copy the project's program, without stacks."""
        root.mkdir(parents=True)
        for name in PROGRAM:
            path = project.ROOT / name
            if path.is_dir():
                shutil.copytree(path, root / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(path, root / name)
        (root / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")
        (root / ".venv").symlink_to(Path(sys.prefix))
        (root / ".gitignore").write_text(".venv\n.hubstack\n__pycache__\n")
        copy = cls(root, state)
        copy.temporary.mkdir(parents=True)
        copy.git("init", "--quiet")
        return copy

    def elsewhere(self, name: str, *, launcher: Sequence[str] = (), depth: int | None = None) -> FleetCopy:
        """A machine with an empty disk, that has nothing in common with this one but the repository and the backend.

        Arguments:
            name: of its folders.
            launcher: words before each command.
            depth: number of commits to fetch; all where None.
        """
        root, state = self.root.with_name(f"{name}-project"), self.state.with_name(f"{name}-state")
        shallow = [f"--depth={depth}"] if depth else []
        subprocess.run(["git", "clone", "--quiet", *shallow, f"file://{self.root}", str(root)], check=True)
        (root / ".venv").symlink_to(Path(sys.prefix))
        copy = FleetCopy(root, state, self.state, tuple(launcher))
        copy.temporary.mkdir(parents=True)
        return copy

    def git(self, *arguments: str) -> str:
        """Run git in the copy."""
        command = ["git", "-C", str(self.root), *IDENTITY, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self) -> str:
        """Commit everything; gives the commit."""
        self.git("add", "-A")
        self.git("commit", "--quiet", "--allow-empty", "-m", "change")
        return self.git("rev-parse", "HEAD")

    def stack(self, name: str, context: str, kubeconfig: Path, values: Sequence[str] = (), **config: Any) -> None:
        """Write a stack's file."""
        settings = {
            "mode": "native",
            "namespace": name,
            "kubeContext": context,
            "kubeconfig": str(kubeconfig),
            "protectData": "false",
            "valuesFiles": list(values),
            **config,
        }
        document = {"config": {f"hubstack:{key}": value for key, value in settings.items()}}
        (self.root / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump(document))

    def values(self, name: str, **values: Any) -> None:
        """Write a values file."""
        (self.root / name).write_text(yaml.safe_dump(values))

    def fleet(
        self, stacks: Mapping[str, Mapping[str, str]], waves: Sequence[Mapping[str, Any]], **defaults: Any
    ) -> None:
        """Write fleet.yaml."""
        document: dict[str, Any] = {"stacks": {name: {"labels": dict(labels)} for name, labels in stacks.items()}}
        document |= {"waves": [dict(wave) for wave in waves]}
        if defaults:
            document["defaults"] = defaults
        (self.root / "fleet.yaml").write_text(yaml.safe_dump(document, sort_keys=False))

    def checkpoint(self, stack: str) -> Path:
        """File of the local backend with a stack's state."""
        return self.state / "backend" / ".pulumi" / "stacks" / PROJECT / f"{stack}.json"

    @property
    def temporary(self) -> Path:
        """What commands of the copy take for the system's folder of temporary files."""
        return self.state.with_name(f"{self.state.name}-tmp")

    def environment(self) -> dict[str, str]:
        """Variables for commands of the copy; the tools are the project's."""
        mirror = {"HUBSTACK_MIRROR": str(project.mirror())} if project.mirror() else {}
        return {
            **os.environ,
            **mirror,
            "HUBSTACK_STATE_DIR": str(self.state),
            "TMPDIR": str(self.temporary),
            "PYTHONPATH": str(self.root),
            "COLUMNS": "200",
            **(
                {
                    "PULUMI_BACKEND_URL": f"file://{self.shared / 'backend'}",
                    "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.shared / "passphrase"),
                }
                if self.shared
                else {}
            ),
        }

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ``hubstack ...`` without waiting for it."""
        return subprocess.Popen(
            [*self.launcher, sys.executable, "-m", "hubstack", *arguments],
            cwd=self.root,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ``hubstack rollout ...`` without waiting for it."""
        return self.command("rollout", *arguments)

    def run(self, *arguments: str) -> tuple[int, str]:
        """Exit code and output of ``hubstack rollout ...``."""
        with self.start(*arguments) as running:
            output, _ = running.communicate()
        return running.returncode, output

    def facts(self, *arguments: str) -> Any:
        """What a command with --json says."""
        code, output = self.run(*arguments, "--json")
        try:
            return json.loads(output)
        except ValueError:
            raise AssertionError(f"{arguments}: exit code {code}: {output}") from None

    def actions(self) -> dict[str, str]:
        """Action of each stack in the plan."""
        return {item["stack"]: item["action"] for item in self.facts("plan")["items"]}

    def states(self) -> dict[str, str]:
        """State of each stack in the newest rollout."""
        return {stack["stack"]: stack["state"] for stack in self.facts("status")["stacks"]}
