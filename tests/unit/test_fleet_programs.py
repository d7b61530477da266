"""A program of one revision with the values of another: what is laid out, what is refused, what the review says."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack import project
from hubstack.errors import HubstackError
from hubstack.fleet import deployed, digest, left, load, plan, programs, source
from hubstack.review import revisions
from tests.engine.fleet_copy import IDENTITY

STACK = {"kubeContext": "c", "namespace": "hub", "valuesFiles": ["common.yaml"]}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of a project with settings only, whose first commit is tagged ``tested``."""
    monkeypatch.setenv("HUBSTACK_STATE_DIR", str(tmp_path / "state"))
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.setattr(project, "ROOT", folder)
    shutil.copy(project.CODE / "__main__.py", folder)
    (folder / "requirements.txt").write_text("hubstack==1\n")
    (folder / "fleet.yaml").write_text("stacks: {a: {}}\nwaves: [{name: all, select: stack=a, revision: tested}]\n")
    (folder / "common.yaml").write_text("cull: {every: 300}\n")
    write(folder, chart={"version": "4.4.0", "path": "charts/tested"})
    git(folder, "init", "--quiet")
    commit(folder)
    git(folder, "tag", "tested")
    return folder


def write(folder: Path, **config: Any) -> None:
    """Write the stack's file."""
    document = {"config": {f"hubstack:{key}": value for key, value in {**STACK, **config}.items()}}
    (folder / "Pulumi.a.yaml").write_text(yaml.safe_dump(document))


def git(folder: Path, *arguments: str) -> str:
    """Run git in the project."""
    command = ["git", "-C", str(folder), *IDENTITY, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path) -> None:
    """Commit everything."""
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "-m", "change")


def prepared(folder: Path, to: Path) -> programs.Program:
    """The stack's program."""
    fleet = load.load(folder)
    assert fleet
    return programs.prepare(fleet, fleet.stacks, folder, folder, to)["a"]


def test_what_is_of_which(root: Path, tmp_path: Path) -> None:
    """The program and the chart are the revision's; the other settings, and the files that they name, are not."""
    (root / "__main__.py").write_text("raise SystemExit\n")
    (root / "other.py").write_text("new = True\n")
    (root / "common.yaml").write_text("cull: {every: 600}\n")
    write(root, chart={"version": "9.9.9"}, mode="helm", values={"hub": {"concurrentSpawnLimit": 3}})
    (root / "Pulumi.b.yaml").write_text("config: {}\n")
    found = prepared(root, tmp_path / "laid-out")
    assert (found.revision, found.commit, found.refused) == ("tested", git(root, "rev-parse", "tested"), None)
    files = {str(path.relative_to(found.folder)): path for path in found.folder.rglob("*") if path.is_file()}
    assert sorted(files) == ["Pulumi.a.yaml", "__main__.py", "common.yaml", "requirements.txt"]
    assert files["__main__.py"].read_text() == (project.CODE / "__main__.py").read_text()
    assert files["common.yaml"].read_text() == "cull: {every: 600}\n"
    assert yaml.safe_load(files["Pulumi.a.yaml"].read_text())["config"] == {
        "hubstack:kubeContext": "c",
        "hubstack:namespace": "hub",
        "hubstack:valuesFiles": ["common.yaml"],
        "hubstack:mode": "helm",
        "hubstack:values": {"hub": {"concurrentSpawnLimit": 3}},
        "hubstack:chart": {"version": "4.4.0", "path": "charts/tested"},
    }


def test_a_values_file_that_is_gone_is_not_taken_from_the_revision(root: Path, tmp_path: Path) -> None:
    """A file that only the earlier revision has is no file of what is rolled out."""
    (root / "common.yaml").unlink()
    found = prepared(root, tmp_path / "laid-out")
    item = plan.decide("a", "all", root, None, deployed.Deployed(), (), found)
    assert (item.action, item.revision, item.program) == ("refused", "tested", found.commit)
    assert "common.yaml" in item.reason


