"""A review and the plan of a rollout read the files of their revision, and no others; each refusal is one stack's."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack import project
from hubstack.fleet import deployed, load, plan, source
from hubstack.fleet.source import Revision
from hubstack.project import bounds
from hubstack.review import review, sources
from tests.unit.review_repository import QUIET, Repository

SECRET = "correct-horse-battery-staple"
IDLE = {"cull": {"timeout": 60}}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Two stacks, beside what is nobody's business: a passphrase, a private file, a file outside."""
    root = tmp_path / "project"
    (root / ".hubstack").mkdir(parents=True)
    (root / "private").mkdir()
    (root / "linked").symlink_to(tmp_path)
    for file in (root / ".hubstack/passphrase", root / "private/values.yaml", tmp_path / "outside.yaml"):
        file.write_text(SECRET)
    (root / ".gitignore").write_text(".hubstack\nprivate\n")
    made = Repository(root)
    made.git("init", "--quiet")
    for name in ("a", "b"):
        made.stack(name, {})
    made.commit()
    monkeypatch.setattr(project, "ROOT", root)
    return made


def link(repository: Repository, name: str, target: str) -> str:
    """Make a link in the repository; gives its name."""
    path = repository.root / name
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    return name


NAMED: dict[str, Any] = {
    "the passphrase": ".hubstack/passphrase",
    "a file that git ignores": "private/values.yaml",
    "git's own file": ".git/config",
    "a path upwards": "../outside.yaml",
    "a path upwards and back": "charts/../../outside.yaml",
    "an absolute path": "/etc/shadow",
    "an absolute path to a file of the project": lambda r: str(r.root / "b.yaml"),
    "a path of the kernel's": "/proc/self/environ",
    "a link to a file outside": lambda r: link(r, "link.yaml", "../outside.yaml"),
    "an absolute link": lambda r: link(r, "link.yaml", "/etc/shadow"),
    "a link to a link": lambda r: link(r, "first.yaml", link(r, "second.yaml", "../outside.yaml")),
    "a link to the passphrase": lambda r: link(r, "link.yaml", ".hubstack/passphrase"),
    "a link to a file that git ignores": lambda r: link(r, "link.yaml", "private/values.yaml"),
    "a folder on the way that is a link": "linked/outside.yaml",
    "a link to a folder with a passphrase": lambda r: link(r, "state", ".hubstack") + "/passphrase",
    "a zero byte": "b.yaml\0",
}


@pytest.mark.parametrize("name", NAMED.values(), ids=NAMED)
@pytest.mark.parametrize("side", ["base", "head"])
def test_a_review_reads_nothing_else(repository: Repository, name: Any, side: str) -> None:
    """The stack that names such a file, on either side, is an error without a word of it; the other stack is shown."""
    repository.stack("a", None, valuesFiles=[name(repository) if callable(name) else name])
    if side == "base":
        repository.commit()
        repository.stack("a", {})
    repository.stack("b", IDLE)
    report, redactor = review.review(repository.root, "HEAD", (), {}, QUIET)
    found = {stack.stack: stack for stack in report.stacks}
    assert [error.partition(":")[0] for error in found["a"].errors] == [side]
    assert found["b"].changes
    assert not found["b"].errors
    for form in review.FORMATS:
        text = review.written(report, redactor, form)
        assert SECRET not in text
        assert "root:" not in text


def test_a_list_of_files_may_be_json(repository: Repository) -> None:
    """A setting that is written as JSON text is looked at as well, and so is the chart's."""
    named = {"valuesFiles": '[".hubstack/passphrase"]', "chart": '{"path": "/proc"}', "poolsFile": "../outside.yaml"}
    repository.stack("a", None, mode="helm", **named)
    report, _ = repository.review("a", form="text")
    assert [error.count("hubstack:") for stack in report.stacks for error in stack.errors] == [len(named)]


@pytest.mark.parametrize(
    "target", ["../outside.yaml", "/etc/shadow", ".hubstack/passphrase", "private/values.yaml", "/dev/zero", "linked"]
)
@pytest.mark.parametrize("file", ["Pulumi.a.yaml", "fleet.yaml", "a.yaml"])
def test_a_file_of_the_project_that_is_a_link(repository: Repository, file: str, target: str) -> None:
    """Stack file, fleet file and values file: a link out of the revision is an error, and the other stack is shown."""
    link(repository, file, target)
    repository.stack("b", IDLE)
    report, text = repository.review(form="text")
    assert report.exit_code == 1
    assert SECRET not in text
    found = {stack.stack: stack for stack in report.stacks}
    assert found["b"].changes
    assert bool(found["a"].errors) == (file != "fleet.yaml")
    assert bool(report.error) == (file == "fleet.yaml")


