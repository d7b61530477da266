"""The revision that a rollout deploys: laid out once, so that later changes of the work tree do not reach it."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hubstack import reading
from hubstack.errors import HubstackError
from hubstack.project import bounds

_NEVER = (".git", ".venv", ".hubstack", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache")
"""Folders that are no part of a revision where the project is no git repository."""


DIRTY = "-dirty"
"""Ending of a revision's name where the work tree has more than the commit."""


@dataclass(frozen=True)
class Revision:
    """What a work tree is at some moment."""

    commit: str | None
    """Full name of the git commit; None outside of git."""
    dirty: bool
    """Whether the work tree has changes that no commit has."""

    @property
    def name(self) -> str | None:
        """The commit, marked where it is not all."""
        return f"{self.commit}{DIRTY}" if self.commit and self.dirty else self.commit

    def __str__(self) -> str:
        return f"{(self.commit or 'no commit')[:12]}{' with uncommitted changes' if self.dirty else ''}"


def revision(root: Path) -> Revision:
    """The revision of a work tree; git is asked nothing else than to read."""
    head = _git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    if head is None:
        return Revision(None, True)
    return Revision(head.decode().strip(), bool((_git(root, "status", "--porcelain") or b"").strip()))


def commit_of(root: Path, words: str) -> str:
    """The commit that is meant by words of git's, such as a branch or a tag.

    Raises:
        HubstackError: there is none.
    """
    found = None if words.startswith("-") else _git(root, "rev-parse", "--verify", "--quiet", f"{words}^{{commit}}")
    if found is None:
        raise HubstackError(
            f"--revision: {words!r}: no commit of the repository in {root}; give one, in 40 digits, that the remote has"
        )
    return found.decode().strip()


def snapshot(root: Path, folder: Path, stacks: Iterable[str]) -> None:
    """Copy a work tree as it is, uncommitted changes included.

    What git ignores stays out, except for the files that the stacks' settings name.

    Arguments:
        root: the project's folder.
        folder: where to; a complete copy that is there already stays.
        stacks: names of the stacks that will be deployed from the copy.
    """
    if folder.is_dir():
        return
    temporary = folder.with_name(f"{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = [name.decode() for name in listed.split(b"\0") if name] if listed is not None else list(_walk(root))
    named = (f"Pulumi.{stack}.yaml" for stack in stacks)
    own = bounds.of_folder(root)
    for name in dict.fromkeys([*names, *named, *_values_files(root, stacks)]):
        leads_out = own.refusal(root / name) is not None
        # A link out of the project stays a link, which the plan refuses: its content is no part of the revision.
        if (os.path.islink if leads_out else os.path.isfile)(root / name):
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, temporary / name, follow_symlinks=not leads_out)
    temporary.rename(folder)


def lay_out(root: Path, commit: str, folder: Path) -> None:
    """Lay out a commit; the work tree and the index are not touched.

    Raises:
        HubstackError: the repository does not have the commit.
    """
    if folder.is_dir():
        return
    archive = _git(root, "archive", "--format=tar", commit)
    if archive is None and _git(root, "fetch", "--quiet", "--depth=1", "origin", commit) is not None:
        archive = _git(root, "archive", "--format=tar", commit)
    if archive is None:
        how = f"git fetch origin {commit}"
        if (_git(root, "rev-parse", "--is-shallow-repository") or b"").strip() == b"true":
            how = "git fetch --unshallow origin (in GitHub Actions: actions/checkout with fetch-depth: 0)"
        raise HubstackError(f"commit {commit[:12]} is not in the repository {root}; fetch it first: {how}")
    temporary = folder.with_name(f"{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as content:
        content.extractall(temporary, filter=bounds.inside)
    temporary.rename(folder)


def _values_files(root: Path, stacks: Iterable[str]) -> Iterable[str]:
    """Relative files that the stacks' settings name; what is wrong with them is said when they are read."""
    for stack in stacks:
        try:
            config = (reading.yaml_file(root / f"Pulumi.{stack}.yaml") or {}).get("config") or {}
            names = [name for _, name in bounds.values_files(config)]
        except (reading.Unreadable, AttributeError):
            continue
        yield from (name for name in names if not Path(name).is_absolute() and ".." not in Path(name).parts)


def _walk(root: Path) -> Iterable[str]:
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in _NEVER]
        yield from (str((Path(folder) / name).relative_to(root)) for name in files)


def _git(root: Path, *arguments: str) -> bytes | None:
    """Output of a git command in the folder; None where it fails or git is not here."""
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return None if done.returncode else done.stdout
