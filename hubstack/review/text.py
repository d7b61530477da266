"""The same report for a terminal or a log: plain lines."""

from __future__ import annotations

from collections.abc import Iterator

from hubstack.review.report import (
    Report,
    cosmetic_changes,
    engine_notes,
    grouped_changes,
    grouped_findings,
    summary,
    what,
)


def report(found: Report) -> str:
    """The whole report."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Report) -> Iterator[str]:
    changed = found.changed
    yield summary(found)
    yield from (f"error: {line}" for line in (found.error or "").splitlines())
    yield from (f"note: {note}" for note in found.notes)
    for stack in changed:
        counts = ", ".join(f"{count} {action}" for action, count in stack.counts().items())
        wave = f" [{found.waves.get(stack.stack, 'no wave')}]" if found.waves else ""
        yield f"  {stack.stack}{wave}: {what(stack)}{f' ({counts})' if counts else ''}"
        yield from (f"    error: {error}" for error in stack.errors)
        yield from (f"    {note}" for note in engine_notes(stack))
    findings = grouped_findings(changed)
    if findings:
        yield "what needs attention"
    for finding, names in findings.items():
        word = "note"
        if finding.blocks:
            word = f"accepted ({finding.accepted})" if finding.accepted else "BLOCKS"
        yield f"  {word}: {finding.rule}: {finding.text} [{', '.join(names)}]"
    for change, names in grouped_changes(changed).items():
        yield f"{change.action} {change.name} [{', '.join(names)}]"
        yield from (f"  {line}" for line in change.diff.splitlines())
    for objects, stacks in cosmetic_changes(changed).items():
        yield f"labels only: {', '.join(objects)} [{', '.join(stacks)}]"
