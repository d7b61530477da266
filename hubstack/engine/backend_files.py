"""Where a local backend keeps what (Pulumi: ``pkg/backend/diy``); each file belongs to one stack of one project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def state(backend: Path, project: str, stack: str) -> Path:
    """The file with a stack's state; there is none before its first operation.

    Arguments:
        backend: the backend's folder.
        project: name of the project.
        stack: name of the stack.
    """
    return backend / ".pulumi" / "stacks" / project / f"{stack}.json"


def tags(backend: Path, project: str, stack: str) -> Path:
    """The file with a stack's tags; there is none before the first. Arguments as for `state`."""
    return backend / ".pulumi" / "stacks" / project / f"{stack}.pulumi-tags"


def history(backend: Path, project: str, stack: str) -> list[Path]:
    """The files that describe a stack's operations, oldest first. Arguments as for `state`."""
    return sorted((backend / ".pulumi" / "history" / project / stack).glob("*.history.json"))


def locks(backend: Path, project: str, stack: str, ending: str = ".json") -> Iterator[Path]:
    """The files that say who works on a stack.

    Arguments:
        backend, project, stack: as for `state`.
        ending: of the files' names; an empty one gives those too that an engine has begun to write.
    """
    # Below a folder for the organization, which a local backend always calls the same.
    yield from sorted(backend.glob(f".pulumi/locks/**/{project}/{stack}/*{ending}"))
