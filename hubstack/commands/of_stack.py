"""What `manifests` and `parity` render of a stack: its own values, namespace and release name."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubstack import settings
from hubstack.chart import helm_yaml
from hubstack.chart.storage_class import storage_class_values
from hubstack.project import stacks


@dataclass(frozen=True)
class Chosen:
    """What is rendered."""

    values: list[Path]
    namespace: str
    release: str
    values_key: str | None = None
    """Where the files have the hub's values."""


@contextmanager
def chosen(
    stack: str | None,
    values: Sequence[Path],
    values_key: str | None,
    namespace: str | None,
    release: str | None,
    warn: Callable[[str], object],
) -> Iterator[Chosen]:
    """What options, and the stack's file where one is named, ask for; options win.

    Arguments:
        stack: name of the stack, or None.
        values: values files of the command line, in the place of the stack's.
        values_key: of the command line, or None.
        namespace: of the command line, or None.
        release: of the command line, or None.
        warn: is told what of the stack is left out.

    Raises:
        HubstackError: there is no such stack.
        SettingsError: its settings are wrong.
    """
    if stack is None:
        place = namespace or "jhub"
        yield Chosen(list(values), place, release or "jhub", values_key)
        return
    found = stacks.select(stack)
    config = settings.parse(stacks.entries(found.settings), set())
    storage = config.storage_class
    preset = storage_class_values(storage.name) if storage else {}
    if config.secret_values and not values:
        warn(f"hubstack:secretValues of stack {stack} are encrypted, and left out here")
    place, key = namespace or config.namespace, values_key or config.values_key
    with tempfile.TemporaryDirectory(prefix="hubstack-") as folder:
        own = [found.root / file for file in config.values_files]
        for name, given in (("hubstack-storageClass.yaml", preset), ("hubstack-values.yaml", dict(config.values))):
            if given:
                file = Path(folder) / name
                file.write_text(helm_yaml.dump(_below(key, given)))
                own = [file, *own] if given is preset else [*own, file]
        yield Chosen(list(values) or own, place, release or config.release_name or place, key)


def _below(key: str | None, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The stack's own values as its files have them: below the key of a parent chart, where they are one's."""
    return functools.reduce(lambda inner, name: {name: inner}, reversed(key.split(".")), values) if key else values
