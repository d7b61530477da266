"""Rollouts as the commands see them: begin one, go on with one, end one."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from hubstack import project
from hubstack.engine import temporary
from hubstack.engine.environment import engine_environment, engine_tools, local_backend
from hubstack.errors import HubstackError
from hubstack.fleet import drifted, order, plan, programs, source, taken_up
from hubstack.fleet import lease as leases
from hubstack.fleet.journal import UNFINISHED, Journal, Rollout, folder
from hubstack.fleet.lease import Lease
from hubstack.fleet.load import the_fleet
from hubstack.fleet.model import Fleet
from hubstack.fleet.progress import Progress
from hubstack.fleet.run import Run
from hubstack.fleet.shared import Shared
from hubstack.fleet.taken_up import SOURCE
from hubstack.project import stacks
from hubstack.terminal import Terminal


def environment(console: Console, *, embedded: bool = False) -> dict[str, str]:
    """Every variable that the engine runs with.

    Arguments:
        console: gets a line about each download.
        embedded: whether every stack is on the embedded cluster, where the engine needs less.

    Raises:
        HubstackError: its programs cannot be had.
    """
    return {**os.environ, **engine_environment(engine_tools(console, embedded=embedded))}


def _engine() -> dict[str, str]:
    """Variables for an engine that works on the shared journal, and needs no plugins for that."""
    return environment(Terminal(quiet=True), embedded=True)


def is_embedded(fleet: Fleet, root: Path) -> bool:
    """Whether every stack of a revision is on the embedded cluster."""
    try:
        return all(stacks.select(stack, root=root).is_embedded for stack in fleet.stacks)
    except HubstackError:
        return False  # the plan says what is wrong with a file


def planned(root: Path, only: Sequence[str], console: Console, *, drift: bool = False) -> plan.Plan:
    """What a rollout of the work tree would do now.

    Arguments:
        root: the project's folder.
        only: names of stacks to look at; all where empty.
        console: shows downloads.
        drift: whether a stack is due that has drifted.
    """
    fleet = the_fleet(root)
    variables = environment(console, embedded=is_embedded(fleet, root))
    with temporary.folder() as folder:
        found = programs.prepare(fleet, only or fleet.stacks, root, root, folder)
        made = plan.make(fleet, root, source.revision(root), variables, only, found)
        if drift:
            made = replace(made, items=drifted.due(made.items, root, variables))
    return replace(made, sources={})  # nobody deploys from a folder that is gone


def begin(root: Path, only: Sequence[str], options: Mapping[str, Any], progress: Progress, console: Console) -> Rollout:
    """Roll the work tree out, as it is at this moment.

    Arguments:
        root: the project's folder.
        only: names of the stacks to deploy; all where empty.
        options: ``approve``, names of waves; ``wait``, whether to wait for windows; ``drift``, whether stacks that have
            drifted are due; ``takeFields``, see `deploy.Order`; ``until``, when to pause at the latest; ``lease``,
            seconds after which another machine may take over from this one, once it is dead; ``duringFreeze``, why
            stacks are started in spite of a freeze.
        progress: is called with what happens.
        console: shows downloads.

    Returns:
        The rollout at its end.

    Raises:
        HubstackError: another rollout runs or waits; says which.
    """
    fleet = the_fleet(root)
    variables = environment(console, embedded=is_embedded(fleet, root))
    journal = Journal()
    with journal.running():
        shared = Shared.open(journal, variables, _teller(progress))
        shared.require_free(only or fleet.stacks)
        rollout = _new_id()
        revision = source.revision(root)
        copy = _folder(rollout) / SOURCE
        source.snapshot(root, copy, fleet.stacks)
        found = programs.prepare(fleet, only or fleet.stacks, root, copy, programs.folder_of(_folder(rollout)))
        made = plan.make(fleet, copy, revision, variables, only, found)
        if options.get("drift"):
            made = replace(made, items=drifted.due(made.items, copy, variables))
        run = Run(journal, shared, fleet, made, variables, progress, _lease(options))
        return run.begin(rollout, {**options, "overrides": _overrides({}, options)})


def begin_rollback(of: Rollout, fleet: Fleet, made: plan.Plan, progress: Progress, console: Console) -> Rollout:
    """Run a plan that takes stacks back, see `rollback.make`; a rollout of its own."""
    variables = environment(console)
    journal = Journal()
    with journal.running():
        shared = Shared.open(journal, variables, _teller(progress))
        shared.pull()
        of = journal.rollout(of.id)
        if of.alive:
            raise HubstackError(
                f"rollout {of.id} is under way by {of.holder()}; end it with `hubstack rollout abort` first. "
                "Nothing was changed."
            )
        rollout = _new_id()
        project.private_folder(_folder(rollout))
        if of.state in ("running", "paused"):
            _set(shared, of, "aborted", f"rolled back by {rollout}")
        run = Run(journal, shared, fleet, made, variables, progress, _lease({}))
        return run.begin(rollout, {"of": of.id}, kind="rollback")


def resume(
    rollout: str | None,
    options: Mapping[str, Any],
    progress: Progress,
    console: Console,
    *,
    force: bool = False,
    insist: bool = False,
) -> Rollout:
    """Go on with a rollout where it ended, for whatever reason and on whatever machine.

    Arguments:
        rollout: its id; None for the newest.
        options: as for `begin`; add to what it was begun with.
        force: whether it may go over what a newer rollout has deployed.
        insist: whether the process that has run it is known to be dead, with all that it has started.

    Raises:
        HubstackError: it is complete, or runs, or is older than what is deployed, or its revision cannot be had here.
    """
    journal = Journal()
    with journal.running():
        variables = _engine()
        shared = Shared.open(journal, variables, _teller(progress))
        shared.pull()
        found = the_rollout(journal, rollout)
        if found.state not in UNFINISHED:
            raise HubstackError(f"rollout {found.id} is {found.state}; there is nothing to go on with")
        merged = {**found.options, **options}
        merged["overrides"] = _overrides(found.options, options)
        merged["approve"] = sorted({*found.options.get("approve", ()), *options.get("approve", ())})
        made = plan.Plan.from_dict(found.plan)
        fleet, made = taken_up.prepare(journal, found, made)
        variables = environment(console, embedded=found.kind == "rollout" and is_embedded(fleet, found.folder / SOURCE))
        if not force:
            order.refuse_older(journal, found, [item.stack for item in made.items], variables, "resume")
        run = Run(journal, shared, fleet, made, variables, progress, _lease(merged))
        return run.take_over(found, merged, insist=insist)


def the_rollout(journal: Journal, rollout: str | None, kind: str | None = None) -> Rollout:
    """A rollout by its id, or the newest.

    Raises:
        HubstackError: there is none.
    """
    found = journal.rollout(rollout) if rollout else journal.last(kind=kind)
    if found is None:
        raise HubstackError("no rollout yet")
    return found


def known(console: Console) -> Journal:
    """The journal with what all machines have recorded; where the backend does not answer, with what is known here."""
    journal = Journal()
    backend = {**os.environ, **stacks.backend_environment()}
    variables = backend if local_backend(backend) else _engine()
    try:
        Shared.open(journal, variables, console.print).pull()
    except HubstackError as error:
        console.print(Text(f"only what this machine knows: {error}"), soft_wrap=True)
    return journal


def ask(request: str, rollout: str | None, console: Console) -> tuple[Rollout, bool]:
    """Ask a rollout to ``pause``, to ``abort`` or to ``approve WAVE``, wherever it runs.

    One that nobody runs any more is marked so at once.

    Returns:
        The rollout, and whether a living process was asked.

    Raises:
        HubstackError: there is none that could, or the backend does not answer.
    """
    journal = Journal()
    shared = Shared.open(journal, _engine(), console.print)
    shared.pull()
    found = the_rollout(journal, rollout)
    if found.state not in UNFINISHED:
        raise HubstackError(f"rollout {found.id} is {found.state} already")
    wave = request.removeprefix("approve ")
    if wave != request and wave not in found.plan["waves"]:
        raise HubstackError(f"{wave}: no such wave in rollout {found.id}; waves: {', '.join(found.plan['waves'])}")
    if found.alive or wave != request:
        shared.ask(found.id, request)
        return found, found.alive
    return _set(shared, found, {"pause": "paused", "abort": "aborted"}[request], "by request"), False


def _overrides(known: Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
    """Why somebody has gone on in spite of a freeze, each reason that was ever given for a rollout."""
    return [*known.get("overrides", ()), *filter(None, [options.get("duringFreeze")])]


def _set(shared: Shared, found: Rollout, state: str, reason: str) -> Rollout:
    """Record the end of a rollout that nobody runs."""
    ended = {"state": state, "reason": reason, "ended": time.time()}
    shared.journal.end(found.id, state, reason)
    shared.amend(found.id, lambda entry: entry.update(ended))
    return shared.journal.rollout(found.id)


def _lease(options: Mapping[str, Any]) -> Lease:
    return leases.new(int(options.get("lease") or leases.SECONDS))


def _teller(progress: Progress) -> Callable[[str], object]:
    return lambda text: progress.event("wait", reason=text)


def _new_id() -> str:
    return f"{time.strftime(order.ID_TIME, time.gmtime())}-{secrets.token_hex(2)}"


def _folder(rollout: str) -> Path:
    return folder() / rollout
