"""The same report as one self-contained HTML page, for an artifact; readable on a phone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from hubstack.review.changes import ObjectChange, StackChange
from hubstack.review.report import Report, engine_notes, grouped_changes, grouped_findings, what

STYLE = """
:root { color-scheme: light dark; --line: #8884; --add: #1a7f3730; --del: #cf222e30; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top; }
li.blocks { font-weight: 600; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; }
summary { cursor: pointer; padding: .4rem .6rem; overflow-wrap: anywhere; }
pre { margin: 0; overflow-x: auto; padding: .4rem .6rem; font-size: .85rem; }
.add { background: var(--add); display: block; } .del { background: var(--del); display: block; }
"""


def report(found: Report) -> str:
    """The whole page; nothing in it is loaded from elsewhere."""
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Hubstack review</title>',
            f"<style>{STYLE}</style></head><body><h1>Hubstack review</h1>",
            *_body(found),
            "</body></html>",
            "",
        ]
    )


def _body(found: Report) -> Iterator[str]:
    changed = found.changed
    base = f"<code>{escape(found.base)}</code>"
    yield f"<p>{len(changed)} of {len(found.stacks)} stacks change, compared with {base}.</p>"
    if not changed:
        return
    wave = "<th>Wave" if found.waves else ""
    yield f"<table><thead><tr>{wave}<th>Stack<th>What<th>Objects<th>What people notice</tr></thead><tbody>"
    yield from (_row(stack, found) for stack in changed)
    yield "</tbody></table>"
    items = [
        f'<li class="blocks">{escape(stack.stack)} cannot be shown: {escape(error)}</li>'
        for stack in changed
        for error in stack.errors
    ]
    items += [f"<li>{escape(stack.stack)}: {escape(note)}</li>" for stack in changed for note in engine_notes(stack)]
    for finding, names in grouped_findings(changed).items():
        blocks = finding.blocks and not finding.accepted
        word = "blocks: " if blocks else f"accepted ({finding.accepted}): " if finding.accepted else ""
        kind = ' class="blocks"' if blocks else ""
        items.append(
            f"<li{kind}>{escape(word)}<code>{finding.rule}</code> {escape(finding.text)} ({_names(names)})</li>"
        )
    if items:
        yield f"<h2>What needs attention</h2><ul>{''.join(items)}</ul>"
    yield "<h2>Objects</h2>"
    for change, names in grouped_changes(changed).items():
        yield _object(change, names)


def _row(stack: StackChange, found: Report) -> str:
    counts = ", ".join(f"{count} {action}" for action, count in stack.counts().items()) or "-"
    rules = ", ".join(dict.fromkeys(finding.rule for finding in stack.findings)) or "-"
    wave = f"<td>{escape(found.waves.get(stack.stack, '-'))}" if found.waves else ""
    return f"<tr>{wave}<td>{escape(stack.stack)}<td>{what(stack)}<td>{counts}<td>{rules}</tr>"


def _object(change: ObjectChange, names: Sequence[str]) -> str:
    title = f"<b>{change.action}</b> {escape(change.name)} ({_names(names)})"
    if not change.diff:
        return f"<p>{title}</p>"
    return f"<details><summary>{title}</summary><pre>{''.join(map(_line, change.diff.splitlines()))}</pre></details>"


def _line(line: str) -> str:
    kind = {"+": "add", "-": "del"}.get(line[:1])
    return f'<span class="{kind}">{escape(line)}</span>' if kind else f"{escape(line)}\n"


def _names(names: Sequence[str]) -> str:
    return escape(", ".join(names))
