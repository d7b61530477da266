"""Where the two revisions of a review come from: the work tree, and a git revision that is laid out beside it."""

from __future__ import annotations

import re
import shlex
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hubstack import reading
from hubstack.chart.errors import SettingsError
from hubstack.errors import HubstackError
from hubstack.project import bounds
from hubstack.project.bounds import Bounds, refusals

BASES = ("origin/main", "origin/master", "main", "master")
"""What a change is compared with where nobody says so: the first that exists."""
STACK_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
"""Names that Pulumi takes for a stack."""


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


@dataclass(frozen=True)
class Side:
    """One revision of the project."""

    folder: Path
    """The project's folder in it."""
    bounds: Bounds
    """The files that belong to it."""


@contextmanager
def both_sides(root: Path, reference: str) -> Iterator[tuple[Side, Side]]:
    """A git revision, laid out in a folder of its own, and the work tree; the work tree and the index are not touched.

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
        base = Side(Path(name) / prefix, bounds.of_folder(Path(name)))
        yield base, Side(root, bounds.of_work_tree(root, commit))


def _lay_out(top: Path, commit: str, folder: Path) -> None:
    command = ["git", "-C", str(top), "archive", "--format=tar", commit]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as git:
        assert git.stdout is not None
        assert git.stderr is not None
        try:
            with tarfile.open(fileobj=git.stdout, mode="r|") as content:
                content.extractall(folder, filter=bounds.inside)
        except tarfile.TarError:
            reason = git.stderr.read().decode(errors="replace").strip()
            raise HubstackError(f"--base {commit}: git archive: {reason or 'its answer breaks off'}") from None


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


def stack_files(side: Side, wanted: Sequence[str] = ()) -> dict[str, StackFile]:
    """The stacks of a revision by name; files that git does not know are no stacks of it.

    Arguments:
        side: the revision.
        wanted: names to keep; all where empty.
    """
    found = {}
    for path in sorted(side.folder.glob("Pulumi.*.yaml")):
        name = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
        if (not wanted or name in wanted) and side.bounds.has(path):
            found[name] = _read(name, path, side.bounds)
    return found


def left_out(side: Side) -> list[str]:
    """Names of files that would be a stack's if git knew them."""
    return [path.name for path in sorted(side.folder.glob("Pulumi.*.yaml")) if not side.bounds.has(path)]


def _read(name: str, path: Path, bounds: Bounds) -> StackFile:
    """A stack's file; what is wrong with it, or with the files that it names, becomes its `error`."""
    try:
        if not STACK_NAME.fullmatch(name):
            raise HubstackError("a stack's name has letters, digits, '-', '_' and '.' alone")
        if reason := bounds.refusal(path):
            raise HubstackError(f"{path.name} {reason}")
        document = reading.yaml_file(path, path.name) or {}
        config = document.get("config") if isinstance(document, dict) else None
        if not isinstance(config, dict):
            raise HubstackError(f"{path.name}: must be a map with a key 'config'")
        if refused := list(refusals(config, path.parent, bounds)):
            raise SettingsError(refused)
    except (HubstackError, SettingsError) as error:
        return StackFile(name, {}, path.parent, error=str(error))
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
    # A branch may have a name that a shell would run.
    return f"git fetch {depth}{shlex.quote(remote)} {shlex.quote(f'{branch}:{local}')}"


def _is_shallow(root: Path) -> bool:
    return _git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"
