"""Rollouts as the commands see them: begin one, go on with one, end one."""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from hubstack import project
from hubstack.engine.environment import engine_environment, engine_tools
from hubstack.engine.servers import ForkServers
from hubstack.errors import HubstackError
from hubstack.fleet import drifted, load, order, plan, report, source
from hubstack.fleet.attempt import Deployer
from hubstack.fleet.journal import UNFINISHED, Journal, Rollout
from hubstack.fleet.model import Fleet
from hubstack.fleet.progress import Progress
from hubstack.fleet.runner import Runner
from hubstack.project import stacks

SOURCE = "source"
"""Folder of a rollout with the revision that it deploys."""


def the_fleet(root: Path) -> Fleet:
    """The project's fleet.

    Raises:
        HubstackError: there is no fleet file.
        SettingsError: it cannot be used.
    """
    fleet = load.load(root)
    if fleet is None:
        raise HubstackError(
            f"{root / load.FILE}: there is none; it names the stacks and the waves of a fleet. "
            "docs/fleet.md explains it, docs/examples/fleet/fleet.yaml is one"
        )
    return fleet


def environment(console: Console, *, embedded: bool = False) -> dict[str, str]:
    """Every variable that the engine runs with.

    Arguments:
        console: gets a line about each download.
        embedded: whether every stack is on the embedded cluster, where the engine needs less.

    Raises:
        HubstackError: its programs cannot be had.
    """
    return {**os.environ, **engine_environment(engine_tools(console, embedded=embedded))}


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
    made = plan.make(fleet, root, source.revision(root), variables, only)
    return replace(made, items=drifted.due(made.items, root, variables)) if drift else made


