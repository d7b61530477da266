"""The way back: the stacks of a wave to the revision that they had, in reverse order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from hubstack import project
from hubstack.chart.errors import SettingsError
from hubstack.errors import HubstackError
from hubstack.fleet import deployed, plan, source
from hubstack.fleet.journal import NOT_ASKED, Journal, Rollout
from hubstack.fleet.model import Fleet
from hubstack.project import stacks


def make(
    journal: Journal, of: Rollout, fleet: Fleet, waves: Sequence[str], root: Path, environment: Mapping[str, str]
) -> plan.Plan:
    """Plan the way back of a rollout.

    Arguments:
        journal: the journal.
        of: the rollout.
        fleet: the fleet that it was made with.
        waves: names of waves; all where empty.
        root: the project's folder, whose repository has the earlier commits.
        environment: variables for the engine.

    Raises:
        HubstackError: a wave is unknown, or the rollout deployed nothing in the waves.
    """
    known = [wave.name for wave in fleet.waves]
    if unknown := [wave for wave in waves if wave not in known]:
        raise HubstackError(f"--wave {unknown[0]}: no such wave in rollout {of.id}; waves: {', '.join(known)}")
    before = {
        step.stack: step
        for step in reversed(journal.steps(of.id, "up"))  # the first step of a stack wins: later ones are retries
        if step.state not in NOT_ASKED and (not waves or step.wave in waves)
    }
    latest = {step.stack: step.number for step in journal.steps(of.id, "up")}
    owed = {wave.name: wave.owes for wave in fleet_for(fleet).waves}
    items, sources = [], {}
    for stack, step in sorted(before.items(), key=lambda entry: -latest[entry[0]]):
        wanted, commit, rollout = (step.detail.get(key) for key in ("before", "before_commit", "before_rollout"))
        item = plan.Item(stack, step.wave, "refused", "", commit=commit)
        try:
            folder = _source(root, wanted, commit, rollout)
            state = deployed.read(stack, environment, stacks.engine_folder(stack))
            item = plan.decide(stack, step.wave, folder, commit, state, owed[step.wave])
            if item.action != "refused" and item.digest != wanted:
                reason = f"the settings at {commit} lead to {item.digest}, but {wanted} was deployed"
                item = replace(item, action="refused", reason=reason)
            sources[stack] = str(folder)
        except (HubstackError, SettingsError) as error:
            item = replace(item, reason=str(error))
        items.append(item)
    if not items:
        raise HubstackError(f"rollout {of.id} deployed nothing in {', '.join(waves or known)}")
    order = [name for name in reversed(known) if any(item.wave == name for item in items)]
    revision = source.Revision(None, False)
    return plan.Plan(revision, tuple(items), tuple(order), "rollback", sources)


def fleet_for(fleet: Fleet) -> Fleet:
    """The fleet as the way back takes it: at once, and every stack whatever becomes of the others."""
    changes = {"approval": "none", "windows": [], "bake_time": 0, "max_failures": "100%", "min_succeeded": 0}
    return fleet.model_copy(update={"waves": [wave.model_copy(update=changes) for wave in fleet.waves]})


def _source(root: Path, wanted: str | None, commit: str | None, rollout: str | None) -> Path:
    """Folder with the revision that a stack had."""
    if not wanted:
        raise HubstackError("had nothing before that a rollout had deployed, so there is nothing to go back to")
    kept = project.state_dir() / "rollouts" / str(rollout) / "source"
    if kept.is_dir():
        return kept
    if not commit or commit.endswith(source.DIRTY):
        raise HubstackError(f"was deployed from uncommitted changes by rollout {rollout} on another machine")
    return laid_out(root, commit)


def laid_out(root: Path, commit: str | None) -> Path:
    """Folder with a commit.

    Raises:
        HubstackError: the repository does not have it.
    """
    assert commit
    folder = project.state_dir() / "rollouts" / "sources" / commit
    source.lay_out(root, commit, folder)
    return folder
