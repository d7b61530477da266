"""A change of the program itself: the base is rendered by its own code, so that what the change does is seen."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hubstack import project
from tests.unit.review_repository import Repository


def program(repository: Repository) -> Path:
    """Put a copy of the program into the repository; gives one of its files."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("hubstack/chart", "hubstack/components"):
        shutil.copytree(project.ROOT / name, repository.root / name, ignore=ignored, dirs_exist_ok=True)
    for name in ("hubstack/settings.py", "__main__.py"):
        shutil.copy(project.ROOT / name, repository.root / name)
    return repository.root / "hubstack" / "chart" / "image_puller.py"


@pytest.mark.parametrize("form", ["markdown", "text", "html", "json"])
def test_the_base_is_rendered_by_its_own_code(repository: Repository, form: str) -> None:
    """Stacks whose settings stay are shown with what the new code makes of them, and the report says why."""
    file = program(repository)
    now = file.read_text()
    file.write_text(now.replace('"100%"', '"50%"'))
    repository.stack("a", {})
    repository.stack("b", {"prePuller": {"hook": {"enabled": False}, "continuous": {"enabled": False}}})
    repository.commit()
    file.write_text(now)
    report, text = repository.review(form=form)
    assert "the base is rendered by the code that it came with" in text
    changes = {each.name: each for each in report.stacks[0].changes}
    assert {name: each.action for name, each in changes.items()} == {
        "ConfigMap/hub": "update",
        "DaemonSet/continuous-image-puller": "update",
        "DaemonSet/hook-image-puller": "update",
        "Deployment/hub": "restart",
    }
    assert changes["DaemonSet/hook-image-puller"].places == ("spec.updateStrategy.rollingUpdate.maxUnavailable",)
    assert not [each.name for each in report.stacks[1].changes if each.name.startswith("DaemonSet/")]


def test_earlier_code_that_does_not_run(repository: Repository) -> None:
    """Where the base's code fails, the settings are compared all the same, and the report says what is missing."""
    file = program(repository)
    now = file.read_text()
    file.write_text("raise RuntimeError('from another time')\n")
    repository.stack("a", {})
    repository.commit()
    file.write_text(now)
    repository.stack("a", {"cull": {"timeout": 60}})
    report, _ = repository.review()
    assert report.exit_code == 2
    assert "its earlier code fails: RuntimeError: from another time" in report.notes[0]


def test_an_equal_program_is_not_run_twice(repository: Repository) -> None:
    """Where the program stays as it is, nothing is said of it; a change of how it deploys is."""
    program(repository)
    repository.stack("a", {})
    repository.commit()
    assert repository.review()[0].notes == ()
    with (repository.root / "hubstack" / "components" / "hub.py").open("a") as file:
        file.write("# another\n")
    report, text = repository.review()
    assert (report.exit_code, len(report.notes)) == (0, 1)
    assert "which only a review with --engine shows" in text