@pytest.mark.parametrize("file", ["Pulumi.a.yaml", "a.yaml", "fleet.yaml"])
@pytest.mark.parametrize("kind", ["brackets", "bomb", "pipe", "folder", "large", "keys", "shadow"])
def test_a_file_that_breaks_is_its_stack_s_error(repository: Repository, file: str, kind: str) -> None:
    """A file that nothing could be made of ends no review: file and reason are shown, and the other stack."""
    path = repository.root / file
    path.unlink(missing_ok=True)
    match kind:
        case "brackets":
            path.write_text("a: " + "[" * 50_000)
        case "bomb":
            lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))]
            path.write_text("\n".join(lines))
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "large":
            path.write_bytes(b"#" * 6_000_000)
        case "keys":
            path.write_text("? [a]\n: b\n1: c\n2024-01-01: d\n")
        case "shadow":
            path.write_text(f"root:{SECRET}:20000:0:99999:7:::\n")
    repository.stack("b", IDLE)
    report, text = repository.review(form="text")
    assert report.exit_code == 1
    assert SECRET not in text
    found = {stack.stack: stack for stack in report.stacks}
    told = "\n".join(found["a"].errors) or report.error or ""
    if kind in ("pipe", "folder") and file == "Pulumi.a.yaml":
        assert found["a"].errors or found["a"].head is None  # git has no such files, so that the stack is gone
    else:
        assert file in told
    assert found["b"].changes


def test_files_of_the_change_are_read(repository: Repository) -> None:
    """Of links, those within the revision; of new files, those that git does not ignore."""
    (repository.root / "new.yaml").write_text(yaml.safe_dump(IDLE))
    link(repository, "inside.yaml", "new.yaml")
    repository.stack("a", None, valuesFiles=["b.yaml", "./new.yaml", "inside.yaml"])
    report, _ = repository.review("a")
    assert [(stack.errors, bool(stack.changes)) for stack in report.stacks] == [((), True)]


def test_a_change_uncovers_no_hidden_file(repository: Repository) -> None:
    """Where the change takes a file out of .gitignore, only files that git has count."""
    (repository.root / ".gitignore").write_text(".hubstack\n")
    repository.stack("a", None, valuesFiles=["private/values.yaml"])
    report, text = repository.review("a")
    assert "git add it" in text
    assert [bool(stack.errors) for stack in report.stacks] == [True]
    repository.git("checkout", "--quiet", ".gitignore")
    repository.git("mv", ".gitignore", "renamed")
    assert [bool(stack.errors) for stack in repository.review("a")[0].stacks] == [True]
    repository.git("mv", "renamed", ".gitignore")
    (repository.root / "private/.gitignore").write_text("!*\n")
    assert [bool(stack.errors) for stack in repository.review("a")[0].stacks] == [True]


def test_a_stack_file_that_git_ignores_is_left_out(repository: Repository) -> None:
    """Somebody's own stack is no part of the change, and the review says so."""
    (repository.root / ".git/info/exclude").write_text("Pulumi.mine.yaml\n")
    repository.stack("mine", {})
    report, text = repository.review(form="text")
    assert report.exit_code == 0
    assert "note: Pulumi.mine.yaml is not in git, so it is left out" in text


def test_a_stack_s_name_is_a_name(repository: Repository) -> None:
    """A file may be called anything; what it is called does not reach a command or a line of output."""
    (repository.root / "Pulumi.x\n::add-mask::y.yaml").write_text("config: {}\n")
    report, _ = repository.review()
    assert [stack.errors for stack in report.stacks if stack.errors] == [
        ("head: a stack's name has letters, digits, '-', '_' and '.' alone",)
    ]


@pytest.mark.parametrize("name", ["x" * 5000, "a/" * 3000 + "x", "loop.yaml", "b.yaml/c", "", "\ud800"])
def test_a_path_that_no_file_can_have(repository: Repository, name: str) -> None:
    """Too long, a circle of links, below a file, blank: each is its stack's error in a review and in a plan."""
    link(repository, "loop.yaml", "loop.yaml")
    document = {"config": {"hubstack:kubeContext": "c", "hubstack:valuesFiles": json.dumps([name])}}
    (repository.root / "Pulumi.a.yaml").write_text(yaml.safe_dump(document))
    repository.stack("b", IDLE)
    report, _ = repository.review(form="text")
    found = {stack.stack: stack for stack in report.stacks}
    assert len(found["a"].errors) == 1
    assert found["b"].changes
    source.snapshot(repository.root, repository.root.parent / "copy", ["a", "b"])
    for root in (repository.root, repository.root.parent / "copy"):
        assert plan.decide("a", "wave", root, None, deployed.Deployed()).action == "refused"


def test_a_fleet_of_long_names(repository: Repository) -> None:
    """A stack's name that is too long for a file is an error of the fleet file."""
    document = {"stacks": {"x" * 5000: {}}, "waves": [{"name": "w", "select": "stack"}]}
    (repository.root / "fleet.yaml").write_text(yaml.safe_dump(document))
    report, _ = repository.review(form="text")
    assert "there is no Pulumi.x" in str(report.error)


