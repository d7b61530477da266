"""What an update will change, in words, and the question whether it may."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from hubstack.engine.differences import Difference, Field
from hubstack.engine.stack import Report
from hubstack.errors import HubstackError
from hubstack.lifecycle.asking import Approve
from hubstack.project.stacks import Stack

_ORDER = ("delete", "replace", "update", "create")
"""What is hard to take back comes first."""
_SIGNS = {"delete": ("-", "red"), "replace": ("+-", "red"), "update": ("~", "yellow"), "create": ("+", "green")}
_DONE = {"delete": "deleted", "replace": "replaced", "update": "changed", "create": "created"}
_LONG = 100
"""A value that is longer is shown by its begin."""


def approval(stack: Stack, console: Console, *, yes: bool) -> Approve | None:
    """Whoever is to be asked before `up` changes something; None for a trial, and where `--yes` was said.

    Arguments:
        stack: the stack that is to be updated.
        console: where the changes are shown.
        yes: whether the answer was given beforehand.

    Raises:
        HubstackError: there is nobody to be asked.
    """
    if yes or stack.is_embedded:
        return None
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise HubstackError(
            f"stack {stack.name}: this is no trial, and nobody is at a terminal to confirm what changes in context "
            f"{stack.context}: look at `hubstack preview --stack {stack.base}`, then say --yes. Nothing was changed."
        )

    def approve(found: Report | str) -> bool:
        if isinstance(found, str):
            console.print(found, soft_wrap=True)
        else:
            show(found, console)
        return typer.confirm(f"Change stack {stack.name} in context {stack.context}?", err=True)

    return approve


def show(report: Report, console: Console) -> None:
    """Print what an update changes, deletions and replacements first.

    Arguments:
        report: of a preview.
        console: where it goes.
    """
    for line in lines(report.differences):
        console.print(line, soft_wrap=True)
    console.print(counts(report), soft_wrap=True)


def counts(report: Report) -> str:
    """How many resources become what, in one line.

    Arguments:
        report: of a preview or an update.
    """
    return ", ".join(f"{count} {what}" for what, count in sorted(report.changes.items())) or "nothing to do"


def lines(differences: Sequence[Difference]) -> Iterator[Text]:
    """A line for each object and each of its fields; new objects are one line a kind.

    Arguments:
        differences: as the engine has them.
    """
    created: dict[str, list[str]] = defaultdict(list)
    for operation in _ORDER:
        sign = _SIGNS[operation]
        for each in (each for each in differences if each.operation == operation):
            if operation == "create":
                created[each.about.kind].append(each.about.name)
                continue
            yield Text.assemble(sign, f" {each.about}: {_DONE[operation]}")
            yield from (Text(f"    {line}") for line in map(_field, each.fields))
    for kind, names in created.items():
        yield Text.assemble(_SIGNS["create"], f" {kind} {', '.join(names)}: created")


def _field(field: Field) -> str:
    forced = " (for this, the object is made anew)" if field.replaces else ""
    before, after = field.before, field.after
    if isinstance(before, str) and isinstance(after, str) and "\n" in f"{before}{after}":
        old, new = before.splitlines(), after.splitlines()
        gone, come = len([each for each in old if each not in new]), len([each for each in new if each not in old])
        return f"{field.path}: {gone} lines -> {come} other lines{forced}"
    return f"{field.path}: {_text(before)} -> {_text(after)}{forced}"


def _text(value: Any) -> str:
    if value is None:
        return "(none)"
    text = value if isinstance(value, str) else json.dumps(value)
    return f"{text[:_LONG]}..." if len(text) > _LONG else text or '""'
