"""The order of rollouts: an older one does not go over what a newer one has deployed, unless somebody insists."""

from __future__ import annotations

import calendar
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from hubstack.errors import HubstackError
from hubstack.fleet import deployed, plan
from hubstack.fleet.journal import Journal, Rollout
from hubstack.project import stacks

ID_TIME = "%Y%m%d-%H%M%S"
"""Beginning of a rollout's id, when it began in UTC."""


def refuse_older(
    journal: Journal, of: Rollout, names: Sequence[str], environment: Mapping[str, str], doing: str
) -> None:
    """Refuse to touch stacks for a rollout where a newer one has done so since.

    Arguments:
        journal: the journal, which may know less than the stacks' backend.
        of: the rollout.
        names: the stacks.
        environment: variables for the engine.
        doing: what was asked for, for the error: ``resume``, ``rollback``.

    Raises:
        HubstackError: a newer rollout has deployed one of the stacks, or has decided that it stays as it is.
    """
    if found := sorted({*_marks(journal, of, names, environment), *(_decisions(journal, of, names))}):
        newest = max(found, key=lambda each: _began(journal, each[0]))[0]
        touched = ", ".join(sorted({stack for rollout, stack in found if rollout == newest}))
        raise HubstackError(
            f"rollout {of.id} is older than what is deployed: rollout {newest} came after it (stacks {touched}). "
            f"Deploy what you want with `hubstack rollout up`, take the newer one back with `hubstack rollout rollback "
            f"--rollout {newest}`, or insist with `hubstack rollout {doing} --rollout {of.id} --force`. "
            "Nothing was changed."
        )


def _marks(
    journal: Journal, of: Rollout, names: Sequence[str], environment: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Newer rollouts that the stacks' backend names, each with the stack."""
    began = _began(journal, of.id)
    with ThreadPoolExecutor(plan.AT_ONCE) as pool:
        states = pool.map(lambda name: deployed.read(name, environment, stacks.engine_folder(name)), names)
    for name, state in zip(names, states, strict=True):
        if state.rollout and state.rollout != of.id and _began(journal, state.rollout) > began:
            yield state.rollout, name


def _decisions(journal: Journal, of: Rollout, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Newer rollouts that found a stack unchanged, although the older one still wants to change it."""
    wanted = {item.stack: item for item in plan.Plan.from_dict(of.plan).items if item.stack in names}
    for newer in journal.rollouts():
        if newer.started <= of.started or newer.state != "succeeded":
            continue
        for item in plan.Plan.from_dict(newer.plan).items:
            older = wanted.get(item.stack)
            if older and older.action == "up" and item.action == "skip" and item.digest != older.digest:
                yield newer.id, item.stack


def _began(journal: Journal, rollout: str) -> float:
    """When a rollout began; of one that the journal does not know its id says so."""
    known = next((each.started for each in journal.rollouts() if each.id == rollout), None)
    if known is not None:
        return known
    try:
        return calendar.timegm(time.strptime("-".join(rollout.split("-")[:2]), ID_TIME))
    except ValueError:
        return 0.0
