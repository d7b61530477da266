"""What `manifests` and `parity` render of a stack: its own values, namespace and release name."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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


@contextmanager
def chosen(
    stack: str | None,
    values: Sequence[Path],
    namespace: str | None,
    release: str | None,
    warn: Callable[[str], object],
) -> Iterator[Chosen]:
    """What options, and the stack's file where one is named, ask for; options win.

    Arguments:
        stack: name of the stack, or None.
        values: values files of the command line, in the place of the stack's.
        namespace: of the command line, or None.
        release: of the command line, or None.
        warn: is told what of the stack is left out.

    Raises:
        HubstackError: there is no such stack.
        SettingsError: its settings are wrong.
    """
    if stack is None:
        place = namespace or "jhub"
        yield Chosen(list(values), place, release or "jhub")
        return
    found = stacks.select(stack)
    config = settings.parse(stacks.entries(found.settings), set())
    storage = config.storage_class
    preset = storage_class_values(storage.name) if storage else {}
    if config.secret_values and not values:
        warn(f"hubstack:secretValues of stack {stack} are encrypted, and left out here")
    place = namespace or config.namespace
    with tempfile.TemporaryDirectory(prefix="hubstack-") as folder:
        own = [found.root / file for file in config.values_files]
        for name, given in (("hubstack-storageClass.yaml", preset), ("hubstack-values.yaml", dict(config.values))):
            if given:
                file = Path(folder) / name
                file.write_text(helm_yaml.dump(given))
                own = [file, *own] if given is preset else [*own, file]
        yield Chosen(list(values) or own, place, release or config.release_name or place)
