"""`hubstack review`: a change in words."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hubstack import project, terminal
from hubstack.commands import printing
from hubstack.safe_text import json_without_commands


def review(
    base: Annotated[str | None, typer.Option(help="Revision to compare with. Default: origin/main or main.")] = None,
    stack: Annotated[list[str] | None, typer.Option("--stack", "-s", help="Only this stack, repeatable.")] = None,
    form: Annotated[str, typer.Option("--format", help="markdown, json, text or html.")] = "text",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write instead of printing.")] = None,
    accept: Annotated[list[str] | None, typer.Option(help="RULE=REASON: let a rule that blocks pass.")] = None,
    labels: Annotated[
        str, typer.Option(help="Labels of the pull request, as JSON or with commas; accept:RULE lets a rule pass.")
    ] = "",
    engine: Annotated[
        bool, typer.Option("--engine", help="Also run the real preview against each stack's cluster and backend.")
    ] = False,
    dry_run: Annotated[
        list[str] | None,
        typer.Option(
            metavar="embedded|CONTEXT",
            help="Ask an API server's dry run about what changes: one made for the review, or that of a kubeconfig's "
            "context about the stacks on it. Repeatable.",
        ),
    ] = None,
    allow_chart_repository: Annotated[
        list[str] | None,
        typer.Option(help="Chart repository that may be asked although no stack of the base names it, repeatable."),
    ] = None,
) -> None:
    """Say in words what the work tree's settings will do to every hub. Exit codes: 0 nothing, 2 changes, 3 blocked."""
    from hubstack.review import accepting
    from hubstack.review import review as reviewing

    accepted = {**accepting.from_labels(labels), **accepting.from_pairs(accept or [])}
    console = printing.console(True)
    open_updater = None
    if engine:
        from hubstack.commands import session

        open_updater = session.previewer(console)
    report, redactor = reviewing.review(
        project.ROOT,
        base,
        stack or [],
        accepted,
        console,
        open_updater=open_updater,
        repositories=allow_chart_repository or [],
        dry_run=dry_run or [],
    )
    text = reviewing.written(report, redactor, form)
    if output:
        output.write_text(text, encoding="utf-8")
    elif form == "json":
        sys.stdout.write(json_without_commands(text))
    else:
        terminal.write(text)
    if report.exit_code:
        raise typer.Exit(report.exit_code)
