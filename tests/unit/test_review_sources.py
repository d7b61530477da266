"""Where a review's two sides come from: real clones, shallow and not, and what is said where the base is missing."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from hubstack.errors import HubstackError
from hubstack.project import bounds
from hubstack.review import sources

IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> str:
    """Run git; gives what it says."""
    command = ["git", "-C", str(folder), *IDENTITY, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, namespace: str, prefix: str = "") -> str:
    """Record a stack file that says a namespace; gives the commit."""
    (folder / prefix).mkdir(exist_ok=True)
    (folder / prefix / "Pulumi.a.yaml").write_text(f"config:\n  hubstack:namespace: {namespace}\n")
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "-m", namespace)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository whose branch main has three commits, and whose branch change has one more."""
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    for name in ("one", "two", "three"):
        commit(folder, name)
    git(folder, "switch", "--quiet", "-c", "change")
    commit(folder, "four")
    return folder


def clone(origin: Path, *options: str) -> Path:
    """A clone as CI makes it; over file://, because git ignores the depth of a local path."""
    target = origin.parent / "clone"
    subprocess.run(["git", "clone", "--quiet", *options, f"file://{origin}", str(target)], check=True)
    return target


def namespace(root: Path, reference: str) -> str:
    """What the stack file says at a revision."""
    with sources.both_sides(root, reference) as (base, _):
        return sources.stack_files(base)["a"].config["hubstack:namespace"]


def follow(root: Path, message: str) -> None:
    """Run the command that a message says."""
    command = re.search(r"git (fetch [^;]*)", message)
    assert command, message
    git(root, *command[1].split())


@pytest.mark.parametrize("reference", ["origin/main", "main", "HEAD~1", "commit"])
def test_a_shallow_clone_is_told_what_to_fetch(origin: Path, reference: str) -> None:
    """In a clone of depth 1, each missing base is one error with a command, and that command makes it work."""
    root = clone(origin, "--depth", "1", "--branch", "change")
    reference = git(origin, "rev-parse", "main") if reference == "commit" else reference
    with pytest.raises(HubstackError, match="not in this shallow clone; fetch it first: git fetch ") as caught:
        namespace(root, reference)
    follow(root, str(caught.value))
    assert namespace(root, reference) == "three"


def test_a_branch_is_no_command(origin: Path) -> None:
    """The command that is told runs nothing that the name of a branch says."""
    root = clone(origin, "--depth", "1", "--branch", "change")
    for name in ("a;id", "$(id)", "`id`"):
        with pytest.raises(HubstackError) as caught:
            namespace(root, name)
        command = str(caught.value).partition("fetch it first: ")[2].removesuffix("; or name another")
        assert shlex.split(command)[:3] == ["git", "fetch", "--depth=1"]
        assert len(shlex.split(command)) == 5
        assert shlex.split(command)[-1].startswith(f"{name}:")


def test_without_a_base_branch(origin: Path) -> None:
    """Where nobody names a base and none of the usual ones is here, the command that brings one is told."""
    root = clone(origin, "--depth", "1", "--branch", "change")
    with pytest.raises(HubstackError, match="none of origin/main, ") as caught:
        sources.default_base(root)
    follow(root, str(caught.value))
    assert sources.default_base(root) == "origin/main"


def test_a_single_branch_clone_with_its_history(origin: Path) -> None:
    """A clone that is not shallow and lacks the branch is told a command without a depth."""
    root = clone(origin, "--single-branch", "--branch", "change")
    with pytest.raises(HubstackError, match="no such revision here") as caught:
        namespace(root, "origin/main")
    assert "--depth" not in str(caught.value)
    follow(root, str(caught.value))
    assert namespace(root, "origin/main") == "three"


def test_what_others_changed_since_is_not_this_change(origin: Path) -> None:
    """Where the base branch has moved on, the base is the commit where the change left it."""
    git(origin, "switch", "--quiet", "main")
    commit(origin, "five")
    git(origin, "switch", "--quiet", "change")
    assert namespace(origin, "main") == "three"


def test_neither_repository_nor_remote(tmp_path: Path) -> None:
    """Outside of a repository, and in one without a remote, the error says which it is."""
    with pytest.raises(HubstackError, match="is no git repository"):
        namespace(tmp_path, "main")
    with pytest.raises(HubstackError, match="is no git repository"):
        sources.default_base(tmp_path)
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, "one")
    with pytest.raises(HubstackError, match="has no remote"):
        namespace(tmp_path, "nowhere")


def test_a_project_below_the_top(tmp_path: Path) -> None:
    """A project in a folder of a larger repository finds its files, and those beside its folder."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "common.yaml").write_text("cull: {}\n")
    (tmp_path / "outside").symlink_to("/etc")
    commit(tmp_path, "one", "hubs")
    commit(tmp_path, "two", "hubs")
    with sources.both_sides(tmp_path / "hubs", "HEAD~1") as (base, head):
        folder = base.folder
        assert sources.stack_files(base)["a"].config == {"hubstack:namespace": "one"}
        assert sources.stack_files(head)["a"].config == {"hubstack:namespace": "two"}
        assert (folder / ".." / "common.yaml").is_file()
        assert not (folder / ".." / "outside").exists(), "a link out of the repository leads nowhere"


def test_a_file_that_does_not_parse_is_not_quoted(tmp_path: Path) -> None:
    """The message says line and reason without the file's own words, which may be a secret."""
    (tmp_path / "Pulumi.a.yaml").write_text("config:\n  password: *hunter2hunter2\n")
    error = sources.stack_files(sources.Side(tmp_path, bounds.of_folder(tmp_path)))["a"].error or ""
    assert "line 2" in error
    assert "hunter2" not in error
