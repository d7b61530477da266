"""A small repository with stack files and values files, whose changes are reviewed."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from hubstack.review import review
from hubstack.review.report import Report

QUIET = Console(quiet=True)


@dataclass
class Repository:
    """A git repository with stack files and values files."""

    root: Path

    def git(self, *arguments: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(self.root), *identity, *arguments], check=True, capture_output=True)

    def stack(self, name: str, file: dict[str, Any] | None = None, **config: Any) -> None:
        """Write a stack file, and a values file if there are values."""
        settings = {"hubstack:kubeContext": f"cluster-{name}", "hubstack:namespace": name}
        if file is not None:
            (self.root / f"{name}.yaml").write_text(yaml.safe_dump(file))
            settings["hubstack:valuesFiles"] = [f"{name}.yaml"]
        settings |= {f"hubstack:{key}": value for key, value in config.items()}
        (self.root / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": settings}))

    def commit(self) -> None:
        """Record everything as the base of the change that follows."""
        self.git("add", "-A")
        self.git("commit", "--quiet", "-m", "base")

    def review(self, *stacks: str, form: str = "markdown", **accepted: str) -> tuple[Report, str]:
        """The report on the work tree, and its text."""
        reasons = {rule.replace("_", "-"): reason for rule, reason in accepted.items()}
        report, redactor = review.review(self.root, "HEAD", stacks, reasons, QUIET)
        return report, review.written(report, redactor, form)
