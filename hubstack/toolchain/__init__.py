"""The external programs: found on PATH, in the user's cache, in the mirror or at their publishers, at pinned versions.

`toolchain.yaml` pins them; `catalog` reads it, `on_path` looks on PATH, `install` fills the cache.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from hubstack.toolchain.catalog import Catalog, Program, ToolchainError
from hubstack.toolchain.failures import forget as forget_failures
from hubstack.toolchain.on_path import ProgramsOnPath

__all__ = ["Catalog", "Program", "ToolchainError", "Tools", "ensure", "forget_failures"]

_PLUGIN = "pulumi-resource-"


class Tools(Mapping[str, Path]):
    """Path of each program."""

    def __init__(self, programs: Mapping[str, Program], absent: Mapping[str, str] | None = None) -> None:
        self._programs = dict(programs)
        self.absent = dict(absent or {})
        """For each optional program that cannot be had, why."""

    def plus(self, name: str, program: Program) -> Tools:
        """The same programs, and one that stands in for a program which cannot be had."""
        return Tools({**self._programs, name: program}, self.absent)

    @property
    def stand_ins(self) -> set[str]:
        """Names of the programs that something else stands in for."""
        return self.absent.keys() & self._programs.keys()

    def __getitem__(self, name: str) -> Path:
        return self._programs[name].path

    def __iter__(self) -> Iterator[str]:
        return iter(self._programs)

    def __len__(self) -> int:
        return len(self._programs)

    def version(self, name: str) -> str:
        """The version of a program: the pinned one, or another one that will do."""
        return self._programs[name].version

    def environment(self) -> dict[str, str]:
        """Variables with which each program is found first at its path; plugins only through `pulumi_home`."""
        path = os.environ.get("PATH", os.defpath)
        programs = {name: path for name, path in self.items() if not name.startswith(_PLUGIN)}
        # a folder such as /usr/bin must not overtake others without need: it has more than this one program
        hidden = [each for name, each in programs.items() if shutil.which(name, path=path) != str(each)]
        variables = {"PATH": os.pathsep.join([*dict.fromkeys(str(each.parent) for each in hidden), path])}
        if len(programs) < len(self):
            # or the engine would take plugins from PATH, of whatever version, and warn about those that fit
            variables["PULUMI_IGNORE_AMBIENT_PLUGINS"] = "true"
        return variables

    def pulumi_home(self, home: Path) -> None:
        """Link the plugins where the engine looks for their versions if this folder is its ``PULUMI_HOME``."""
        for name, path in self.items():
            if name.startswith(_PLUGIN):
                folder = home / "plugins" / f"resource-{name.removeprefix(_PLUGIN)}-v{self.version(name)}"
                _link(folder / name, path)


def ensure(
    names: Sequence[str],
    *,
    optional: Sequence[str] = (),
    progress: Console | None = None,
    catalog: Catalog | None = None,
) -> Tools:
    """Have these programs ready; what is on the machine already costs a few milliseconds.

    Arguments:
        names: programs of the catalog.
        optional: programs, of `names` or others, that can be done without: what cannot be had of them is not in the
            result, which says why. After a failed download they are not tried again for an hour.
        progress: where to show what is being fetched; None: nowhere.
        catalog: what there is; that of `toolchain.yaml` if left out.

    Raises:
        ToolchainError: some that are not optional cannot be had; lists all of them, why, and how to install them by
            hand.
    """
    catalog = catalog or Catalog.load()
    installed = ProgramsOnPath()
    programs: dict[str, Program | None] = {}
    for name in dict.fromkeys((*names, *optional)):
        programs[name] = installed.find(name, catalog.release(name)) or catalog.cached(name)
    installed.save()
    missing = [name for name, found in programs.items() if found is None]
    absent: dict[str, str] = {}
    if missing:
        from hubstack.toolchain.install import install_missing  # loads what only downloads need

        absent = install_missing(catalog, missing, optional, installed.misfits, progress)
        programs.update({name: catalog.cached(name) for name in missing})
    return Tools(
        {name: found for name, found in programs.items() if found is not None},
        {name: absent[name] for name, found in programs.items() if found is None},
    )


def _link(link: Path, target: Path) -> None:
    """Make a link in one step, whatever was there."""
    if link.is_symlink() and link.readlink() == target:
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)
