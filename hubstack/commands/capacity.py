"""The commands `hubstack capacity` and `hubstack pools record`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from hubstack import project, terminal, unread
from hubstack.commands.help import App
from hubstack.commands.options import JsonOption, ValuesKeyOption
from hubstack.errors import HubstackError
from hubstack.terminal import Terminal

if TYPE_CHECKING:
    from hubstack.capacity.judge import World
    from hubstack.capacity.live import Cluster
    from hubstack.capacity.report import Report
    from hubstack.project.stacks import Stack
    from hubstack.settings import StackSettings

pools_app = App(name="pools", help="The pools of nodes that a cluster has.")

LIVE = "live"
DEFAULT_FILE = "pools.yaml"
COLORS = {"fits": "green", "waits": "cyan", "unknown": "yellow", "never": "red"}
WORDS = {"fits": "fits", "waits": "waits", "unknown": "cannot be judged", "never": "never starts"}

StackOption = Annotated[str, typer.Option("--stack", "-s", help="Stack file: Pulumi.<stack>.yaml.")]
ContextOption = Annotated[str | None, typer.Option(help="kubeconfig context, as for `up`.")]


def capacity(
    stack: StackOption = "dev",
    nodes: Annotated[
        str | None,
        typer.Option(help="live: the cluster's nodes; or a pools file. Default: hubstack:poolsFile, else live."),
    ] = None,
    values: Annotated[list[Path] | None, typer.Option("--values", "-f", help="z2jh values file, as for `up`.")] = None,
    values_key: ValuesKeyOption = None,
    context: ContextOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether users' servers fit on the nodes. Exit codes: 0 fits, 2 something never starts, 3 cannot be judged."""
    from hubstack.capacity import report
    from hubstack.doctor import run

    target = run.select(stack, None, values or (), context, values_key)
    settings = _settings(target)
    world, source = _world(target, settings, nodes)
    sealed = unread.is_encrypted(target.settings.get("secretValues")) or bool(settings.guessed)
    objects = report.objects_of(settings)
    found = report.of_stack(target.name, settings, objects, world, source, sealed=sealed)
    if as_json:
        terminal.write_json(found.as_dict())
    else:
        show(found, Terminal(soft_wrap=True))
    if found.exit_code:
        raise typer.Exit(found.exit_code)


@pools_app.command()
def record(
    stack: StackOption = "dev",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write. Default: hubstack:poolsFile, else pools.yaml.")
    ] = None,
    context: ContextOption = None,
) -> None:
    """Write the pools of a stack's cluster to a file, or renew the file; what was written by hand stays."""
    from hubstack.capacity import pools, record
    from hubstack.capacity import report as reports
    from hubstack.doctor import run

    target = run.select(stack, None, (), context)
    settings = _settings(target)
    file = output or reports.pools_file(settings, target.root) or target.root / DEFAULT_FILE
    changed = record.write(file, _cluster(target), target.namespace)
    count = len(pools.read(file).pools)
    console = Terminal(soft_wrap=True)
    said = f"{count} pool{'' if count == 1 else 's'} in {file}{'' if changed else ', as before'}"
    console.print(said)
    if settings.config.pools_file is None:
        named = file.resolve()
        shown = named.relative_to(project.ROOT) if named.is_relative_to(project.ROOT) else named
        console.print(
            f"Next: fill in what only you know, and name the file in Pulumi.{target.base}.yaml: "
            f"hubstack:poolsFile: {shown}"
        )


def show(report: Report, console: Terminal) -> None:
    """The report for people: a table of all pods, then each verdict in full, the worst first."""
    from hubstack.capacity import words

    table = Table("pod", "asks for", "verdict", title=Text(f"stack {report.stack} on the nodes of {report.source}"))
    for each in report.verdicts:
        verdict = Text(WORDS[each.status], style=COLORS[each.status])
        table.add_row(each.shape.name, words.asks(each.requests), verdict)
    console.print(table)
    for status in ("never", "unknown", "waits", "fits"):
        for each in report.verdicts:
            if each.status == status and (each.shape.kind != "hub" or status != "fits"):
                console.print(f"- {words.sentence(each)}")
    for note in report.notes():
        console.print(f"- {note}")


def _settings(target: Stack) -> StackSettings:
    from hubstack import settings
    from hubstack.project import stacks

    return settings.resolve(settings.parse(stacks.entries(target.settings), set()), target.root)


def _world(target: Stack, settings: StackSettings, nodes: str | None) -> tuple[World, str]:
    """The nodes to judge by, and where they come from."""
    from hubstack.capacity import pools, report, worlds

    named = report.pools_file(settings, target.root)
    if nodes == LIVE or (nodes is None and named is None):
        described = pools.read(named) if named else None
        return worlds.of_cluster(_cluster(target), described), f"context {target.context}"
    file = named if nodes is None else Path(nodes)
    assert file is not None
    return worlds.of_file(pools.read(file), target.namespace), str(file)


def _cluster(target: Stack) -> Cluster:
    """The live cluster of a stack.

    Raises:
        HubstackError: it cannot be reached, or may not be read.
    """
    from hubstack.capacity import live
    from hubstack.doctor.reader import ReadError, connect

    found = connect(str(target.kubeconfig_path), target.context)
    if found.reader is None:
        raise HubstackError(f"context {target.context!r}: {found.problem}; --nodes FILE judges without a cluster")
    try:
        return live.read(found.reader, target.namespace)
    except ReadError as error:
        raise HubstackError(f"context {target.context!r}: nodes and pods cannot be read: {error}") from None
