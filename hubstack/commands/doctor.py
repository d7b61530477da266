"""The command `hubstack doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hubstack import terminal
from hubstack.commands.options import JsonOption, ValuesKeyOption
from hubstack.safe_text import visible
from hubstack.terminal import Terminal

if TYPE_CHECKING:
    from hubstack.doctor.finding import Report

COLORS = {"ok": "green", "note": "cyan", "warning": "yellow", "error": "red", "skipped": "dim"}


def doctor(
    stack: Annotated[str, typer.Option("--stack", "-s", help="Stack file: Pulumi.<stack>.yaml.")] = "dev",
    mode: Annotated[str | None, typer.Option(help="native or helm, as for `up`.")] = None,
    values: Annotated[list[Path] | None, typer.Option("--values", "-f", help="z2jh values file, as for `up`.")] = None,
    values_key: ValuesKeyOption = None,
    context: Annotated[str | None, typer.Option(help="kubeconfig context, as for `up`.")] = None,
    only: Annotated[list[str] | None, typer.Option("--only", help="Only this check, repeatable.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Look for what would go wrong, and change nothing. Exit codes: 0 fine or notes, 2 warnings, 3 errors."""
    from hubstack.doctor import run

    run.chosen(only or ())
    target = run.select(stack, mode, values or (), context, values_key)
    report = run.examine(target, run.programs(target, Terminal(stderr=True)), only or ())
    if as_json:
        terminal.write_json(report.as_dict())
    else:
        show(report, {each.name: each.about for each in run.CHECKS}, Terminal())
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def show(report: Report, about: dict[str, str], console: Console) -> None:
    """The report for people: a table of all checks, then each finding in full."""
    table = Table("check", "looks whether", "result", title=Text(f"stack {report.stack} in {report.context}"))
    for name, outcome in report.outcomes.items():
        table.add_row(name, about[name], Text(outcome, style=COLORS[outcome]))
    console.print(table)
    for found in report.findings:
        what, why, fix = map(visible, (found.what, found.why, found.fix))
        severity = (found.severity.word, COLORS[found.severity.word])
        told = f" ({found.check}): {what}\n  why: {why}\n  fix: {fix}"
        console.print(Text.assemble("\n", severity, told), soft_wrap=True)
    skipped = sum(outcome == "skipped" for outcome in report.outcomes.values())
    words = [each.severity.word for each in report.findings]
    counts = [_count(words.count(word), word) for word in ("error", "warning", "note") if word in words]
    counts += [f"{_count(skipped, 'check')} skipped"] if skipped else []
    console.print(f"\n{', '.join(counts) or 'nothing found'}; {report.seconds:.1f} s")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
