"""The comments in docs/examples are what `hubstack review` writes. ``HUBSTACK_UPDATE_EXAMPLES=1`` writes them anew."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from hubstack import project
from hubstack.review import review
from tests.parity import harness

FOLDER = project.ROOT / "docs" / "examples"
KEY = b"the examples must not change from run to run"


def commit(root: Path) -> None:
    """Record the folder as it is."""
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "--quiet"], ["add", "-A"], ["commit", "--quiet", "-m", "base"]):
        subprocess.run(["git", "-C", str(root), *identity, *command], check=True)


def stack(root: Path, name: str, **config: Any) -> None:
    """Write a stack file."""
    settings = {"kubeContext": name, "namespace": "jhub", "valuesFiles": ["common.yaml"], **config}
    document = {"config": {f"hubstack:{key}": value for key, value in settings.items()}}
    (root / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump(document))


def values(root: Path, tree: dict[str, Any]) -> None:
    """Write the values that all stacks share."""
    (root / "common.yaml").write_text(yaml.safe_dump(tree))


def token_rotation(root: Path) -> None:
    """A new token between hub and proxy for one of two hubs."""
    values(root, {"cull": {"timeout": 1800}})
    stack(root, "biology")
    stack(root, "physics")
    commit(root)
    stack(root, "physics", rotateTokens={"proxy": "2026-11-23"})


def chart_upgrade(root: Path) -> None:
    """Another chart version in mode helm."""
    values(root, {"cull": {"timeout": 1800}})
    for version in ("4.3.5", "4.4.0"):
        harness.chart().archive(version)
    stack(root, "campus", mode="helm", chart={"version": "4.3.5"})
    commit(root)
    stack(root, "campus", mode="helm", chart={"version": "4.4.0"})


def profile_removal(root: Path) -> None:
    """A profile disappears from ten hubs that share their values."""
    small = {"display_name": "Small", "slug": "small", "kubespawner_override": {"mem_limit": "2G"}}
    large = {"display_name": "Large", "slug": "large", "kubespawner_override": {"mem_limit": "16G"}}
    values(root, {"singleuser": {"profileList": [small, large]}})
    for number in range(10):
        stack(root, f"course-{number:02d}")
    commit(root)
    values(root, {"singleuser": {"profileList": [small]}})


@pytest.mark.parametrize("change", [token_rotation, chart_upgrade, profile_removal])
def test_example(tmp_path: Path, change: Any) -> None:
    """The stored comment is the one that the command writes for this change today."""
    change(tmp_path)
    report, redactor = review.review(tmp_path, "HEAD", [], {}, Console(quiet=True), KEY)
    text = review.written(report, redactor, "markdown")
    file = FOLDER / f"review-{change.__name__.replace('_', '-')}.md"
    if os.environ.get("HUBSTACK_UPDATE_EXAMPLES"):
        file.write_text(text)
    assert file.read_text() == text
