"""However much changes, a comment fits: what is least urgent goes first, and the table never."""

from __future__ import annotations

import time
from typing import Any

import pytest

from hubstack.review import markdown
from hubstack.review.changes import ObjectChange, StackChange
from hubstack.review.rendering import Rendered
from hubstack.review.report import Report
from hubstack.review.rules import Finding

ACTIONS = ("update", "delete", "create", "restart", "replace")


def stacks(count: int, objects: int, lines: int, findings: int = 1, same: bool = False) -> tuple[StackChange, ...]:
    """Stacks to each of which something else happens, or to all the same."""
    made = []
    for number in range(count):
        mark = "" if same else f" {number}"
        changes = tuple(
            ObjectChange(
                f"ConfigMap/object-{index}", ACTIONS[index % 5], f"@@ -1 +1 @@\n+{mark}\n" + "+ x: y\n" * lines
            )
            for index in range(objects)
        )
        told = tuple(
            Finding(f"rule-{index}", f"people notice{mark} {'much ' * 50}", index == 0) for index in range(findings)
        )
        side = Rendered(f"hub-{number:03d}")
        made.append(StackChange(side.stack, side, side, changes, told))
    return tuple(made)


def actions(text: str) -> list[str]:
    """Actions of the diffs that are shown, in order."""
    return [line.split("<b>")[1].split("</b>")[0] for line in text.splitlines() if line.startswith("<details>")]


def rows(text: str) -> list[str]:
    """Names of the stacks in the table."""
    return [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| hub")]


@pytest.mark.parametrize(
    ("size", "diffs", "names"),
    [
        ({"count": 100, "objects": 1, "lines": 3, "findings": 0}, True, True),
        ({"count": 100, "objects": 5, "lines": 10, "findings": 0}, True, True),
        ({"count": 100, "objects": 30, "lines": 400}, False, False),
        ({"count": 100, "objects": 40, "lines": 400, "findings": 20}, False, False),
    ],
)
def test_a_hundred_stacks(size: dict[str, Any], diffs: bool, names: bool) -> None:
    """Every one of 100 stacks has its row, however much changes; it takes no more than seconds of CPU time."""
    started = time.process_time()
    text = markdown.comment(Report("main", stacks(**size)))
    assert time.process_time() - started < 5
    assert len(text) <= markdown.LIMIT
    assert text.startswith(markdown.MARKER)
    assert rows(text) == [f"hub-{number:03d}" for number in range(100)]
    assert bool(actions(text)) == diffs
    assert ("Without their diffs" in text or "no room" not in text) == names


def test_the_worst_diffs_stay() -> None:
    """Where some diffs have no room, those that are shown are the worst, and the others are named."""
    text = markdown.comment(Report("main", stacks(count=3, objects=10, lines=1000)))
    assert len(text) <= markdown.LIMIT
    shown = actions(text)
    assert shown == ["delete"] * 6 + ["replace"] * (len(shown) - 6)
    assert text.count("\n- update `ConfigMap/") + text.count("\n- create `ConfigMap/") == 12
    assert f"for want of room ({30 - len(shown)})" in text


def test_one_diff_that_is_larger_than_a_comment() -> None:
    """A diff that alone has no room leaves its name; no fence is left open."""
    text = markdown.comment(Report("main", stacks(count=1, objects=1, lines=20_000)))
    assert "- update `ConfigMap/object-0` on hub-000" in text
    assert text.count("```") % 2 == 0


def test_thousands_of_stacks() -> None:
    """Stacks to which the same happens share a row where rows of their own have no room."""
    text = markdown.comment(Report("main", stacks(count=2000, objects=2, lines=3, same=True)))
    assert len(text) <= markdown.LIMIT
    assert len(rows(text)) == 1
    assert "and 1992 more" in text
    long = tuple(
        StackChange(f"hub-{number}", Rendered(""), Rendered(""), (), (Finding(f"rule-{number}", "", False),))
        for number in range(3000)
    )
    text = markdown.comment(Report("main", long))
    assert len(text) <= markdown.LIMIT
    assert len(rows(text)) > 300
    assert "No room for the rest" in text
