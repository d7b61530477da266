"""The same report as one self-contained HTML page, for an artifact; readable on a phone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

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

STYLE = """
:root { color-scheme: light dark; --line: #8885; --soft: #8881; --add: #2da44e33; --del: #cf222e33;
  --blocked: #cf222e; --accepted: #9a6700; --error: #cf222e; --ok: #1a7f37; }
@media (prefers-color-scheme: dark) {
  :root { --blocked: #ff7b72; --accepted: #d29922; --error: #ff7b72; --ok: #3fb950; }
}
* { box-sizing: border-box; }
body {
  font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; overflow-wrap: break-word; padding: 1rem;
}
h1 { font-size: 1.5rem; margin: .2rem 0; } h2 { font-size: 1.15rem; margin: 1.6rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1rem 0 .3rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .4rem .6rem; text-align: left; vertical-align: top; }
th { font-size: .85rem; font-weight: 600; opacity: .75; }
td:first-child { font-weight: 600; max-width: 20rem; overflow-wrap: anywhere; }
summary, .told, .names, td span { overflow-wrap: anywhere; }
td .check { overflow-wrap: normal; }
.check { border: 1px solid; border-radius: 1em; font-size: .85rem; padding: 0 .6em; white-space: nowrap; }
.blocked { color: var(--blocked); } .accepted { color: var(--accepted); }
.error { color: var(--error); } .ok { color: var(--ok); }
.told { border-left: 4px solid var(--line); margin: .6rem 0; padding: .1rem .8rem; }
.told.blocked, .told.error { border-color: var(--blocked); color: inherit; }
.told.accepted { border-color: var(--accepted); color: inherit; }
.on { display: block; font-size: .85rem; opacity: .75; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; }
summary { cursor: pointer; padding: .5rem .7rem; }
details[open] > summary { border-bottom: 1px solid var(--line); }
pre { font: .85rem/1.45 ui-monospace, monospace; margin: 0; overflow-x: auto; padding: .5rem 0; }
pre span { display: block; min-width: max-content; padding: 0 .7rem; white-space: pre; }
.add { background: var(--add); } .del { background: var(--del); } .where { background: var(--soft); opacity: .75; }
.names { padding: .3rem .7rem; }
@media (max-width: 40rem) {
  thead { display: none; }
  tr { border: 1px solid var(--line); border-radius: 6px; display: block; margin: .6rem 0; padding: .3rem .2rem; }
  td:first-child { max-width: none; }
  td { border: 0; display: flex; gap: .6rem; padding: .15rem .6rem; }
  td[data-of]::before { content: attr(data-of); flex: 0 0 5.5rem; font-size: .85rem; font-weight: 400; opacity: .75; }
}
"""


def report(found: Report) -> str:
    """The whole page; nothing in it is loaded from elsewhere."""
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Hubstack review</title>',
            '<link rel="icon" href="data:,">',
            f"<style>{STYLE}</style></head><body><h1>Hubstack review</h1>",
            *_body(found),
            "</body></html>",
            "",
        ]
    )


def _body(found: Report) -> Iterator[str]:
    changed = found.changed
    yield f"<p>{escape(summary(found))}</p>"
    yield from (_told("error", escape(line)) for line in (found.error or "").splitlines())
    yield from (_told("accepted", escape(note)) for note in found.remarks)
    if not changed:
        return
    wave = "<th>Wave" if found.waves else ""
    heads = "<th>Stack<th>What<th>Objects<th>What people notice<th>Checks"
    yield f"<table><thead><tr>{wave}{heads}</tr></thead><tbody>"
    yield from (_row(stack, found) for stack in changed)
    yield "</tbody></table>"
    items = list(_attention(changed))
    if items:
        yield "<h2>What needs attention</h2>"
        yield from items
    yield from _settings(changed)
    changes = grouped_changes(changed)
    if changes or cosmetic_changes(changed):
        yield "<h2>Objects</h2>"
        means = dict.fromkeys(change.action for change in changes)
        yield f"<p>{'; '.join(f'<b>{action}</b>: {MEANS[action]}' for action in means)}</p>"
    for (action, on), names in whole_changes(changes).items():
        yield _names(f"<b>{action}</b> {how_many(names)}", names, on)
    yield from (_object(change, on) for change, on in changes.items() if change.diff)
    for objects, stacks in cosmetic_changes(changed).items():
        yield _names(f"<b>labels only</b> {how_many(objects)}, which nobody notices", objects, stacks)


def _row(stack: StackChange, found: Report) -> str:
    counts = ", ".join(f"{count} {action}" for action, count in stack.counts().items()) or "-"
    rules = ", ".join(dict.fromkeys(finding.rule for finding in stack.findings)) or "-"
    check = checks(stack)
    mark = f'<span class="check {check}">{check}</span>'
    cells = {"What": what(stack), "Objects": counts, "Notice": rules, "Checks": mark}
    told = "".join(f'<td data-of="{name}"><span>{text}</span>' for name, text in cells.items())
    wave = f"<td>{escape(found.waves.get(stack.stack, '-'))}" if found.waves else ""
    return f"<tr>{wave}<td>{escape(stack.stack)}{told}</tr>"


def _attention(changed: Sequence[StackChange]) -> Iterator[str]:
    for stack in changed:
        for error in stack.errors:
            yield _told("error", f"<b>{escape(stack.stack)}</b> cannot be shown: {escape(error)}")
    for section in sections(grouped_findings(changed)):
        yield f"<h3>{escape(section.title)}</h3>"
        yield from (_finding(finding, names) for finding, names in section.findings)
    for stack in changed:
        for note in engine_notes(stack):
            yield _told("", f"<b>{escape(stack.stack)}</b>: {escape(note)}")


def _finding(finding: Finding, names: Sequence[str]) -> str:
    kind, word = "", ""
    if finding.blocks:
        kind = "accepted" if finding.accepted else "blocked"
        word = f"accepted ({escape(finding.accepted)}): " if finding.accepted else "blocks: "
    when = f" ({escape(time(finding))})" if time(finding) else ""
    return _told(kind, f'<b class="{kind}">{word}{finding.rule}</b>{when}: {escape(finding.text)}{_on(names)}')


def _settings(changed: Sequence[StackChange]) -> Iterator[str]:
    found = grouped_settings(changed)
    if not found:
        return
    yield "<h2>Settings</h2>"
    yield "<table><thead><tr><th>Setting<th>Before<th>After<th>Set in<th>On</tr></thead><tbody>"
    for setting, names in found.items():
        cells = {"Before": setting.before, "After": setting.after, "Set in": setting.source, "On": ", ".join(names)}
        told = "".join(f'<td data-of="{name}"><span>{escape(text)}</span>' for name, text in cells.items())
        yield f"<tr><td>{escape(setting.path)}{told}</tr>"
    yield "</tbody></table>"


def _told(kind: str, content: str) -> str:
    return f'<div class="told {kind}">{content}</div>'


def _object(change: ObjectChange, names: Sequence[str]) -> str:
    title = f"<b>{change.action}</b> {escape(change.name)}{_on(names)}"
    return f"<details><summary>{title}</summary><pre>{''.join(map(_line, change.diff.splitlines()))}</pre></details>"


def _names(title: str, objects: Sequence[str], on: Sequence[str]) -> str:
    names = escape(", ".join(objects))
    return f'<details><summary>{title}{_on(on)}</summary><div class="names">{names}</div></details>'


def _line(line: str) -> str:
    kind = {"+": "add", "-": "del", "@": "where"}.get(line[:1], "same")
    return f'<span class="{kind}">{escape(line)}</span>'


def _on(names: Sequence[str]) -> str:
    return f'<span class="on">on {escape(", ".join(names))}</span>'
