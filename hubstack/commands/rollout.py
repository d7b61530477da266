"""`hubstack rollout ...`: arguments in, a table or JSON out."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hubstack import project, terminal
from hubstack.commands.help import App
from hubstack.errors import HubstackError
from hubstack.terminal import Terminal

if TYPE_CHECKING:  # other commands do not pay for these
    from hubstack.fleet.journal import Rollout
    from hubstack.fleet.left import Left
    from hubstack.fleet.plan import Plan

app = App(help="Roll a change over a fleet of stacks, in waves (see fleet.yaml).")

EXIT_CODES = {"succeeded": 0, "failed": 3, "incomplete": 4, "paused": 5, "aborted": 6}
"""Exit code for each state in which a rollout ends; 1 is an error before it began."""

JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
StackOption = Annotated[list[str] | None, typer.Option("--stack", "-s", help="Only this stack, repeatable.")]
ApproveOption = Annotated[list[str] | None, typer.Option("--approve", help="Wave that may start, repeatable.")]
RolloutOption = Annotated[str | None, typer.Option("--rollout", help="Id of the rollout. Default: the newest.")]
FreezeOption = Annotated[
    str | None,
    typer.Option("--during-freeze", metavar="REASON", help="Start stacks in spite of a freeze; the reason is kept."),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Go over what a newer rollout has deployed.")]
MaxTimeOption = Annotated[
    str | None,
    typer.Option("--max-time", help="Pause after this time, and rather than wait beyond it: 50m. `resume` goes on."),
]
LeaseOption = Annotated[
    str, typer.Option("--lease", help="How long after the last sign of life another machine may take over.")
]
WaitOption = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for a wave's window, or pause instead.")]


DriftOption = Annotated[
    bool, typer.Option("--drift", help="Stacks are due, too, in whose objects somebody has changed something.")
]
TakeFieldsOption = Annotated[
    bool, typer.Option("--take-fields", help="Set fields that somebody else has written since to what the stacks say.")
]


@app.command()
def plan(stack: StackOption = None, drift: DriftOption = False, as_json: JsonOption = False) -> None:
    """Show what a rollout would do, and why; change nothing. Exit codes: 0 nothing, 2 something, 1 refused settings."""
    from hubstack.fleet import rollout

    made = rollout.planned(project.ROOT, stack or (), Terminal(stderr=True), drift=drift)
    if as_json:
        terminal.write_json(made.as_dict())
    else:
        _show(made, Terminal())
    if made.count("refused") or made.count("up") or made.count("gate"):
        raise typer.Exit(1 if made.count("refused") else 2)


@app.command()
def up(
    stack: StackOption = None,
    approve: ApproveOption = None,
    wait: WaitOption = True,
    during_freeze: FreezeOption = None,
    drift: DriftOption = False,
    take_fields: TakeFieldsOption = False,
    max_time: MaxTimeOption = None,
    lease: LeaseOption = "3m",
    as_json: JsonOption = False,
) -> None:
    """Deploy what has changed, wave after wave. Exit codes: 0 done, 3 failed, 4 incomplete, 5 paused, 6 aborted."""
    from hubstack.fleet import progress, rollout

    options = {
        **_options(approve, wait, max_time, lease, during_freeze),
        "drift": drift,
        "takeFields": take_fields,
    }
    console = Terminal(stderr=as_json)
    _end(rollout.begin(project.ROOT, stack or (), options, progress.choose(console, as_json=as_json), console), as_json)


@app.command()
def step(
    stack: Annotated[str, typer.Option("--stack", "-s", help="The stack.")],
    name: Annotated[str, typer.Option(help="What the rollout is called; the same for all its stacks.")],
    baked: Annotated[
        bool, typer.Option("--baked", help="Only ask the gates again: the stack's wave has baked.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Deploy one stack and ask its gates, for a rollout that another engine orders (see `export`).

    Exit codes: 0 done, 3 failed, 4 not reached or no credentials, 5 outside of its window.
    """
    from hubstack.fleet import load, progress, rollout
    from hubstack.fleet import step as stepping

    console = Terminal(stderr=as_json)
    fleet = load.the_fleet(project.ROOT)
    shown = progress.choose(console, as_json=False)
    variables = rollout.environment(console, embedded=rollout.is_embedded(fleet, project.ROOT))
    try:
        result = stepping.run(
            fleet, project.ROOT, stack, name, variables, lambda text: shown.event("doing", stack=stack, doing=text),
            baked=baked,
        )  # fmt: skip
        shown.event("stack", **result.as_dict())
    finally:
        shown.close()
    if as_json:
        terminal.write_json(result.as_dict())
    if code := stepping.EXIT_CODES.get(result.state, 1):
        raise typer.Exit(code)