def begin(root: Path, only: Sequence[str], options: Mapping[str, Any], progress: Progress, console: Console) -> Rollout:
    """Roll the work tree out, as it is at this moment.

    Arguments:
        root: the project's folder.
        only: names of the stacks to deploy; all where empty.
        options: ``approve``, names of waves; ``wait``, whether to wait for windows; ``drift``, whether stacks that have
            drifted are due; ``takeFields``, see `deploy.Order`.
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
        last = journal.last()
        if last and last.state in ("running", "paused"):
            what = "was interrupted" if last.state == "running" else f"is paused: {last.reason}"
            raise HubstackError(
                f"rollout {last.id} by {last.holder()} {what}. Go on with: hubstack rollout resume. Or end it with: "
                "hubstack rollout abort. Nothing was changed."
            )
        rollout = _new_id()
        revision = source.revision(root)
        folder = _folder(rollout) / SOURCE
        source.snapshot(root, folder, fleet.stacks)
        made = plan.make(fleet, folder, revision, variables, only)
        if options.get("drift"):
            made = replace(made, items=drifted.due(made.items, folder, variables))
        journal.begin(rollout, made.as_dict(), dict(options))
        return _run(journal, journal.rollout(rollout), fleet, made, variables, progress)


def begin_rollback(of: Rollout, fleet: Fleet, made: plan.Plan, progress: Progress, console: Console) -> Rollout:
    """Run a plan that takes stacks back, see `rollback.make`; a rollout of its own."""
    variables = environment(console)
    journal = Journal()
    with journal.running():
        rollout = _new_id()
        project.private_folder(_folder(rollout))
        if of.state in ("running", "paused"):
            journal.end(of.id, "aborted", f"rolled back by {rollout}")
        journal.begin(rollout, made.as_dict(), {"of": of.id}, kind="rollback")
        return _run(journal, journal.rollout(rollout), fleet, made, variables, progress)


def resume(
    rollout: str | None, options: Mapping[str, Any], progress: Progress, console: Console, *, force: bool = False
) -> Rollout:
    """Go on with a rollout where it ended, for whatever reason.

    Arguments:
        rollout: its id; None for the newest.
        options: as for `begin`; add to what it was begun with.
        force: whether it may go over what a newer rollout has deployed.

    Raises:
        HubstackError: it is complete, or runs, or is older than what is deployed.
    """
    journal = Journal()
    with journal.running():
        found = journal.rollout(rollout) if rollout else journal.last()
        if found is None or found.state not in UNFINISHED:
            raise HubstackError(
                f"rollout {found.id} is {found.state}; there is nothing to go on with" if found else "no rollout yet"
            )
        merged = {**found.options, **options}
        merged["approve"] = sorted({*found.options.get("approve", ()), *options.get("approve", ())})
        made = plan.Plan.from_dict(found.plan)
        if found.kind == "rollback":
            from hubstack.fleet import rollback

            fleet = rollback.fleet_for(the_fleet(_folder(found.options["of"]) / SOURCE))
            variables = environment(console)
        else:
            fleet = the_fleet(found.folder / SOURCE)
            variables = environment(console, embedded=is_embedded(fleet, found.folder / SOURCE))
        if not force:
            order.refuse_older(journal, found, [item.stack for item in made.items], variables, "resume")
        journal.take_over(found.id, merged)
        return _run(journal, journal.rollout(found.id), fleet, made, variables, progress)


def ask(request: str, rollout: str | None = None) -> tuple[Rollout, bool]:
    """Ask a rollout to ``pause`` or to ``abort``; one that nobody runs any more is marked so at once.

    Returns:
        The rollout, and whether a living process was asked.

    Raises:
        HubstackError: there is none that could.
    """
    journal = Journal()
    found = journal.rollout(rollout) if rollout else journal.last()
    if found is None or found.state not in UNFINISHED:
        raise HubstackError(f"rollout {found.id} is {found.state} already" if found else "no rollout yet")
    if found.alive:
        journal.request(found.id, request)
        return found, True
    journal.end(found.id, {"pause": "paused", "abort": "aborted"}[request], "by request")
    return journal.rollout(found.id), False


def _run(
    journal: Journal,
    found: Rollout,
    fleet: Fleet,
    made: plan.Plan,
    variables: Mapping[str, str],
    progress: Progress,
) -> Rollout:
    for wave in found.options.get("approve", ()):
        if wave not in made.waves:
            raise HubstackError(f"--approve {wave}: no such wave; waves: {', '.join(made.waves)}")
        journal.request(found.id, f"approve {wave}")
    servers = ForkServers(variables)
    runner = Runner(
        rollout=found.id,
        fleet=fleet,
        plan=made,
        source=found.folder / SOURCE,
        deployer=Deployer(
            found.id, found.folder, variables, servers, journal, take_fields=bool(found.options.get("takeFields"))
        ),
        journal=journal,
        progress=progress,
        patient=bool(found.options.get("wait", True)),
    )
    with _signals(runner, servers, progress):
        try:
            runner.run()
        finally:
            servers.close()
            progress.close()
    ended = journal.rollout(found.id)
    try:
        report.write(journal, ended)
    except OSError as error:
        raise HubstackError(
            f"rollout {ended.id} is {ended.state}, but its report cannot be written: {error}; "
            "the journal has it all: hubstack rollout status"
        ) from None
    return ended


STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def _signals(runner: Runner, servers: ForkServers, progress: Progress) -> Iterator[None]:
    """The first Ctrl-C lets what runs come to its end, the second one stops it."""

    def handle(*_: object) -> None:
        if runner.stop.is_set():
            progress.event("wait", reason="stopping the engines; they write their state first")
            servers.interrupt()
        else:
            progress.event("wait", reason="stacks that are under way come to their end; again: stop them, too")
            runner.stop.set()

    before = {number: signal.signal(number, handle) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _new_id() -> str:
    return f"{time.strftime(order.ID_TIME, time.gmtime())}-{secrets.token_hex(2)}"


def _folder(rollout: str) -> Path:
    return project.state_dir() / "rollouts" / rollout
