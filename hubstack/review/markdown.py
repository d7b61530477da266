"""The comment for a pull request: a table, what needs attention, then folded object diffs, worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from hubstack.review.attention import sections, time
from hubstack.review.changes import MEANS, ObjectChange, StackChange
from hubstack.review.report import (
    Report,
    checks,
    cosmetic_changes,
    engine_notes,
    grouped_changes,
    grouped_findings,
    grouped_settings,
    how_many,
    summary,
    what,
    whole_changes,
)
from hubstack.review.rule import Finding
from hubstack.safe_text import code, fenced, html, inline

MARKER = "<!-- hubstack-review -->"
"""By which a later run finds its own comment and edits it in place."""

LIMIT = 60_000
"""Characters of a comment; GitHub refuses more than 65,536."""

NAMED_STACKS = 8
"""How many stacks are named before the rest is only counted."""
LONGEST_TEXT = 600
"""Characters of one finding or message."""
SETTINGS_SHARE = 2
"""Settings have one part of this many of the room, where object diffs want the rest."""
FEWEST_FINDINGS = 10
"""How many findings are told one by one where there is no room for all of them."""

CHECK_MARKS = {"error": ":x:", "blocked": ":no_entry:", "accepted": ":white_check_mark:", "ok": ":white_check_mark:"}


def comment(report: Report, limit: int = LIMIT) -> str:
    """The whole comment, at most `limit` characters.

    Where there is too much, object diffs go first, the mildest before the worst; then the names of objects become
    counts; then settings and findings are only counted; last, stacks to which the same happens share a row of the
    table.
    """
    changed = report.changed
    if not changed:
        return f"{MARKER}\n## Hubstack review\n\n{_summary(report)}\n"
    title = f"{MARKER}\n## Hubstack review\n\n{_summary(report)}\n\n"
    table, attention = _text(_table(changed, report.waves)), list(_attention(changed))
    room = limit - len(title) - len(table) - len(_text(attention)) - 1
    settings = _settings(changed, room // SETTINGS_SHARE)
    objects = _objects(changed, room - len(settings))

    def counted(head: str) -> str:
        tail = _counted(changed)
        return f"{head}{_settings(changed, limit - len(head) - len(tail))}{tail}"

    shorter: tuple[Callable[[], str], ...] = (
        lambda: f"{title}{table}\n{_text(attention)}{settings}{objects}",
        lambda: counted(f"{title}{table}\n{_text(_few(attention))}"),
        lambda: counted(f"{title}{table}\n"),
        lambda: counted(f"{title}{_text(_shared_rows(changed, report.waves))}\n{_text(_few(attention))}"),
    )
    texts = (make() for make in shorter)
    short = next((text for text in texts if len(text) <= limit), None)
    return short or _fewest_rows(title, changed, report.waves, limit)


def _summary(report: Report) -> str:
    text, blocked = inline(summary(report)), any(checks(stack) == "blocked" for stack in report.changed)
    text = f"{text} **Blocked: see below what must be accepted by name, or changed.**" if blocked else text
    errors = [f"\n:x: {_short(line)}" for line in (report.error or "").splitlines()]
    return "\n".join([text, *errors, *(f"\n:warning: {_short(note)}" for note in report.remarks)])


def _table(stacks: Sequence[StackChange], waves: Mapping[str, str]) -> Iterator[str]:
    yield f"{'| Wave ' if waves else ''}| Stack | What | Objects | What people notice | Checks |"
    yield f"{'|---' if waves else ''}|---|---|---|---|---|"
    for stack in stacks:
        yield f"{_wave(stack, waves)}| {inline(stack.stack)} | {_row(stack)} |"


def _wave(stack: StackChange, waves: Mapping[str, str]) -> str:
    """The first cell, where the fleet has waves."""
    return f"| {inline(waves.get(stack.stack, '-'))} " if waves else ""


def _row(stack: StackChange) -> str:
    counts = ", ".join(f"{count} {action}" for action, count in stack.counts().items())
    rules = ", ".join(dict.fromkeys(f"**{each.rule}**" if each.blocks else each.rule for each in stack.findings))
    check = checks(stack)
    return f"{what(stack)} | {counts or '-'} | {rules or '-'} | {CHECK_MARKS[check]} {check}"


def _shared_rows(stacks: Sequence[StackChange], waves: Mapping[str, str]) -> Iterator[str]:
    """The table with one row for all stacks of a wave to which the same happens."""
    rows: dict[tuple[str, str], list[str]] = {}
    for stack in stacks:
        rows.setdefault((_wave(stack, waves), _row(stack)), []).append(stack.stack)
    yield from _table((), waves)
    yield from (f"{wave}| {_stacks(names)} | {row} |" for (wave, row), names in rows.items())


def _fewest_rows(title: str, stacks: Sequence[StackChange], waves: Mapping[str, str], limit: int) -> str:
    """As many rows as fit; some thousand stacks to each of which something else happens."""
    rows = list(_shared_rows(stacks, waves))
    room = limit - len(title) - 100
    while rows and sum(len(row) + 1 for row in rows) > room:
        rows.pop()
    return f"{title}{_text(rows)}\nNo room for the rest; the JSON report has everything.\n"


def _attention(stacks: Sequence[StackChange]) -> Iterator[str]:
    errors = [(stack.stack, error) for stack in stacks for error in stack.errors]
    findings = grouped_findings(stacks)
    notes = [(stack.stack, note) for stack in stacks for note in engine_notes(stack)]
    if errors or findings or notes:
        yield "### What needs attention\n"
    for name, error in errors:
        yield f"- :x: **{inline(name)}** cannot be shown: {_short(error)}"
    gap = "\n" if errors else ""
    for section in sections(findings):
        title = f"{gap}**{section.title}**\n\n"
        for finding, names in section.findings:
            yield f"{title}{_finding(finding, names)}"
            title = ""
        gap = "\n"
    if findings and notes:
        yield ""
    for name, note in notes:
        yield f"- :warning: **{inline(name)}**: {_short(note)}"
    if errors or findings or notes:
        yield ""


def _finding(finding: Finding, stacks: Sequence[str]) -> str:
    mark = ":warning:"
    if finding.blocks:
        mark = ":white_check_mark: accepted," if finding.accepted else ":no_entry: **blocks**,"
    when = f" ({time(finding)})" if time(finding) else ""
    reason = f" Accepted: {_short(finding.accepted)}" if finding.accepted else ""
    return f"- {mark} `{finding.rule}`{when}: {_short(finding.text)}. On {_stacks(stacks)}.{reason}"


def _settings(stacks: Sequence[StackChange], room: int) -> str:
    """A table of the settings that differ, as many as there is room for."""
    found = grouped_settings(stacks)
    on = len(stacks) > 1
    head = f"### Settings\n\n| Setting | Before | After | Set in |{' On |' if on else ''}\n"
    head += f"|---|---|---|---|{'---|' if on else ''}\n"
    more = "\nand {} more settings, see the JSON report\n\n"
    lines, size = [], len(head) + len(more) + 8
    for setting, names in found.items():
        path = inline(setting.path) if "|" in setting.path else code(setting.path)
        cells = " | ".join((path, *map(inline, (setting.before, setting.after, setting.source))))
        line = f"| {cells} |{f' {_stacks(names)} |' if on else ''}\n"
        size += len(line)
        if size > room:
            break
        lines.append(line)
    if not lines:
        return ""
    left = len(found) - len(lines)
    return f"{head}{''.join(lines)}{more.format(left) if left else chr(10)}"


def _few(attention: Sequence[str]) -> list[str]:
    left_out = len(attention) - FEWEST_FINDINGS - 2
    if left_out <= 0:
        return list(attention)
    return [*attention[: FEWEST_FINDINGS + 1], f"- and {left_out} more, see the JSON report", ""]


def _objects(stacks: Sequence[StackChange], room: int) -> str:
    """Folded diffs, as many as there is room for, then the names of the others."""
    changes = grouped_changes(stacks)
    if not changes and not cosmetic_changes(stacks):
        return ""
    actions = dict.fromkeys(change.action for change in changes)
    legend = "; ".join(f"*{action}*: {MEANS[action]}" for action in actions)
    parts = ["### Objects\n", *([f"{legend}.\n"] if legend else []), *_whole(changes)]
    last = list(_cosmetic(stacks))
    bodies = [_folded(change, names) for change, names in changes.items() if change.diff]
    lines = [
        f"- {change.action} {code(change.name)} on {_stacks(names)}" for change, names in changes.items() if change.diff
    ]
    rest = sum(map(len, lines)) + len(lines)
    size = sum(len(part) + 1 for part in (*parts, *last)) + 60
    kept = 0
    for body, line in zip(bodies, lines, strict=True):
        if size + len(body) + 1 + rest - len(line) - 1 > room:
            break
        size, rest, kept = size + len(body) + 1, rest - len(line) - 1, kept + 1
    parts += bodies[:kept]
    if lines[kept:]:
        parts += [f"Without their diffs, for want of room ({len(lines) - kept}):\n", *lines[kept:], ""]
    return _text([*parts, *last])


def _whole(changes: Mapping[ObjectChange, list[str]]) -> Iterator[str]:
    for (action, on), objects in whole_changes(changes).items():
        yield _names(f"<b>{action}</b> {how_many(objects)} on {html(_plain(on))}", objects)


def _names(title: str, objects: Sequence[str]) -> str:
    return f"<details><summary>{title}</summary>\n\n{', '.join(map(code, objects))}\n\n</details>\n"


def _cosmetic(stacks: Sequence[StackChange]) -> Iterator[str]:
    for names, on in cosmetic_changes(stacks).items():
        yield _names(f"<b>labels only</b> {len(names)} objects, which nobody notices, on {html(_plain(on))}", names)


def _counted(stacks: Sequence[StackChange]) -> str:
    counts = Counter((change.action, change.name.partition("/")[0]) for change in grouped_changes(stacks))
    words = ", ".join(f"{count} {action} {inline(kind)}" for (action, kind), count in counts.items())
    return f"### Objects\n\nThere is no room for {sum(counts.values())} different changes: {words}.\n" if counts else ""


def _folded(change: ObjectChange, stacks: Sequence[str]) -> str:
    title = f"<b>{change.action}</b> {html(change.name)} on {html(_plain(stacks))}"
    return f"<details><summary>{title}</summary>\n\n{fenced(change.diff, 'diff')}\n\n</details>\n"


def _stacks(names: Sequence[str]) -> str:
    return inline(_plain(names))


def _plain(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMED_STACKS])
    return shown if len(names) <= NAMED_STACKS else f"{shown} and {len(names) - NAMED_STACKS} more"


def _short(text: str) -> str:
    return inline(text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]} ...")


def _text(lines: Iterator[str] | Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
