"""What a stack's backend has: the last state, and the last entry of the history."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubstack.engine import backend_files, command
from hubstack.engine.environment import local_backend
from hubstack.engine.state import State
from hubstack.errors import HubstackError
from hubstack.project import definition


@dataclass(frozen=True)
class Checkpoint:
    """A stack as its backend has it."""

    state: State
    """The state, secrets encrypted; empty before the first update."""
    last: Mapping[str, Any]
    """The newest entry of the history: ``kind``, ``result``, ``message``; empty where there is none."""


def read(stack: str, environment: Mapping[str, str], folder: Path) -> Checkpoint | None:
    """Ask a stack's backend; None where it does not have the stack.

    Files of a local backend are read directly, which costs milliseconds. Any other backend is asked by two short
    commands of the engine.

    Arguments:
        stack: name of the stack.
        environment: variables for the engine.
        folder: where the engine is asked, see `stacks.engine_folder`.

    Raises:
        HubstackError: the backend does not answer, or the state cannot be read.
    """
    backend, project = local_backend(environment), definition.name(folder)
    if backend is not None and not _is_written_otherwise(backend, project, stack):
        return from_files(stack, project, backend)
    return from_engine(stack, environment, folder)


def names(environment: Mapping[str, str], folder: Path) -> list[str]:
    """Names of the project's stacks that have resources, as far as the backend tells that without being asked for each.

    Arguments:
        environment: variables for the engine.
        folder: where the engine is asked, see `stacks.engine_folder`.

    Raises:
        HubstackError: the backend does not answer.
    """
    local = local_backend(environment)
    if local is not None and not backend_files.has_former_places(local):
        return backend_files.stacks(local, definition.name(folder))
    try:
        found = json.loads(command.run(["stack", "ls", "--json"], folder, environment) or "[]")
    except HubstackError as error:
        raise HubstackError(f"the backend cannot be asked for its stacks: {error}") from None
    # A backend of files does not count resources, and Pulumi Cloud names stacks of other organizations in full.
    return [str(each["name"]).rpartition("/")[2] for each in found if each.get("resourceCount", 1)]


def from_files(stack: str, project: str, backend: Path) -> Checkpoint | None:
    """Read the files of a local backend.

    Raises:
        HubstackError: a file cannot be read.
    """
    state = backend_files.state(backend, project, stack)
    if not state.is_file():
        return None
    entries = backend_files.history(backend, project, stack)
    deployment = (_json(state).get("checkpoint") or {}).get("latest")
    return Checkpoint(State.read(deployment), _json(entries[-1]) if entries else {})


def from_engine(stack: str, environment: Mapping[str, str], folder: Path) -> Checkpoint | None:
    """Ask the engine, whatever the backend is.

    Raises:
        HubstackError: the backend does not answer.
    """
    try:
        deployment = command.export(stack, folder, environment, show_secrets=False)["deployment"]
    except HubstackError as error:
        if command.UNKNOWN_STACK in str(error):
            return None
        raise HubstackError(f"stack {stack}: the backend cannot be asked: {error}") from None
    options = ["--stack", stack, "--json", "--page-size", "1"]
    history = json.loads(command.run(["stack", "history", *options], folder, environment) or "[]")
    return Checkpoint(State.read(deployment), history[0] if history else {})


def _is_written_otherwise(backend: Path, project: str, stack: str) -> bool:
    """Whether the stack's file is compressed, or lies where engines put it before there were projects."""
    file = backend_files.state(backend, project, stack)
    return file.with_suffix(".json.gz").is_file() or (file.parent.parent / file.name).is_file()


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise HubstackError(f"{path}: cannot be read: {error}; `pulumi stack export` says more") from None
    return found if isinstance(found, dict) else {}
