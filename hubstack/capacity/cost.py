"""What pods that are there all the time take: nodes, and money where the pools have prices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from hubstack.capacity.judge import InPool, Verdict
from hubstack.capacity.pools import HOURS


@dataclass(frozen=True)
class Nodes:
    """Nodes that a number of equal pods fill."""

    pool: str
    per_node: int
    count: int
    """Number of nodes."""
    price: Fraction | None
    """Of one node for an hour; None where nobody has said."""


def kept(verdict: Verdict, count: int) -> Nodes | None:
    """The nodes that some pods fill when nothing else is on them, in the pool where that costs least.

    Arguments:
        verdict: of the pod.
        count: how many there are.

    None where the pod does not fit anywhere, or may be another than the one that can be read.
    """
    if verdict.status not in ("fits", "waits"):
        return None
    fits = [each for each in verdict.pools if not each.misfits and each.per_node]
    if not fits:
        return None
    best = min(fits, key=lambda each: _weight(each, count))
    price = best.pool.price_per_hour
    return Nodes(
        best.pool.name,
        best.per_node,
        math.ceil(count / best.per_node),
        None if price is None else Fraction(str(price)),
    )


def written(nodes: Nodes, currency: str) -> str:
    """Nodes and what they cost, such as ``2 nodes of pool `users`, 412 EUR a month``; node hours without a price."""
    count = f"{nodes.count} node{'' if nodes.count == 1 else 's'} of pool `{nodes.pool}`"
    return f"{count}, {_month(nodes, nodes.count, currency)} a month"


def difference(before: Nodes | None, after: Nodes | None, currency: str) -> str:
    """What a change of the number of pods costs, such as ``2 more nodes, 412 EUR a month more``; blank if nothing.

    Arguments:
        before: the nodes before; None where there were no such pods.
        after: the nodes after; None where there are none any more.
        currency: of the prices.
    """
    known = after or before
    if known is None or (before and after and before.pool != after.pool):
        return ""
    more = (after.count if after else 0) - (before.count if before else 0)
    if not more:
        return ""
    fewer, less = ("more", "more") if more > 0 else ("fewer", "less")
    nodes = f"{abs(more)} {fewer} node{'' if abs(more) == 1 else 's'} of pool `{known.pool}`"
    return f"{nodes}, {_month(known, abs(more), currency)} a month {less}"


def _month(nodes: Nodes, count: int, currency: str) -> str:
    """What some nodes cost in a month."""
    if nodes.price is None:
        return f"{int(count * HOURS)} node hours"
    return f"{float(count * nodes.price * HOURS):.0f}{f' {currency}' if currency else ''}"


def _weight(each: InPool, count: int) -> tuple[bool, Fraction, int]:
    """Pools by what they cost; those without price after the others, by how few nodes they need."""
    nodes = math.ceil(count / each.per_node)
    price = each.pool.price_per_hour
    return price is None, Fraction(0) if price is None else Fraction(str(price)) * nodes, nodes
