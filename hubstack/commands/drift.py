"""The command `hubstack drift`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from hubstack import project, terminal
from hubstack.commands.options import JsonOption
from hubstack.errors import HubstackError
from hubstack.terminal import Terminal

if TYPE_CHECKING:
    from hubstack.drift.report import StackDrift
    from hubstack.project.stacks import Stack

COLORS = {"clean": "green", "drifted": "yellow", "unreachable": "red", "failed": "red", "not deployed": "dim"}


def drift(
    stack: Annotated[
        list[str] | None, typer.Option("--stack", "-s", help="This stack, repeatable. Default: dev.")
    ] = None,
    fleet: Annotated[bool, typer.Option("--fleet", help="Every stack of fleet.yaml.")] = False,
    wave: Annotated[list[str] | None, typer.Option("--wave", help="The stacks of this wave, repeatable.")] = None,
    select: Annotated[str, typer.Option("--select", help="The fleet's stacks with labels such as tier=prod.")] = "",
    mode: Annotated[str | None, typer.Option(help="native or helm, as for `up`.")] = None,
    values: Annotated[list[Path] | None, typer.Option("--values", "-f", help="z2jh values file, as for `up`.")] = None,
    context: Annotated[str | None, typer.Option(help="kubeconfig context, as for `up`.")] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make the cluster what the last update has declared.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Repair without asking.")] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", metavar="PLACE", help="Object or field that may differ, for one stack; repeatable."),
    ] = None,
    metrics: Annotated[
        Path | None, typer.Option("--metrics", help="File to write for Prometheus' textfile collector.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what somebody has changed in the cluster, and who. Exit codes: 0 nothing, 2 drift, 3 cluster unreachable."""
    from hubstack.drift import accepting, examine, report
    from hubstack.drift import metrics as figures

    chosen = _chosen(stack or (), fleet, wave or (), select, mode, values or (), context)
    if accept and len(chosen) != 1:
        raise HubstackError("--accept: is for one stack; name it with --stack")
    console = Terminal(stderr=as_json)
    environment = _environment(chosen)
    found = examine.several(chosen, environment)
    if accept:
        accepting.accept(chosen[0], _looked_at(found[0]), accept)
        console.print(f"written to Pulumi.{chosen[0].base}.yaml: what may differ")
        chosen = _chosen(stack or (), fleet, wave or (), select, mode, values or (), context)
        found = examine.several(chosen, environment)
    if repair:
        found = _repaired(chosen, found, environment, console, yes=yes)
    if metrics:
        figures.write(metrics, found)
    if as_json:
        terminal.write_json(report.as_dict(found))
    else:
        _show(found, console)
    if code := report.exit_code(found):
        raise typer.Exit(code)


def _chosen(
    names: Sequence[str],
    fleet: bool,
    waves: Sequence[str],
    select: str,
    mode: str | None,
    values: Sequence[Path],
    context: str | None,
) -> list[Stack]:
    """The stacks that the options mean.

    Raises:
        HubstackError: there is no such stack or wave, or the options contradict each other.
    """
    from hubstack.doctor import run

    if not (fleet or waves or select):
        return [run.select(name, mode, values, context) for name in names or ("dev",)]
    if names or mode or values or context:
        raise HubstackError("--fleet, --wave and --select go without --stack, --mode, --values and --context")
    from hubstack import label_selector
    from hubstack.fleet import load, plan

    known = load.the_fleet(project.ROOT)
    wave_of = known.wave_of()
    if unknown := sorted(set(waves) - set(wave_of.values())):
        names = [each.name for each in known.waves]
        raise HubstackError(f"--wave {unknown[0]}: not in fleet.yaml; waves: {', '.join(names)}")
    try:
        expression = label_selector.parse(select) if select else None
    except ValueError as error:
        raise HubstackError(f"--select {error}") from None
    return [
        plan.stack_of(name, project.ROOT)
        for name in known.stacks
        if (not waves or wave_of[name] in waves) and (expression is None or expression.matches(known.labels_of(name)))
    ]


def _environment(chosen: Sequence[Stack]) -> Mapping[str, str]:
    from hubstack.fleet import rollout

    embedded = all(each.is_embedded for each in chosen)
    return rollout.environment(Terminal(stderr=True), embedded=embedded)


def _looked_at(found: StackDrift) -> StackDrift:
    if found.state not in ("clean", "drifted"):
        raise HubstackError(f"stack {found.stack}: {found.state}: {found.reason or 'nothing can be said of it'}")
    return found


def _repaired(
    chosen: Sequence[Stack],
    found: Sequence[StackDrift],
    environment: Mapping[str, str],
    console: Terminal,
    *,
    yes: bool,
) -> list[StackDrift]:
    """Repair the stacks that have drifted, and look at them again."""
    from hubstack.drift import examine
    from hubstack.engine.stack import EngineStack
    from hubstack.lifecycle import repair

    after: list[StackDrift] = []
    failures: list[str] = []
    for stack, each in zip(chosen, found, strict=True):
        planned = repair.plan(each)
        if each.state != "drifted" or not planned.words:
            after.append(each)
            continue
        _show([each], console)
        console.print(f"repair of stack {stack.name}:", soft_wrap=True)
        for line in planned.words:
            console.print(f"  {line}", soft_wrap=True)
        if planned.mended and not (yes or sys.stdin.isatty()):
            raise HubstackError("--repair: there is nobody to ask; --yes repairs without. Nothing was changed.")
        if planned.mended and not (yes or typer.confirm("Do this?", err=True)):
            after.append(each)
            continue
        try:
            repair.repair(EngineStack(stack, environment, create=False), each)
        except HubstackError as error:
            failures.append(str(error))
        after.append(examine.one(stack, environment))
    if failures:
        raise HubstackError("\n".join(failures))
    return after


def _show(found: Sequence[StackDrift], console: Terminal) -> None:
    from hubstack.drift import report

    for each in found:
        first, *others = report.lines(each)
        console.print(Text(first, style=COLORS[each.state]), soft_wrap=True)
        for line in others:
            console.print(line, soft_wrap=True)
    if len(found) > 1:
        counts = report.as_dict(found)["counts"]
        console.print(", ".join(f"{count} {state}" for state, count in counts.items()))
