"""The nodes that pods are judged by: those of a pools file, those of a live cluster, or both together."""

from __future__ import annotations

from hubstack.capacity import grouping
from hubstack.capacity.judge import World
from hubstack.capacity.live import Cluster
from hubstack.capacity.pools import PoolsFile

USERS_PRIORITY = 0
"""The chart's default priority of users' pods; pods below it, such as placeholders, give way to them."""


def of_file(file: PoolsFile, namespace: str) -> World:
    """The nodes that a pools file describes, with the rules of a namespace."""
    return World(file.pools, file.rules(namespace), currency=file.currency or "")


def of_cluster(cluster: Cluster, file: PoolsFile | None = None) -> World:
    """The nodes of a live cluster.

    Arguments:
        cluster: what was read of it.
        file: adds what a cluster does not tell: how far pools may grow, prices, and pools without a node.
    """
    described = {each.name: each for each in file.pools} if file else {}
    pools = []
    for pool, _ in grouping.pools_of(cluster):
        if by_hand := described.pop(pool.name, None):
            pool = pool.model_copy(
                update={key: getattr(by_hand, key) for key in ("min_nodes", "max_nodes", "price_per_hour")}
            )
        pools.append(pool)
    pools += [each.model_copy(update={"nodes": 0}) for each in described.values()]
    return World(
        pools,
        cluster.rules(),
        now=tuple(cluster.live_nodes(USERS_PRIORITY)),
        may_grow=cluster.may_grow and file is None,
        currency=(file.currency if file else None) or "",
    )
