"""The same report for a terminal or a log: plain lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hubstack.review.attention import sections, time
from hubstack.review.report import (
    Report,
    cosmetic_changes,
    engine_notes,
    grouped_changes,
    grouped_findings,
    grouped_settings,
    summary,
    what,
)
from hubstack.review.rule import Finding
from hubstack.safe_text import visible, visible_lines


def report(found: Report) -> str:
    """The whole report."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Report) -> Iterator[str]:
    changed = found.changed
    yield visible(summary(found))
    yield from (f"error: {visible(line)}" for line in (found.error or "").splitlines())
    yield from (f"note: {visible(note)}" for note in found.remarks)
    for stack in changed:
        counts = ", ".join(f"{count} {action}" for action, count in stack.counts().items())
        wave = f" [{visible(found.waves.get(stack.stack, 'no wave'))}]" if found.waves else ""
        yield f"  {visible(stack.stack)}{wave}: {what(stack)}{f' ({counts})' if counts else ''}"
        yield from (f"    error: {_indented(error)}" for error in stack.errors)
        yield from (f"    {_indented(note)}" for note in engine_notes(stack))
    for section in sections(grouped_findings(changed)):
        yield section.title
        yield from (_finding(finding, names) for finding, names in section.findings)
    settings = grouped_settings(changed)
    if settings:
        yield "settings"
    for setting, names in settings.items():
        yield f"  {visible(str(setting))}, set in {visible(setting.source)} [{_stacks(names)}]"
    for change, names in grouped_changes(changed).items():
        yield f"{change.action} {visible(change.name)} [{_stacks(names)}]"
        yield from (f"  {visible_lines(line)}" for line in change.diff.splitlines())
    for objects, stacks in cosmetic_changes(changed).items():
        yield f"labels only: {visible(', '.join(objects))} [{_stacks(stacks)}]"


def _finding(finding: Finding, names: Sequence[str]) -> str:
    word = "note"
    if finding.blocks:
        word = f"accepted ({visible(finding.accepted)})" if finding.accepted else "BLOCKS"
    when = f" ({time(finding)})" if time(finding) else ""
    return f"  {word}: {finding.rule}{when}: {visible(finding.text)} [{_stacks(names)}]"


def _stacks(names: Sequence[str]) -> str:
    return visible(", ".join(names))


def _indented(text: str) -> str:
    """Several problems of one stack, each on a line below the first."""
    return "\n      ".join(visible(line) for line in text.splitlines())
