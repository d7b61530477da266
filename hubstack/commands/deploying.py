"""`hubstack up`, `preview`, `down` and `destroy`: one stack, deployed and ended."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.table import Table

from hubstack import terminal
from hubstack.commands import options, printing
from hubstack.errors import HubstackError


def up(
    stack: options.StackOption = "dev",
    mode: options.ModeOption = None,
    values: options.ValuesOption = None,
    values_key: options.ValuesKeyOption = None,
    context: options.ContextOption = None,
    cluster: options.ClusterOption = "sim",
    kubeconfig: options.KubeconfigOption = None,
    yes: options.YesOption = False,
    take_fields: options.TakeFieldsOption = False,
    timeout: Annotated[
        str | None, typer.Option(help="Stop the update after so long, such as 30m; the next one goes on with it.")
    ] = None,
    as_json: options.JsonOption = False,
) -> None:
    """Bring JupyterHub up: tools, embedded cluster, `pulumi up`. Anywhere else, say what changes and ask first."""
    from hubstack import deadline
    from hubstack.commands import changes, session
    from hubstack.project import stacks

    limit = _limit(timeout)
    started = time.monotonic()
    console = printing.console(as_json)
    chosen = stacks.select(
        stack, mode=mode, values=tuple(values or ()), values_key=values_key, context=context, kubeconfig=kubeconfig
    )
    approve = changes.approval(chosen, console, yes=yes)
    run = session.open_session(
        stack, mode, tuple(values or ()), context, cluster, console, kubeconfig, values_key=values_key
    )
    with deadline.limited(limit):
        report = run.updater.up(approve, take_fields=take_fields)
    facts = {
        "stack": run.stack.name,
        "mode": run.stack.mode,
        "url": run.reachable(report.outputs.get("url")),
        "namespace": run.stack.namespace,
        "context": run.stack.context,
        "simulated": run.is_simulated,
        "changed": report.changed,
        "changes": report.changes,
        "seconds": round(time.monotonic() - started, 1),
    }
    if as_json:
        terminal.write_json(facts)
        return
    simulated = " (simulated)" if run.is_simulated else ""
    table = Table(show_header=False, title=f"JupyterHub is up{simulated}" if report.changed else "No changes")
    for key in ("mode", "url", "namespace", "context"):
        table.add_row(key, str(facts[key] or ""))
    table.add_row("resources", ", ".join(f"{count} {what}" for what, count in sorted(report.changes.items())))
    table.add_row("time", f"{facts['seconds']} s")
    console.print(table)
    if host := run.stands_in_for(report.outputs.get("url")):
        console.print(f"The values name {host}; this is a trial, and not what answers there.", soft_wrap=True)
    for line in session.next_steps(run):
        console.print(line, soft_wrap=True)


def preview(
    stack: options.StackOption = "dev",
    mode: options.ModeOption = None,
    values: options.ValuesOption = None,
    values_key: options.ValuesKeyOption = None,
    context: options.ContextOption = None,
    cluster: options.ClusterOption = "sim",
    kubeconfig: options.KubeconfigOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Show what `up` would change, field by field, and change nothing."""
    from hubstack.commands import changes, session
    from hubstack.lifecycle import admission_guard, hand_changes

    console = printing.console(as_json)
    run = session.open_session(
        stack, mode, tuple(values or ()), context, cluster, console, kubeconfig, values_key=values_key
    )
    if switch := run.updater.switching():
        if as_json:
            terminal.write_json({"stack": run.stack.name, "switch": switch})
        else:
            console.print(switch, soft_wrap=True)
        return
    found = hand_changes.find(run.updater, run.updater.checkpoint(), {})
    if found.conflicts:
        raise hand_changes.refusal(run.stack.name, found)
    report = run.updater.preview()
    if as_json:
        facts = {"stack": run.stack.name, "changed": report.changed, "changes": report.changes}
        terminal.write_json({**facts, "objects": [each.as_dict() for each in report.differences]})
    else:
        changes.show(report, console)
    for doubt in (*admission_guard.doubts(run.stack), *found.warnings):
        printing.warning(doubt)


def down(
    keep_cluster: Annotated[bool, typer.Option(help="Destroy the stacks, leave the embedded cluster running.")] = False,
) -> None:
    """Destroy every stack that `up` deployed to the embedded cluster, then stop the cluster."""
    from hubstack.commands import session

    session.close_all(printing.console(False), keep_cluster=keep_cluster)


def destroy(
    stack: options.StackName,
    keep_data: Annotated[
        bool, typer.Option("--keep-data", help="Leave volumes, namespace and tokens; `up` brings the hub back.")
    ] = False,
    delete_data: Annotated[
        bool, typer.Option("--delete-data", help="Delete everything; hubstack:protectData must be false.")
    ] = False,
    as_json: options.JsonOption = False,
) -> None:
    """Destroy one stack. If it has data, say what becomes of that; without it, lists the data and changes nothing."""
    from hubstack.commands import session
    from hubstack.lifecycle import destroy as destruction
    from hubstack.project import stacks

    console = printing.console(as_json)
    run = session.open_deployed(stack, console)
    report = destruction.destroy(run.updater, keep=keep_data, delete=delete_data)
    if not keep_data:
        stacks.forget(run.stack)
    if as_json:
        terminal.write_json({"stack": run.stack.name, "changes": report.changes})


def _limit(timeout: str | None) -> int | None:
    """Seconds of the option --timeout."""
    from hubstack.fleet import duration

    try:
        return duration.seconds(timeout) or None if timeout else None
    except ValueError as error:
        raise HubstackError(f"--timeout: {error}") from None
