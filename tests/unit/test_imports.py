"""Which part may import which, and what a run must not pay for."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest

from hubstack import project
from hubstack.engine import forkserver


def imported_by(statement: str) -> set[str]:
    """Top-level packages that a fresh interpreter has loaded after a statement."""
    program = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], cwd=project.ROOT, check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_directions_of_imports() -> None:
    """The contracts of pyproject.toml hold: each layer knows only those below it."""
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=project.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        (
            "import hubstack.chart.render, hubstack.chart.load",
            {"pulumi", "pulumi_kubernetes", "typer", "rich", "cryptography"},
        ),
        ("import hubstack.manifests", {"pulumi", "pulumi_kubernetes", "kubernetes", "cryptography"}),
        (
            "import hubstack.components.jupyterhub, hubstack.settings",
            {"pulumi_kubernetes", "kubernetes", "typer", "rich"},
        ),
        ("import hubstack.commands.main", {"pulumi", "pulumi_kubernetes", "kubernetes", "cryptography", "ruamel"}),
        ("import hubstack.migration.adopt, hubstack.migration.switch", {"ruamel"}),
    ],
)
def test_start_up_does_not_pay_for_what_it_does_not_use(statement: str, absent: set[str]) -> None:
    """Packages that take long to import are loaded only where they are used."""
    assert imported_by(statement) & absent == set()


def test_the_fork_server_is_nobodys_revision() -> None:
    """It is started by path and imports the program of any revision, so it may have imported nothing of its own."""
    ours = {"hubstack"}
    assert imported_by(f"import runpy; runpy.run_path({forkserver.__file__!r})") & ours == set()


def test_the_layers_are_those_of_the_picture() -> None:
    """docs/architecture.md lists the layers that the contract has, in its order."""
    contracts = tomllib.loads((project.ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (each["layers"] for each in contracts if each.get("containers") == ["hubstack"])
    page = (project.ROOT / "docs" / "architecture.md").read_text()
    table = page.partition("| Layer |")[2].partition("\n\n")[0].splitlines()[2:]
    assert [re.findall(r"`(\w+)`", row.split("|")[1]) for row in table] == [
        re.findall(r"\w+", layer) for layer in layers
    ]