@app.command()
def resume(
    rollout: RolloutOption = None,
    approve: ApproveOption = None,
    wait: WaitOption = True,
    during_freeze: FreezeOption = None,
    max_time: MaxTimeOption = None,
    lease: LeaseOption = "3m",
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Its process is known to be dead, and all that it has started.")
    ] = False,
    due: Annotated[
        bool,
        typer.Option("--due", help="Only what can go on by itself: a bake or a window whose time has come, a kill."),
    ] = False,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Go on with a rollout that was killed, paused or failed, here or elsewhere, from the revision it began with."""
    from hubstack.fleet import progress
    from hubstack.fleet import rollout as rollouts

    options = _options(approve, wait, max_time, lease, during_freeze)
    console = Terminal(stderr=as_json)
    if due:
        found = rollouts.known(Terminal(stderr=True)).last()
        if found is None or not found.is_due:
            console.print(f"rollout {found.id} is {found.state}: not due" if found else "no rollout yet")
            return
        rollout = found.id
    display = progress.choose(console, as_json=as_json)
    _end(rollouts.resume(rollout, options, display, console, force=force, insist=take_over), as_json)


@app.command()
def pause(rollout: RolloutOption = None) -> None:
    """Start nothing more; what is under way comes to its end. `resume` goes on."""
    _ask("pause", rollout)


@app.command()
def abort(rollout: RolloutOption = None) -> None:
    """Start nothing more, for good; what is under way comes to its end."""
    _ask("abort", rollout)


@app.command()
def approve(wave: Annotated[str, typer.Argument(help="Name of the wave.")], rollout: RolloutOption = None) -> None:
    """Let a wave start: a rollout that runs, on whatever machine, goes on; one that waits does with `resume`."""
    _ask(f"approve {wave}", rollout)


@app.command()
def status(rollout: RolloutOption = None, as_json: JsonOption = False) -> None:
    """Show how far a rollout is."""
    from hubstack.fleet import left, report
    from hubstack.fleet import rollout as rollouts
    from hubstack.fleet.plan import Plan

    journal = rollouts.known(Terminal(stderr=True))
    found = journal.rollout(rollout) if rollout else journal.last()
    if found is None:
        print("null" if as_json else "no rollout yet")
        return
    facts = report.facts(journal, found)
    remaining = left.still(Plan.from_dict(found.plan).left, os.environ)
    facts["left"] = [asdict(each) for each in remaining]
    if as_json:
        terminal.write_json(facts)
        return
    console = Terminal()
    counts = ", ".join(f"{count} {state}" for state, count in sorted(facts["counts"].items()))
    console.print(f"{facts['kind']} {found.id}: {facts['state']}: {counts}")
    console.print(f"by {facts['owner']}")
    if found.reason:
        console.print(found.reason)
    for reason in facts["overrides"]:
        console.print(f"in spite of a freeze: {reason}")
    programs = any(each["program"] for each in facts["stacks"])
    table = Table("wave", "stack", "cluster", *(["program"] if programs else []), "state", "time", "what")
    for each in facts["stacks"]:
        took = f"{each['seconds']} s" if each["seconds"] is not None else ""
        cells = [each["wave"], each["stack"], each["cluster"], each["state"], took, each["reason"]]
        if programs:
            cells.insert(3, each["program"] or "")
        table.add_row(*cells)
    console.print(table)
    _show_left(remaining, console)


@app.command()
def history(as_json: JsonOption = False) -> None:
    """List the rollouts of all machines, newest first."""
    from hubstack.fleet import report
    from hubstack.fleet import rollout as rollouts

    journal = rollouts.known(Terminal(stderr=True))
    found = [report.facts(journal, each) for each in journal.rollouts()]
    if as_json:
        terminal.write_json([{key: value for key, value in each.items() if key != "stacks"} for each in found])
        return
    table = Table("rollout", "kind", "state", "revision", "stacks", "seconds", "by")
    for each in found:
        counts = ", ".join(f"{count} {state}" for state, count in sorted(each["counts"].items()))
        revision = (each["commit"] or "")[:12]
        table.add_row(
            each["rollout"], each["kind"], each["state"], revision, counts, str(each["seconds"]), each["owner"]
        )
    Terminal().print(table)


@app.command()
def rollback(
    rollout: RolloutOption = None,
    wave: Annotated[list[str] | None, typer.Option("--wave", help="Only this wave, repeatable.")] = None,
    dry_run: Annotated[bool, typer.Option("--plan", help="Show the plan, and change nothing.")] = False,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take the stacks that a rollout deployed back to the revision that they had, in reverse order."""
    from hubstack.fleet import load, order, progress, taken_up
    from hubstack.fleet import rollback as back
    from hubstack.fleet import rollout as rollouts

    console = Terminal(stderr=as_json)
    journal = rollouts.known(Terminal(stderr=True))
    found = rollouts.the_rollout(journal, rollout, kind="rollout")
    fleet = load.the_fleet(taken_up.revision(found))
    variables = rollouts.environment(console)
    made = back.make(journal, found, fleet, wave or (), project.ROOT, variables)
    if not force:
        order.refuse_older(journal, found, [item.stack for item in made.items], variables, "rollback")
    if dry_run:
        terminal.write_json(made.as_dict()) if as_json else _show(made, Terminal())
        return
    display = progress.choose(console, as_json=as_json)
    _end(rollouts.begin_rollback(found, back.fleet_for(fleet), made, display, console), as_json)


