"""Stacks that stay on the program and the chart of another revision, while their values are the rollout's own.

What belongs to which: docs/adr/0031. Both are laid out in one folder for each such revision, from which its fork server
runs and its stacks are deployed like any others.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hubstack import project, reading
from hubstack.chart import helm_yaml
from hubstack.configuration import Configuration
from hubstack.errors import HubstackError
from hubstack.fleet import deployed, digest, source
from hubstack.fleet.model import Fleet
from hubstack.project import definition

if TYPE_CHECKING:
    from hubstack.fleet.plan import Plan

FOLDER = "revisions"
"""Folder of a rollout with what `lay_out` makes."""
CHECK_SECONDS = 120
_REQUIREMENTS = ("requirements.txt", "requirements.lock")
_CHECK = """
import json, sys
from pathlib import Path
folder, names = Path(sys.argv[1]), sys.argv[2:]
sys.path.insert(0, str(folder))
from hubstack import settings
from hubstack.project import stacks
refused = {}
for name in names:
    try:
        found = stacks.entries(stacks.select(name, root=folder).settings)
        settings.resolve(settings.parse(found, set()), folder)
    except Exception as error:
        refused[name] = str(error) or type(error).__name__
print(json.dumps(refused))
"""
"""Asks the program of a folder whether it takes the settings of stacks."""


@dataclass(frozen=True)
class Program:
    """The program that one stack stays on."""

    revision: str
    """Its name in the fleet file."""
    commit: str = ""
    folder: Path = field(default_factory=Path)
    """Folder with this program and the stack's values."""
    refused: str | None = None
    """Why it cannot deploy the stack."""

    def __str__(self) -> str:
        return f"{self.revision} ({self.commit[:8]})"


def folder_of(rollout: Path) -> Path:
    """Where a rollout keeps what its stacks on other programs are deployed from.

    Arguments:
        rollout: the rollout's own folder.
    """
    return project.private_folder(rollout / FOLDER)


def prepare(fleet: Fleet, names: Iterable[str], root: Path, values: Path, folder: Path) -> dict[str, Program]:
    """Lay out the programs that stacks stay on, and ask each whether it takes the settings.

    Arguments:
        fleet: the fleet.
        names: names of the stacks that matter.
        root: the project's folder, whose repository has the revisions.
        values: folder of what is rolled out.
        folder: where to.

    Returns:
        The program of each stack that stays on one.
    """
    by_revision: dict[str, list[str]] = {}
    for name in names:
        if revision := fleet.revision_of(name):
            by_revision.setdefault(revision, []).append(name)
    found: dict[str, Program] = {}
    for revision, stacks in by_revision.items():
        try:
            commit = source.commit_named(root, revision)
            laid_out = lay_out(root, commit, stacks, values, folder / commit)
            refused = _refused(laid_out, values, stacks)
        except HubstackError as error:
            found |= {stack: Program(revision, refused=str(error)) for stack in stacks}
            continue
        for stack in stacks:
            why = refused.get(stack)
            found[stack] = Program(revision, commit, laid_out, why and f"the program of {revision}: {why}")
    return found


def restored(made: Plan, root: Path, values: Path, folder: Path) -> Plan:
    """A plan whose stacks on other programs have their folders on this machine, too.

    Arguments:
        made: the plan of a rollout, which may have been made elsewhere.
        root, values, folder: as for `prepare`.

    Raises:
        HubstackError: the repository does not have a commit.
    """
    sources = dict(made.sources)
    for item in made.items:
        if item.program and item.stack in sources:
            sources[item.stack] = str(lay_out(root, item.program, [item.stack], values, folder / item.program))
    return replace(made, sources=sources)


