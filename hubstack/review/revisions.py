"""Stacks that stay on the program of another revision: which they are, and what a change of that means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from hubstack.chart.errors import SettingsError
from hubstack.fleet import load
from hubstack.project.bounds import Bounds

MOST_NAMES = 5


def of(folder: Path, bounds: Bounds) -> dict[str, str]:
    """Name of the revision of each such stack; what is wrong with a fleet file is said elsewhere."""
    if bounds.refusal(folder / load.FILE):
        return {}
    try:
        fleet = load.load(folder)
    except SettingsError:
        return {}
    return {stack: revision for stack in fleet.stacks if (revision := fleet.revision_of(stack))} if fleet else {}


def notes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """What is to be said about them.

    Arguments:
        before, after: what `of` says of the base and of the change.
    """
    by_revision: dict[str, list[str]] = {}
    moves: dict[tuple[str | None, str | None], list[str]] = {}
    for stack in sorted({*before, *after}):
        was, now = before.get(stack), after.get(stack)
        if now:
            by_revision.setdefault(now, []).append(stack)
        if was != now:
            moves.setdefault((was, now), []).append(stack)
    for revision, names in by_revision.items():
        yield (
            f"{_shown(names)}: on the program and the chart of {revision}, which this review does not render; what the "
            "change does to either does not reach them"
        )
    for (was, now), names in moves.items():
        yield (
            f"{_shown(names)}: the change moves them from {_program(was)} to {_program(now)}; what that changes is not "
            "shown here, `hubstack rollout plan` says whether they are due"
        )


def _program(revision: str | None) -> str:
    return f"the program of {revision}" if revision else "the program that is rolled out"


def _shown(names: list[str]) -> str:
    rest = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")
