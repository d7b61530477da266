"""Nulls over what another source sets: Helm removes the chart's defaults alone, and hands on any other null."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hubstack.chart import hub_classes
from hubstack.chart.values import ChartValues
from hubstack.chart.values_tree import at

Path = tuple[str, ...]


_CUSTOM = ("custom",)
"""Read by one's own code alone, to which a null may mean something."""
_LISTED: tuple[Path, ...] = (
    *(("singleuser", "storage", name) for name in ("extraVolumes", "extraVolumeMounts")),
    *(("singleuser", name) for name in ("initContainers", "extraContainers", "extraTolerations")),
)
"""Maps that stand for lists: code in an image of one's own may leave null entries out; the chart's does not."""


def doubts(tree: Mapping[str, Any], sources: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[tuple[Path, str]]:
    """Path and message of each null that was to remove a setting, and stays.

    Arguments:
        tree: the merged values.
        sources: name and content of each source, in the order of merging.
    """
    defaults = ChartValues.defaults()
    meant = (_CUSTOM,) if hub_classes.brings_none(tree) else (_CUSTOM, *_LISTED)
    for path in _nulls(tree, ()):
        earlier = [name for name, document in sources if at(document, *path) is not None]
        if earlier and not _has(defaults, path) and not any(path[: len(each)] == each for each in meant):
            yield (
                path,
                f"this null does not remove what {earlier[-1]} sets: Helm removes defaults of the chart only, so "
                f"{path[-1]!r} is handed on with nothing in it; take it out of {earlier[-1]}",
            )


def _nulls(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield from _nulls(member, (*path, key))
    elif value is None:
        yield path


def _has(tree: Any, path: Path) -> bool:
    for step in path:
        if not isinstance(tree, Mapping) or step not in tree:
            return False
        tree = tree[step]
    return True