def make_chart(folder: Path) -> None:
    """A chart's folder with one file."""
    (folder / "files").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: x\nversion: 1.0.0\n")


@pytest.mark.parametrize(
    "path",
    [
        "/proc",
        "../..",
        "..",
        "linked",
        ".",
        ".git",
        ".hubstack",
        "../outside.yaml",
        "with-a-link",
        "with-a-linked-folder",
        "with-a-pipe",
        "with-a-hidden-file",
    ],
)
def test_a_chart_is_of_the_revision(repository: Repository, path: str) -> None:
    """So is every file in it, because Helm follows links and reads what it finds."""
    folder = repository.root / path
    if path.startswith("with-"):
        make_chart(folder)
    match path:
        case "with-a-link":
            (folder / "files/x").symlink_to("../../.hubstack/passphrase")
        case "with-a-linked-folder":
            (folder / "files/x").symlink_to("../../linked")
        case "with-a-pipe":
            os.mkfifo(folder / "files/x")
        case "with-a-hidden-file":
            (repository.root / ".git/info/exclude").write_text("x\n")
            (folder / "files/x").write_text(SECRET)
    repository.stack("a", None, mode="helm", chart={"path": path})
    repository.stack("b", IDLE)
    report, text = repository.review(form="text")
    assert SECRET not in text
    found = {stack.stack: stack for stack in report.stacks}
    assert len(found["a"].errors) == 1
    assert found["a"].errors[0].startswith("head: stack configuration: hubstack:chart.path: ")
    assert found["b"].changes


def test_a_chart_within_the_revision(repository: Repository) -> None:
    """A folder or an archive of the revision is no problem of its bounds."""
    make_chart(repository.root / "chart")
    (repository.root / "chart.tgz").write_bytes(b"")
    with sources.both_sides(repository.root, "HEAD") as (_, head):
        for path in ("chart", "chart/", "chart.tgz", "nowhere"):
            config = {"hubstack:chart": {"path": path}}
            assert list(bounds.refusals(config, repository.root, head.bounds)) == []


PLANNED = {each: name for each, name in NAMED.items() if "git ignores" not in each}
"""A rollout deploys what the settings name although git ignores it, and nothing from elsewhere."""


@pytest.mark.parametrize("name", PLANNED.values(), ids=PLANNED)
@pytest.mark.parametrize("copied", [False, True])
def test_a_plan_reads_nothing_else(repository: Repository, tmp_path: Path, name: Any, copied: bool) -> None:
    """The plan of a work tree, and of the copy that a rollout deploys, refuses the one stack and has the other."""
    name = name(repository) if callable(name) else name
    repository.stack("a", None, valuesFiles=[name])
    root = repository.root
    if copied:
        root = tmp_path / "copy"
        source.snapshot(repository.root, root, ["a", "b"])
        regular = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
        assert not any(SECRET in path.read_text() for path in regular)
    items = [plan.decide(stack, "wave", root, None, deployed.Deployed()) for stack in ("a", "b")]
    assert [item.action for item in items] == ["refused", "up"]
    assert "hubstack:valuesFiles[0]: " in items[0].reason or (copied and "no such file" in items[0].reason)
    assert SECRET not in items[0].reason


@pytest.mark.parametrize("target", ["../outside.yaml", "/etc/shadow", ".hubstack/passphrase", "/dev/zero"])
def test_a_plan_and_files_that_are_links(repository: Repository, tmp_path: Path, target: str) -> None:
    """A link out of the project is refused, in the work tree and in the copy that a rollout makes of it."""
    link(repository, "Pulumi.a.yaml", target)
    source.snapshot(repository.root, tmp_path / "copy", ["a", "b"])
    for root in (repository.root, tmp_path / "copy"):
        items = [plan.decide(stack, "wave", root, None, deployed.Deployed()) for stack in ("a", "b")]
        assert [item.action for item in items] == ["refused", "up"]
        assert "Pulumi.a.yaml" in items[0].reason
    link(repository, "fleet.yaml", target)
    with pytest.raises(load.SettingsError, match=r"fleet\.yaml: "):
        load.load(repository.root)


def test_a_commit_with_links_is_laid_out(repository: Repository, tmp_path: Path) -> None:
    """Links out of a commit are left out, and the rest is there."""
    link(repository, "absolute.yaml", "/etc/shadow")
    link(repository, "upwards.yaml", "../outside.yaml")
    repository.commit()
    revision = source.revision(repository.root)
    assert isinstance(revision, Revision)
    source.lay_out(repository.root, str(revision.commit), tmp_path / "commit")
    names = {path.name for path in (tmp_path / "commit").iterdir()}
    assert {"Pulumi.a.yaml", "Pulumi.b.yaml"} <= names
    assert names.isdisjoint({"absolute.yaml", "upwards.yaml"})
