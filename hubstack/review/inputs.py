"""What a stack's objects follow from: its configuration and the files that it names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hubstack import secret_settings
from hubstack.chart import helm_yaml
from hubstack.chart.errors import SettingsError
from hubstack.chart.text import sha256
from hubstack.configuration import Configuration
from hubstack.review.sources import StackFile


def digest(file: StackFile) -> str:
    """Equal for two stack files whose objects are bound to be equal."""
    parts = [
        [str(path.relative_to(top)), sha256(path.read_bytes().hex())]
        for top in (*_values_files(file), *_charts(file))
        for path in _files(top)
    ]
    return sha256(json.dumps([file.config, parts], sort_keys=True, default=str))


def secrets(file: StackFile) -> frozenset[str]:
    """Every secret that can be told of a stack that could not be rendered; encrypted ones stay what they are."""
    found = set(_secrets_of(file.folder / f"Pulumi.{file.stack}.yaml"))
    declared = _decoded(Configuration(file.config).get("secretValues"))
    found.update(str(leaf) for _, _, leaf in secret_settings.leaves(declared) if isinstance(leaf, str))
    for path in _values_files(file):
        found.update(_secrets_of(path))
    return frozenset(found)


def _secrets_of(path: Path) -> Iterator[str]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
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
    return [tree, *(_decoded(value) for value in config.values())]


def _values_files(file: StackFile) -> list[Path]:
    names = _decoded(Configuration(file.config).get("valuesFiles"))
    return [file.folder / name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _charts(file: StackFile) -> list[Path]:
    chart = _decoded(Configuration(file.config).get("chart"))
    path = chart.get("path") if isinstance(chart, Mapping) else None
    return [file.folder / path] if isinstance(path, str) else []


def _files(top: Path) -> list[Path]:
    return sorted(path for path in top.rglob("*") if path.is_file()) if top.is_dir() else [top] if top.is_file() else []


def _decoded(value: Any) -> Any:
    """A setting as data; maps and lists may be written as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
