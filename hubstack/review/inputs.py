"""What a stack's objects follow from: its configuration and the files that it names."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hubstack import reading, secret_settings
from hubstack.chart import helm_yaml
from hubstack.chart.errors import SettingsError
from hubstack.chart.text import sha256
from hubstack.configuration import Configuration
from hubstack.project.bounds import MOST_CHART_BYTES, chart_path, decoded, pools_file, values_files
from hubstack.review.sources import StackFile


def digest(file: StackFile) -> str:
    """Equal for two stack files whose objects are bound to be equal."""
    parts = [[name, _digest(file.folder / name)] for _, name in values_files(file.config)]
    if pools := pools_file(file.config):
        parts.append([pools, _digest(file.folder / pools)])
    if chart := chart_path(file.config):
        top = file.folder / chart
        parts += [[str(path.relative_to(top)), _digest(path)] for path in _files(top)]
    return sha256(json.dumps([file.config, parts], sort_keys=True, default=str))


def secrets(file: StackFile) -> frozenset[str]:
    """Every secret that can be told of a stack that could not be rendered; encrypted ones stay what they are."""
    found = set(_secrets_of(file.folder / f"Pulumi.{file.stack}.yaml"))
    declared = decoded(Configuration(file.config).get("secretValues"))
    found.update(str(leaf) for _, _, leaf in secret_settings.leaves(declared) if isinstance(leaf, str))
    for _, name in values_files(file.config):
        found.update(_secrets_of(file.folder / name))
    return frozenset(found)


def _secrets_of(path: Path) -> Iterator[str]:
    try:
        text = reading.content(path).decode(errors="replace")
    except reading.Unreadable:
        return
    try:
        tree = helm_yaml.load(text, source=path.name)
    except SettingsError:
        yield from secret_settings.secrets_in_lines(text)
        return
    yield from (str(leaf) for leaf in secret_settings.secrets_in(_unprefixed(tree)) if not isinstance(leaf, bool))


def _unprefixed(tree: Any) -> Any:
    """A stack file's settings under their own names; any other tree as it is."""
    config = tree.get("config") if isinstance(tree, Mapping) else None
    if not isinstance(config, Mapping):
        return tree
    return [tree, *(decoded(value) for value in config.values())]


def _digest(path: Path) -> str:
    """Of a file; blank where it cannot be read, which is said when it is rendered."""
    try:
        return hashlib.sha256(reading.content(path, limit=MOST_CHART_BYTES)).hexdigest()
    except reading.Unreadable:
        return ""


def chart(file: StackFile) -> Mapping[str, Any]:
    """What a stack's file says about the chart, unchecked."""
    found = decoded(Configuration(file.config).get("chart"))
    return found if isinstance(found, Mapping) else {}


def _files(top: Path) -> list[Path]:
    return sorted(path for path in top.rglob("*") if path.is_file()) if os.path.isdir(top) else [top]
