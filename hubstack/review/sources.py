"""Where the two revisions of a review come from: the work tree, and a git revision that is laid out beside it."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from hubstack.errors import HubstackError

BASES = ("origin/main", "origin/master", "main", "master")
"""What a change is compared with where nobody says so: the first that exists."""


@dataclass(frozen=True)
class StackFile:
    """One ``Pulumi.<stack>.yaml`` of one revision."""

    stack: str
    config: dict[str, Any]
    """Keys ``hubstack:...`` as they stand; encrypted leaves are maps with the key ``secure``."""
    folder: Path
    """What relative paths start from."""
    error: str | None = None
    """Why the file cannot be used; `config` is empty then."""


@contextmanager
def revision(root: Path, reference: str) -> Iterator[Path]:
    """Lay out a git revision in a folder of its own; the work tree and the index are not touched.

    Raises:
        HubstackError: no such revision, or no repository.
    """
    resolved = _git(root, "rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}")
    if resolved.returncode:
        raise HubstackError(_missing(root, reference))
    commit = resolved.stdout.decode().strip()
    archive = _git(root, "archive", "--format=tar", commit)
    if archive.returncode:
        raise HubstackError(f"--base {reference}: {archive.stderr.decode().strip()}")
    with TemporaryDirectory(prefix="hubstack-review-") as name:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as content:
            content.extractall(name, filter="data")
        yield Path(name)


def default_base(root: Path) -> str:
    """The branch that changes go to.

    Raises:
        HubstackError: none of the usual ones is here.
    """
    for reference in BASES:
        if not _git(root, "rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}").returncode:
            return reference
    raise HubstackError(f"none of {', '.join(BASES)} is here; name the revision to compare with: --base REF")


def stack_files(folder: Path, wanted: Sequence[str] = ()) -> dict[str, StackFile]:
    """The stacks of a revision by name.

    Arguments:
        folder: a revision's project folder.
        wanted: names to keep; all where empty.
    """
    found = {}
    for path in sorted(folder.glob("Pulumi.*.yaml")):
        name = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
        if not wanted or name in wanted:
            found[name] = _read(name, path)
    return found


def _read(name: str, path: Path) -> StackFile:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        reason = getattr(error, "problem", None) or "is not UTF-8 text"
        return StackFile(name, {}, path.parent, f"{path.name}: {where}not valid YAML: {reason}")
    config = document.get("config") if isinstance(document, dict) else None
    if not isinstance(config, dict):
        return StackFile(name, {}, path.parent, f"{path.name}: must be a map with a key 'config'")
    return StackFile(name, config, path.parent)


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise HubstackError("git is not on the PATH; a review needs it to read the base revision") from None


def _missing(root: Path, reference: str) -> str:
    if _git(root, "rev-parse", "--git-dir").returncode:
        return f"{root} is no git repository; a review compares with a revision"
    if _git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        branch = reference.removeprefix("origin/")
        fetching = f"git fetch --depth=1 origin {branch}:{branch}"
        return f"--base {reference}: not in this shallow clone; fetch it first: {fetching}"
    return f"--base {reference}: no such revision; fetch it, or name another"