def lay_out(root: Path, commit: str, stacks: Sequence[str], values: Path, folder: Path) -> Path:
    """Lay out a commit's program and charts, with the values of stacks as another folder has them.

    Arguments:
        root: the project's folder, whose repository has the commit.
        commit: full name of the commit.
        stacks: names of the stacks.
        values: folder with the stacks' files and the files that these name.
        folder: where to; stacks that are laid out there already stay.

    Returns:
        `folder`.

    Raises:
        HubstackError: the repository does not have the commit, or a stack names a file of the program as its values.
    """
    tested = project.private_folder(project.state_dir() / "rollouts" / "sources") / commit
    source.lay_out(root, commit, tested)
    if not folder.is_dir():
        temporary = folder.with_name(f"{folder.name}.tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        # The commit's settings of any stack are none that may be deployed, not even where the rollout has no such file.
        shutil.copytree(tested, temporary, symlinks=True, ignore=shutil.ignore_patterns("Pulumi.*.yaml", "fleet.yaml"))
        temporary.rename(folder)
    for stack in stacks:
        files = [str(Path(name)) for name in source.files_of(values, [stack])]
        if taken := [name for name in files if _is_of_program(name)]:
            raise HubstackError(f"Pulumi.{stack}.yaml names {taken[0]}, which belongs to the program, as its values")
        for name in files:
            _remove(folder / name)
        source.copy(values, folder, files)
        _keep_chart(tested / f"Pulumi.{stack}.yaml", folder / f"Pulumi.{stack}.yaml")
    return folder


def _keep_chart(tested: Path, file: Path) -> None:
    """Let a stack's file have the chart of another; where that file is not there, its own stays."""
    try:
        before, document = reading.yaml_file(tested), reading.yaml_file(file)
        known = Configuration(before["config"]).get("chart") if before else None
        settings = Configuration(document["config"])
        if not tested.is_file() or settings.get("chart") == known:
            return
    except (reading.Unreadable, KeyError, TypeError, AttributeError):
        return  # said when the stack is planned
    settings.remove("chart")
    if known is not None:
        settings["chart"] = known
    file.write_text(helm_yaml.dump(document, sort_keys=False), encoding="utf-8")


def _is_of_program(name: str) -> bool:
    return any(name == part or name.startswith(f"{part}/") for part in ("hubstack", *digest.PROGRAM))


def _remove(path: Path) -> None:
    """Remove a file of the commit, so that nothing of it is deployed in the place of one that the rollout lacks."""
    if os.path.lexists(path) and (path.is_symlink() or not path.is_dir()):
        path.unlink()


def _refused(folder: Path, values: Path, stacks: Sequence[str]) -> Mapping[str, str]:
    """Why the program of a folder cannot deploy stacks, by stack."""
    if definition.name(folder) != definition.name(values):
        return dict.fromkeys(stacks, f"its project is called {definition.name(folder)!r}, so it deploys other stacks")
    package = folder / "hubstack"
    if not package.is_dir():
        differing = [name for name in _REQUIREMENTS if _needed(folder / name) != _needed(values / name)]
        why = f"its {' and '.join(differing)} differ, and this environment has the packages of what is rolled out"
        return dict.fromkeys(stacks, why) if differing else {}
    if not any(deployed.VARIABLE in file.read_text(encoding="utf-8") for file in package.rglob("*.py")):
        return dict.fromkeys(stacks, "is from before rollouts: its stacks would not say which revision they have")
    if digest.installed_version(folder) == digest.installed_version(project.CODE):
        return {}  # the plan asks the same code
    return _asked(folder, stacks)


def _asked(folder: Path, stacks: Sequence[str]) -> Mapping[str, str]:
    """What the program of a folder, in a process of its own, refuses of the settings of stacks, by stack."""
    mirror = {"HUBSTACK_MIRROR": str(project.mirror())} if project.mirror() else {}
    # Without -P, the first place that Python looks at would be the work folder.
    command = [sys.executable, "-P", "-c", _CHECK, str(folder), *stacks]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **mirror},
            capture_output=True,
            text=True,
            timeout=CHECK_SECONDS,
            check=False,
        )
        if done.returncode == 0:
            refused: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
            return {stack: text.replace(f"{folder}/", "") for stack, text in refused.items()}
        why = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    except subprocess.TimeoutExpired:
        why = f"no answer after {CHECK_SECONDS} s"
    except (ValueError, IndexError):
        why = "its answer cannot be read"
    return dict.fromkeys(stacks, f"cannot be asked whether it takes the settings: {why}")


def _needed(file: Path) -> list[str]:
    """Lines of a file of requirements that mean something."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
