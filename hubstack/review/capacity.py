"""What a change means for the nodes: pods that no longer start, how many fill a node, what placeholders cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hubstack.capacity import cost, words
from hubstack.capacity.judge import Verdict
from hubstack.capacity.report import Report
from hubstack.review.change import Change
from hubstack.review.rendering import Rendered


def never(change: Change) -> Iterator[str]:
    """Each pod that never starts, and did before or was not there."""
    before = _by_name(change.base)
    for name, verdict in _by_name(change.head).items():
        if verdict.status == "never" and (name not in before or before[name].status != "never"):
            yield words.sentence(verdict)


def never_in(stack: Rendered | None) -> Iterator[str]:
    """Each pod of a new stack that never starts."""
    if stack:
        yield from (words.sentence(each) for each in _by_name(stack).values() if each.status == "never")


def unknown(change: Change) -> Iterator[str]:
    """Each pod that cannot be judged, and could be, or not for the same reason."""
    before = _by_name(change.base)
    for name, verdict in _by_name(change.head).items():
        same = name in before and before[name].status == "unknown" and before[name].reasons == verdict.reasons
        if verdict.status == "unknown" and not same:
            yield words.sentence(verdict)


def per_node(change: Change) -> Iterator[str]:
    """Each kind of server of which another number fills a node."""
    before = _by_name(change.base)
    for name, verdict in _by_name(change.head).items():
        if verdict.shape.kind != "user" or name not in before:
            continue
        old = {each.pool.name: each.per_node for each in before[name].pools if each.per_node}
        for each in verdict.pools:
            known = old.get(each.pool.name)
            if known and each.per_node and known != each.per_node:
                yield f"{name}: {known} -> {each.per_node} to a node of `{each.pool.name}`"


def placeholders(change: Change) -> Iterator[str]:
    """Another number of nodes for the placeholders, with what that costs."""
    old, new = change.base.capacity, change.head.capacity
    if old is None or new is None:
        return
    if told := cost.difference(old.placeholders, new.placeholders, new.currency):
        yield f"placeholders {_count(old)} -> {_count(new)}: {told}"


def _count(report: Report) -> int:
    """Number of placeholders."""
    return sum(each.shape.count for each in report.verdicts if each.shape.kind == "placeholder")


def _by_name(stack: Rendered) -> Mapping[str, Verdict]:
    return {each.shape.name: each for each in stack.capacity.verdicts} if stack.capacity else {}