@app.command()
def export(
    to: Annotated[str, typer.Option("--to", help="github-matrix or pulumi-operator.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write instead of printing.")] = None,
    repository: Annotated[str, typer.Option(help="Git URL that the operator deploys from.")] = "",
    revision: Annotated[str, typer.Option(help="Commit that the operator deploys, in any words of git's.")] = "HEAD",
    backend: Annotated[str, typer.Option(help="Pulumi backend that the operator uses.")] = "",
    namespace: Annotated[str, typer.Option(help="Namespace of the operator's objects.")] = "pulumi",
    service_account: Annotated[
        str, typer.Option(help="Service account of the operator's workspaces, which may use the backend.")
    ] = "",
    git_secret: Annotated[
        bool, typer.Option("--git-secret", help="The repository needs credentials; a Secret has them.")
    ] = False,
    wave: Annotated[
        list[str] | None, typer.Option("--wave", help="Only the operator's objects of this wave, repeatable.")
    ] = None,
) -> None:
    """Write the fleet for an engine beyond this machine: a workflow for CI runners, or objects for an operator."""
    from hubstack.fleet import export as exporting
    from hubstack.fleet import load, source

    fleet = load.the_fleet(project.ROOT)
    commit = source.commit_of(project.ROOT, revision) if to == "pulumi-operator" else ""
    operator = exporting.Operator(repository, commit, backend, namespace, service_account, git_secret)
    text = exporting.text(fleet, to, operator, wave or ())
    output.write_text(text, encoding="utf-8") if output else sys.stdout.write(text)


