"""Where the two revisions of a review come from: the work tree, and a git revision that is laid out beside it."""

from __future__ import annotations

import re
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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
    accept: Any = field(default_factory=dict)
    """What stands at ``hubstack.review.accept``, beside the configuration."""
    error: str | None = None
    """Why the file cannot be used; `config` is empty then."""


@contextmanager
def revision(root: Path, reference: str) -> Iterator[Path]:
    """Lay out a git revision in a folder of its own; the work tree and the index are not touched.

    Where the branch of the work tree has left the reference, it is the commit where it did: what others have changed
    since is not this change's doing.

    Arguments:
        root: the project's folder, anywhere in a git work tree.
        reference: the revision.

    Raises:
        HubstackError: no such revision, or no repository.
    """
    resolved = _git(root, "rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}")
    if resolved.returncode:
        raise HubstackError(_missing(root, reference))
    commit = _git(root, "merge-base", resolved.stdout.decode().strip(), "HEAD").stdout.decode().strip()
    commit = commit or resolved.stdout.decode().strip()
    top, prefix = (
        _git(root, "rev-parse", what).stdout.decode().strip() for what in ("--show-toplevel", "--show-prefix")
    )
    with TemporaryDirectory(prefix="hubstack-review-") as name:
        # From the top, because values files may lie outside of the project's folder.
        _lay_out(Path(top), commit, Path(name))
        yield Path(name) / prefix


def _lay_out(top: Path, commit: str, folder: Path) -> None:
    command = ["git", "-C", str(top), "archive", "--format=tar", commit]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as git:
        assert git.stdout is not None
        assert git.stderr is not None
        try:
            with tarfile.open(fileobj=git.stdout, mode="r|") as content:
                content.extractall(folder, filter=_inside)
        except tarfile.TarError:
            reason = git.stderr.read().decode(errors="replace").strip()
            raise HubstackError(f"--base {commit}: git archive: {reason or 'its answer breaks off'}") from None


def _inside(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    """Links out of the folder and devices are left out; who needs one of them finds no file."""
    try:
        return tarfile.data_filter(member, folder)
    except tarfile.FilterError:
        return None


def default_base(root: Path) -> str:
    """The branch that changes go to.

    Raises:
        HubstackError: none of the usual ones is here.
    """
    for reference in BASES:
        if not _git(root, "rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}").returncode:
            return reference
    if _git(root, "rev-parse", "--git-dir").returncode:
        raise HubstackError(_missing(root, BASES[0]))
    raise HubstackError(
        f"none of {', '.join(BASES)} is here; name the revision to compare with (--base REF), or fetch one: "
        f"{_fetching(root, BASES[0])}"
    )


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
        # What stands in quotes is the file's own text, which may be a secret.
        reason = re.sub(r"'[^']*'", "'...'", getattr(error, "problem", None) or "is not UTF-8 text")
        return StackFile(name, {}, path.parent, error=f"{path.name}: {where}not valid YAML: {reason}")
    config = document.get("config") if isinstance(document, dict) else None
    if not isinstance(config, dict):
        return StackFile(name, {}, path.parent, error=f"{path.name}: must be a map with a key 'config'")
    return StackFile(name, config, path.parent, document.get("hubstack.review.accept") or {})


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise HubstackError("git is not on the PATH; a review needs it to read the base revision") from None


def _missing(root: Path, reference: str) -> str:
    if _git(root, "rev-parse", "--git-dir").returncode:
        return f"{root} is no git repository; a review compares with a revision"
    where = "not in this shallow clone" if _is_shallow(root) else "no such revision here"
    return f"--base {reference}: {where}; fetch it first: {_fetching(root, reference)}; or name another"


def _fetching(root: Path, reference: str) -> str:
    """The command that brings a revision here."""
    if not _git(root, "remote").stdout.strip():
        return "(this repository has no remote to fetch from)"
    remote, _, branch = reference.rpartition("/") if reference.startswith("origin/") else ("origin", "", reference)
    shallow = _is_shallow(root)
    if re.search(r"[~^@:]|HEAD", branch) or re.fullmatch(r"[0-9a-f]{4,39}", branch):
        return f"git fetch --unshallow {remote}" if shallow else f"git fetch {remote}"
    depth = "--depth=1 " if shallow else ""
    if re.fullmatch(r"[0-9a-f]{40,64}", branch):
        return f"git fetch {depth}{remote} {branch}"
    local = f"refs/remotes/{remote}/{branch}" if reference != branch else branch
    return f"git fetch {depth}{remote} {branch}:{local}"


def _is_shallow(root: Path) -> bool:
    return _git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"
