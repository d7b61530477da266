"""The revision of a rollout on a machine that did not begin it: from the repository, and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hubstack import project
from hubstack.errors import HubstackError
from hubstack.fleet import digest, plan, rollback, source
from hubstack.fleet.journal import Journal, Rollout
from hubstack.fleet.load import the_fleet
from hubstack.fleet.model import Fleet

SOURCE = "source"
"""Folder of a rollout with the revision that it deploys."""


def prepare(journal: Journal, found: Rollout, made: plan.Plan) -> tuple[Fleet, plan.Plan]:
    """The fleet of a rollout, and its plan with folders of this machine.

    Raises:
        HubstackError: the revision cannot be had here, or leads to something else than where it was begun.
    """
    if made.kind == "rollback":
        of = journal.rollout(found.options["of"])
        return rollback.fleet_for(the_fleet(revision(of))), replace(made, sources=_sources(made))
    folder, is_new = found.folder / SOURCE, not (found.folder / SOURCE).is_dir()
    fleet = the_fleet(revision(found))
    if is_new:
        _check(found, made, folder)
    return fleet, made


def revision(found: Rollout) -> Path:
    """Folder with the revision of a rollout: the copy that was made when it began, or its commit.

    Raises:
        HubstackError: it was begun elsewhere, and its revision is in no commit that can be had here.
    """
    folder = found.folder / SOURCE
    if folder.is_dir():
        return folder
    made = source.Revision(**found.plan["revision"])
    if made.commit is None or made.dirty:
        raise HubstackError(
            f"rollout {found.id} was begun on {found.host} from changes that no commit has, so only that machine can "
            "go on with it. End it with `hubstack rollout abort`, commit the changes, and begin another one"
        )
    project.private_folder(found.folder)
    source.lay_out(project.ROOT, made.commit, folder)
    return folder


def _sources(made: plan.Plan) -> Mapping[str, str]:
    """Folders with the revision of each stack of a rollback."""
    commits = {item.stack: item.commit for item in made.items}
    return {stack: str(_laid_out(Path(folder), commits[stack])) for stack, folder in made.sources.items()}


def _laid_out(known: Path, commit: str | None) -> Path:
    return known if known.is_dir() else rollback.laid_out(project.ROOT, commit)


def _check(found: Rollout, made: plan.Plan, folder: Path) -> None:
    """Require that a commit leads to what was planned: files that git does not have may differ between machines."""
    for item in made.items:
        if item.action == "refused":
            continue
        wanted = digest.desired(plan.stack_of(item.stack, folder)).digest
        if wanted != item.digest:
            raise HubstackError(
                f"stack {item.stack}: the commit of rollout {found.id} leads to {wanted} here, and to {item.digest} on "
                f"{found.host}, where it was begun: it uses files that are in no commit. Go on with it there, or end "
                "it with `hubstack rollout abort`"
            )