@app.command()
def simulate(
    stacks: Annotated[int | None, typer.Option(help="Number of stacks. Default: those of fleet.yaml.")] = None,
    failure_rate: Annotated[float, typer.Option(help="Share of stacks that fail, 0 to 1.")] = 0.0,
    seconds: Annotated[
        float | None, typer.Option(help="Time of one stack. Default: measured by rollouts here.")
    ] = None,
    kind: Annotated[
        str, typer.Option(help="Kind of the updates whose times count: update, create, unchanged, switch, recovery.")
    ] = "update",
    runs: Annotated[int, typer.Option(help="How often chance is tried.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of chance; the same gives the same figures.")] = 1,
    fleet_file: Annotated[Path | None, typer.Option("--fleet", help="A fleet file. Default: the project's.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say how long a rollout takes, and how many stacks a bad change reaches before it stops."""
    from hubstack.fleet import load
    from hubstack.fleet import simulate as simulating
    from hubstack.fleet.journal import Journal

    fleet = load.read(fleet_file, stack_files=False) if fleet_file else load.the_fleet(project.ROOT)
    times = simulating.measured(Journal().seconds(), kind) if seconds is None else [seconds]
    found = simulating.simulate(fleet, stacks, failure_rate, times, runs=runs, seed=seed)
    if as_json:
        terminal.write_json(found.as_dict())
    else:
        simulating.show(found, Terminal())


def _ask(request: str, rollout: str | None) -> None:
    from hubstack.fleet import rollout as rollouts

    console = Terminal()
    found, asked = rollouts.ask(request, rollout, console)
    if asked:
        console.print(f"asked {found.holder()}; stacks that are under way come to their end")
    elif request in ("pause", "abort"):
        console.print(f"rollout {found.id} is {found.state}")
    else:
        console.print(f"rollout {found.id} is {found.state}; it goes on with: hubstack rollout resume")


def _options(
    approve: list[str] | None, wait: bool, max_time: str | None, lease: str, during_freeze: str | None
) -> dict[str, Any]:
    """What a run is given."""
    from hubstack.fleet import duration

    if during_freeze is not None and not during_freeze.strip():
        raise HubstackError("--during-freeze: needs a reason, which the rollout keeps")
    found = {}
    for name, text in (("--max-time", max_time), ("--lease", lease)):
        try:
            found[name] = duration.seconds(text) if text is not None else None
        except ValueError as error:
            raise HubstackError(f"{name}: {error}") from None
    if not found["--lease"]:
        raise HubstackError("--lease 0: must be longer; 3m is the default")
    until = None if found["--max-time"] is None else time.time() + found["--max-time"]
    given = {"approve": approve or [], "wait": wait, "until": until, "lease": found["--lease"]}
    return {**given, "duringFreeze": during_freeze or ""}


def _end(ended: Rollout, as_json: bool) -> None:
    from hubstack.fleet import report

    if not as_json:
        console = Terminal()
        console.print(f"report: {ended.folder / report.FILES[1]}", soft_wrap=True)
    if code := EXIT_CODES.get(ended.state, 1):
        raise typer.Exit(code)


def _show_left(left: Iterable[Left], console: Console) -> None:
    for each in left:
        console.print(str(each), style="yellow", markup=False, highlight=False, soft_wrap=True)


def _show(made: Plan, console: Console) -> None:
    from hubstack.fleet import report

    programs = any(item.revision for item in made.items)
    table = Table("wave", "stack", "cluster", *(["program"] if programs else []), "action", "why")
    colours: dict[str, str] = {"up": "yellow", "gate": "yellow", "refused": "red"}
    for item in made.items:
        action = Text(item.action, style=colours.get(item.action, ""))
        program = [report.program_of(item) or ""] if programs else []
        table.add_row(item.wave, item.stack, item.cluster, *program, action, item.reason)
    console.print(table)
    for wave, held in made.frozen.items():
        console.print(f"wave {wave} is {held}")
    _show_left(made.left, console)
    for item in made.items:
        for each in item.told:
            console.print(Text.assemble(("policy:", "yellow"), f" {item.stack}: {each}"), soft_wrap=True)
    asked = f"{made.count('gate')} to ask, " if made.count("gate") else ""
    console.print(
        f"{made.count('up')} to deploy, {asked}{made.count('skip')} unchanged, {made.count('refused')} refused"
    )
