"""Writes ``pools.yaml`` from a live cluster; what people have written into it by hand stays."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from hubstack import reading
from hubstack.capacity import grouping
from hubstack.capacity.live import Cluster
from hubstack.errors import HubstackError

HEAD = """\
# Pools of nodes, for `hubstack capacity` and `hubstack review`. Recorded by `hubstack pools record`, which may be run
# again: it renews what the cluster knows, and leaves alone what only you know (minNodes, maxNodes, pricePerHour,
# currency, pools that have no node at the moment).
"""

BY_HAND = """\
by hand: minNodes (0 where the pool may be empty), maxNodes (as far as the autoscaler may go),
pricePerHour (of one node; give the file a `currency`, too)"""


_THERE = "the pools file that is there"


def updated(text: str | None, cluster: Cluster, namespace: str) -> str:
    """A pools file with what a cluster has.

    Arguments:
        text: the file as it is; None where there is none.
        cluster: what was read of the cluster.
        namespace: whose LimitRanges and ResourceQuotas are recorded; those of others stay.

    Raises:
        HubstackError: the file that is there cannot be changed.
    """
    editor = _editor()
    try:
        if text is not None:
            reading.from_yaml(text, _THERE)  # the editor itself knows no limits
        document = CommentedMap() if text is None else editor.load(text) or CommentedMap()
    except YAMLError:
        raise HubstackError(f"{_THERE}: not valid YAML") from None
    if not isinstance(document, CommentedMap):
        raise HubstackError(f"{_THERE}: must be a map with a key 'pools'")
    if cluster.tolerates_extended_resources:
        document["extendedResourceToleration"] = True
    _write_pools(document, cluster)
    document["runtimeClasses"] = _node(cluster.runtime_classes)
    _write_namespace(document, cluster, namespace)
    out = io.StringIO()
    editor.dump(document, out)
    return f"{HEAD}{out.getvalue()}" if text is None else out.getvalue()


def write(path: Path, cluster: Cluster, namespace: str) -> bool:
    """Write a pools file, or renew the one that is there; True where something is different now.

    Raises:
        HubstackError: see `updated`; or it cannot be written.
    """
    try:
        before = reading.text(path) if path.exists() else None
        after = updated(before, cluster, namespace)
        if after != before:
            temporary = path.with_suffix(".tmp")
            temporary.write_text(after, encoding="utf-8")
            temporary.replace(path)
    except OSError as error:
        raise HubstackError(f"{path}: {error.strerror or error}") from None
    return after != before


def _write_pools(document: CommentedMap, cluster: Cluster) -> None:
    if not isinstance(document.get("pools"), list):
        document["pools"] = CommentedSeq()
    known = {each.get("name"): each for each in document["pools"] if isinstance(each, dict)}
    seen = set()
    for pool, _ in grouping.pools_of(cluster):
        seen.add(pool.name)
        found = pool.model_dump(by_alias=True, exclude_none=True, exclude={"name"})
        found = {key: value for key, value in found.items() if value not in ({}, [])}
        if pool.name in known:
            _renew(known[pool.name], found)
        else:
            new = _node({"name": pool.name, **found})
            new.yaml_set_comment_before_after_key("nodes", before=BY_HAND, indent=4)
            document["pools"].append(new)
    for name, each in known.items():
        if name not in seen and each.get("nodes"):
            each["nodes"] = 0


def _renew(pool: Any, found: Mapping[str, Any]) -> None:
    recorded = ("labels", "taints", "zones", "capacity", "allocatable", "daemonSets", "nodes")
    for key in recorded:
        if key in found and pool.get(key) != found[key]:
            pool[key] = _node(found[key])
        elif key not in found:
            pool.pop(key, None)


def _write_namespace(document: CommentedMap, cluster: Cluster, namespace: str) -> None:
    found: dict[str, Any] = {}
    if cluster.limit_ranges:
        found["limitRanges"] = [
            {"name": each["metadata"]["name"], "limits": each["spec"]["limits"]} for each in cluster.limit_ranges
        ]
    if cluster.quotas:
        keys = ("hard", "scopes", "scopeSelector")
        found["quotas"] = [
            {"name": each["metadata"]["name"], **{key: each["spec"][key] for key in keys if each["spec"].get(key)}}
            for each in cluster.quotas
        ]
    if cluster.reach:
        found["volumes"] = {claim: list(terms) for claim, terms in sorted(cluster.reach.items())}
    namespaces = document.setdefault("namespaces", CommentedMap())
    if found:
        namespaces[namespace] = _node(found)
    else:
        namespaces.pop(namespace, None)
    if not namespaces:
        del document["namespaces"]


def _editor() -> YAML:
    editor = YAML()
    editor.preserve_quotes = True
    editor.width = 120
    editor.indent(mapping=2, sequence=4, offset=2)
    return editor


def _node(value: Any) -> Any:
    if isinstance(value, Mapping):
        return CommentedMap((key, _node(member)) for key, member in value.items())
    return CommentedSeq(map(_node, value)) if isinstance(value, list) else value
