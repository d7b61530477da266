"""The comment for a pull request: a table, what needs attention, then folded object diffs, worst first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hubstack.review.changes import ObjectChange, StackChange
from hubstack.review.escape import inline
from hubstack.review.report import Report, engine_notes, grouped_changes, grouped_findings, what

MARKER = "<!-- hubstack-review -->"
"""By which a later run finds its own comment and edits it in place."""

LIMIT = 60_000
"""Characters of a comment; GitHub refuses 65,536 and more."""

NAMED_STACKS = 8
"""How many stacks are named before the rest is only counted."""


def comment(report: Report, limit: int = LIMIT) -> str:
    """The whole comment, at most `limit` characters.

    Object diffs go first when there is too much, the mildest first; the table stays whole.
    """
    changed = report.changed
    if not changed:
        return f"{MARKER}\n## Hubstack review\n\n{_nothing(report)}\n"
    head = "\n".join(
        [MARKER, "## Hubstack review", "", _summary(report), "", *_table(changed), "", *_attention(changed)]
    )
    bodies = [_folded(change, stacks) for change, stacks in grouped_changes(changed).items()]
    names = [
        f"- {change.action} `{change.name}` on {_stacks(stacks)}" for change, stacks in grouped_changes(changed).items()
    ]
    kept = len(bodies)
    while kept and len(_assemble(head, bodies[:kept], names[kept:])) > limit:
        kept -= 1
    text = _assemble(head, bodies[:kept], names[kept:])
    return text if len(text) <= limit else _cut(head, limit)


def _assemble(head: str, bodies: Sequence[str], left_out: Sequence[str]) -> str:
    parts = [head]
    if bodies or left_out:
        parts.append("### Objects\n")
    parts += bodies
    if left_out:
        parts.append(f"Without their diffs, for want of room ({len(left_out)}):\n\n" + "\n".join(left_out) + "\n")
    return "\n".join(parts)


def _cut(head: str, limit: int) -> str:
    note = "\n\n(The rest has no room here; see the JSON report.)\n"
    return head[: limit - len(note)].rpartition("\n")[0] + note


def _nothing(report: Report) -> str:
    return f"No change for {len(report.stacks)} stacks, compared with `{report.base}`."


def _summary(report: Report) -> str:
    changed = report.changed
    blocked = sum(finding.blocks and not finding.accepted for stack in changed for finding in stack.findings)
    text = f"{len(changed)} of {len(report.stacks)} stacks change, compared with `{report.base}`."
    return f"{text} **Blocked by {blocked} findings.**" if blocked else text


def _table(stacks: Sequence[StackChange]) -> Iterator[str]:
    yield "| Stack | What | Objects | What people notice |"
    yield "|---|---|---|---|"
    for stack in stacks:
        counts = ", ".join(f"{count} {action}" for action, count in stack.counts().items())
        rules = ", ".join(dict.fromkeys(f"**{each.rule}**" if each.blocks else each.rule for each in stack.findings))
        yield f"| {stack.stack} | {what(stack)} | {counts or '-'} | {rules or '-'} |"


def _attention(stacks: Sequence[StackChange]) -> Iterator[str]:
    errors = [(stack.stack, error) for stack in stacks for error in stack.errors]
    findings = grouped_findings(stacks)
    notes = [(stack.stack, note) for stack in stacks for note in engine_notes(stack)]
    if errors or findings or notes:
        yield "### What needs attention\n"
    for name, error in errors:
        yield f"- :x: **{name}** cannot be shown: {inline(error)}"
    for finding, names in findings.items():
        mark = ":warning:"
        if finding.blocks:
            mark = ":white_check_mark: accepted," if finding.accepted else ":no_entry: **blocks**,"
        reason = f" Accepted: {inline(finding.accepted)}" if finding.accepted else ""
        yield f"- {mark} `{finding.rule}`: {inline(finding.text)}. On {_stacks(names)}.{reason}"
    for name, note in notes:
        yield f"- :warning: **{name}**: {inline(note)}"
    if errors or findings or notes:
        yield ""


def _folded(change: ObjectChange, stacks: Sequence[str]) -> str:
    if not change.diff:
        return f"- **{change.action}** {change.name} on {_stacks(stacks)}"
    # A fence longer than any in the text, so that no value can end it.
    longest = max((len(run) for run in re.findall("`+", change.diff)), default=0)
    fence = "`" * max(3, longest + 1)
    title = f"<b>{change.action}</b> {change.name} on {_stacks(stacks)}"
    return f"<details><summary>{title}</summary>\n\n{fence}diff\n{change.diff}\n{fence}\n\n</details>\n"


def _stacks(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMED_STACKS])
    return shown if len(names) <= NAMED_STACKS else f"{shown} and {len(names) - NAMED_STACKS} more"
