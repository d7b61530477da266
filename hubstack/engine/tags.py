"""Tags of a stack: short texts that its backend keeps beside the state, and that no update changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from hubstack.engine import backend_files, command
from hubstack.engine.environment import local_backend
from hubstack.errors import HubstackError
from hubstack.project import definition


def read(stack: str, environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """All tags of a stack; none where the backend does not have it.

    The file of a local backend is read directly, as its states are. Any other backend is asked by a command.

    Arguments:
        stack: name of the stack.
        environment: variables for the engine.
        folder: where the engine is asked, see `stacks.engine_folder`.

    Raises:
        HubstackError: the backend does not answer, or the tags cannot be read.
    """
    if (local := local_backend(environment)) is not None:
        file = backend_files.tags(local, definition.name(folder), stack)
        try:
            return dict(json.loads(file.read_bytes())["tags"])
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise HubstackError(f"{file}: cannot be read: {error}; `pulumi stack tag ls` says more") from None
    try:
        found = command.run(["stack", "tag", "ls", "--json", "--stack", stack], folder, environment)
    except HubstackError as error:
        if command.UNKNOWN_STACK in str(error):
            return {}
        raise HubstackError(f"stack {stack}: the backend cannot be asked for its tags: {error}") from None
    return dict(json.loads(found or "{}"))


def write(stack: str, name: str, value: str, environment: Mapping[str, str], folder: Path) -> None:
    """Set one tag.

    Arguments:
        stack, environment, folder: as for `read`.
        name: of at most 40 characters, which is what Pulumi Cloud takes.
        value: of at most 256 characters, for the same reason.

    Raises:
        HubstackError: the backend does not take it.
    """
    command.run(["stack", "tag", "set", name, value, "--stack", stack], folder, environment)
