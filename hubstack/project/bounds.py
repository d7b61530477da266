"""Which files a revision may read: its own. What settings name beyond it is refused before it is opened (ADR 26).

A pull request chooses what its settings name. A review and the plan of a rollout read those files on a machine that has
others: the passphrase of the backend, somebody's keys. Every path is resolved first, with all links on the way.
"""

from __future__ import annotations

import os
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubstack import project, reading
from hubstack.chart.errors import Problem
from hubstack.configuration import Configuration, key

_GIT = ".git"
_MOST_CHART_FILES = 2_000
MOST_CHART_BYTES = 100 * 1024 * 1024
"""Of a chart's folder or archive. Helm itself unpacks no more than this."""


@dataclass(frozen=True)
class Bounds:
    """The files of one revision."""

    top: Path
    """The folder that has them all, resolved."""
    known: frozenset[str] | None = None
    """Names from `top` of the files that git knows; None where everything in the folder is the revision's."""

    def has(self, path: Path) -> bool:
        """Whether git knows a file under this very name; a link counts for itself."""
        name = Path(os.path.realpath(path.parent), path.name)
        return self.known is None or str(name.relative_to(self.top)) in self.known

    def refusal(self, path: Path) -> str | None:
        """Why a file is no part of the revision; None where it is one, or does not exist.

        Arguments:
            path: a file or a link to one.
        """
        try:
            real = Path(os.path.realpath(path))
        except ValueError:
            return "is no path"  # it has a zero byte
        if not real.is_relative_to(self.top):
            return f"leads out of {'the repository' if self.known is not None else 'the project'}"
        name = real.relative_to(self.top)
        state = project.state_dir()
        if _GIT in name.parts or (state.is_relative_to(self.top) and real.is_relative_to(state)):
            return "is no part of the project: git and Hubstack keep their own files there"
        if self.known is not None and os.path.isfile(real) and str(name) not in self.known:
            return "is not in git; if it belongs to the change: git add it"
        return None


def of_folder(root: Path) -> Bounds:
    """All that is in a folder: a revision that is laid out, or what a rollout deploys."""
    return Bounds(Path(os.path.realpath(root)))


def of_work_tree(root: Path, base: str) -> Bounds:
    """What git knows in a work tree, and new files that it does not ignore.

    Where the change touches what git ignores, new files do not count: it could uncover the files that others hide.

    Arguments:
        root: a folder of the work tree.
        base: the commit that the change starts from.
    """
    top = Path(os.path.realpath(_git(root, "rev-parse", "--show-toplevel").decode().strip()))
    known = _names(_git(top, "ls-files", "-z", "--cached"))
    new = _names(_git(top, "ls-files", "-z", "--others", "--exclude-standard"))
    changed = _names(_git(top, "diff", "--name-only", "--no-renames", "-z", base))
    uncovers = any(Path(name).name == ".gitignore" for name in (*changed, *new))
    return Bounds(top, known if uncovers else known | new)


def refusals(config: Mapping[str, Any], folder: Path, bounds: Bounds) -> Iterator[Problem]:
    """Every file that a stack's settings name and that is no part of its revision.

    Arguments:
        config: keys ``hubstack:...`` as they stand in the stack's file.
        folder: what relative paths start from.
        bounds: of the revision.
    """
    for setting, name in values_files(config):
        if reason := _refusal(name, folder, bounds):
            yield Problem(_SOURCE, setting, f"{name!r} {reason}")
    if (pools := pools_file(config)) and (reason := _refusal(pools, folder, bounds)):
        yield Problem(_SOURCE, key("poolsFile"), f"{pools!r} {reason}")
    chart = chart_path(config)
    if chart is None or _is_mirrored(chart):
        return
    if reason := _refusal(chart, folder, bounds) or _chart_refusal(folder / chart, bounds):
        yield Problem(_SOURCE, f"{key('chart')}.path", f"{chart!r} {reason}")


def values_files(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Path of the setting, and name, of each values file."""
    names = decoded(Configuration(dict(config)).get("valuesFiles"))
    found = enumerate(names) if isinstance(names, list) else ()
    return [(f"{key('valuesFiles')}[{place}]", name) for place, name in found if isinstance(name, str)]


def pools_file(config: Mapping[str, Any]) -> str | None:
    """The file with the cluster's pools, where the settings name one."""
    name = Configuration(dict(config)).get("poolsFile")
    return name if isinstance(name, str) and name else None


def chart_path(config: Mapping[str, Any]) -> str | None:
    """The chart's archive or folder, where the settings name one."""
    chart = decoded(Configuration(dict(config)).get("chart"))
    path = chart.get("path") if isinstance(chart, Mapping) else None
    return path if isinstance(path, str) and path else None


def inside(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    """A filter for archives of a revision: links out of it and devices are left out; who needs one finds no file."""
    try:
        return tarfile.data_filter(member, folder)
    except tarfile.FilterError:
        return None


def decoded(value: Any) -> Any:
    """A setting as data; maps and lists may be written as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return reading.from_json(value, "")
    except reading.Unreadable:
        return value


def _is_mirrored(name: str) -> bool:
    """Whether a chart is from the mirror, which a run puts into the settings by itself."""
    mirror = project.mirror()
    return mirror is not None and "\0" not in name and Path(os.path.realpath(name)).parent == mirror / "charts"


def _refusal(name: str, folder: Path, bounds: Bounds) -> str | None:
    if Path(name).is_absolute():
        return "is an absolute path, which is no part of a revision"
    return bounds.refusal(folder / name)


def _chart_refusal(path: Path, bounds: Bounds) -> str | None:
    """What is wrong with a chart's files. Helm follows links in a chart, so each file is looked at."""
    count = size = 0
    for file in _files(path):
        name = "" if file == path else f"has {str(file.relative_to(path))!r}, which "
        if os.path.isdir(file) or (os.path.islink(file) and not os.path.exists(file)):
            return f"{name}is a link to a folder, or leads nowhere"
        if os.path.exists(file) and not os.path.isfile(file):
            return f"{name}is no regular file"
        if reason := bounds.refusal(file):
            return f"{name}{reason}"
        count, size = count + 1, size + (os.path.getsize(file) if os.path.exists(file) else 0)
        if count > _MOST_CHART_FILES or size > MOST_CHART_BYTES:
            return "is larger than a chart can be"
    return None


def _files(top: Path) -> Iterator[Path]:
    """Files of a folder, and links to folders, which are not followed; or the one file."""
    if not os.path.isdir(top):
        yield top
        return
    for folder, folders, files in os.walk(top):
        yield from (Path(folder) / name for name in files)
        yield from (Path(folder) / name for name in folders if (Path(folder) / name).is_symlink())


def _names(listed: bytes) -> frozenset[str]:
    return frozenset(os.fsdecode(name) for name in listed.split(b"\0") if name)


def _git(root: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False).stdout


_SOURCE = "stack configuration"