def test_naming_what_is_deployed_changes_nothing(root: Path, tmp_path: Path) -> None:
    """The digest is that of the same program and values without a name for them."""
    write(root)
    commit(root)
    git(root, "tag", "--force", "tested")
    found = prepared(root, tmp_path / "laid-out")
    of = {folder: digest.desired(plan.stack_of("a", folder)).digest for folder in (root, found.folder)}
    assert of[root] == of[found.folder]
    (root / "__main__.py").write_text("raise SystemExit\n")
    digest.program_version.cache_clear()
    assert digest.desired(plan.stack_of("a", root)).digest != of[found.folder]
    assert digest.desired(plan.stack_of("a", prepared(root, tmp_path / "again").folder)).digest == of[root]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"requirements.txt": "hubstack==2\n"}, "the program of tested: its requirements.txt differ"),
        ({"Pulumi.yaml": "name: other\nruntime: python\n"}, "the program of tested: its project is called 'hubstack'"),
        ({"fleet.yaml": "stacks: {a: {revision: v2}}\nwaves: [{name: all, select: stack=a}]\n"}, "revision 'v2': the"),
    ],
)
def test_programs_that_cannot_deploy(root: Path, tmp_path: Path, change: dict[str, str], wanted: str) -> None:
    """Other packages, another project and a revision that is not there refuse the stack, and say so."""
    for name, text in change.items():
        (root / name).write_text(text)
    found = prepared(root, tmp_path / "laid-out")
    assert found.refused is not None
    assert found.refused.startswith(wanted)


def test_a_program_is_no_values_file(root: Path, tmp_path: Path) -> None:
    """A stack that names the program as its values would deploy another program than the one that it names."""
    write(root, valuesFiles=["__main__.py"])
    assert "belongs to the program" in str(prepared(root, tmp_path / "laid-out").refused)


def test_a_branch_of_the_remote(root: Path, tmp_path: Path) -> None:
    """In a checkout of CI a branch may be known by its remote name alone; options and ranges are no names."""
    git(root, "update-ref", "refs/remotes/origin/exams", "HEAD")
    assert source.commit_named(root, "exams") == git(root, "rev-parse", "HEAD")
    for name in ("--all", "tested..HEAD", "nothing"):
        with pytest.raises(HubstackError, match="has no commit, tag or branch of this name"):
            source.commit_named(root, name)


def test_what_the_review_says(root: Path) -> None:
    """It names the stacks that stay on another program, and those that the change moves to one."""
    assert list(revisions.notes({"a": "v1", "b": "v1"}, {"a": "v1", "b": "v2", "c": "v2"})) == [
        "a: on the program and the chart of v1, which this review does not render; what the change does to either does "
        "not reach them",
        "b, c: on the program and the chart of v2, which this review does not render; what the change does to either "
        "does not reach them",
        "b: the change moves them from the program of v1 to the program of v2; what that changes is not shown here, "
        "`hubstack rollout plan` says whether they are due",
        "c: the change moves them from the program that is rolled out to the program of v2; what that changes is not "
        "shown here, `hubstack rollout plan` says whether they are due",
    ]


def test_stacks_that_left(root: Path) -> None:
    """Of the stacks in the backend that the file does not name, those count that a rollout has deployed last."""
    base = root / "backend" / ".pulumi" / "stacks" / "hubstack"
    base.mkdir(parents=True)
    mark = {"digest": "d1", "commit": "c1", "rollout": "r1"}
    for name, outputs in (("a", mark), ("gone", mark), ("by-hand", None), ("destroyed", None)):
        resources = [{"type": "pulumi:pulumi:Stack", "outputs": {"rollout": outputs} if outputs else {}}]
        (base / f"{name}.json").write_text(json.dumps({"checkpoint": {"latest": {"resources": resources}}}))
    found = left.find(["a"], {"PULUMI_BACKEND_URL": f"file://{root}/backend"})
    assert found == (left.Left("gone", "r1", "c1"),)
    assert str(found[0]) == (
        "stack gone has left fleet.yaml and is still deployed, by rollout r1: put it back, or bring its "
        "Pulumi.gone.yaml back, then hubstack destroy --stack gone"
    )
