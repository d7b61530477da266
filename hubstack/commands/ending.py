"""How a command ends in an error: what people can mend is said as it is, anything else as a mistake in Hubstack.

Python's own traceback of a mistake ends with what the error says, which may quote a setting, and a setting may be a
secret. The file with the traceback therefore has places and types alone; the rest is shown to whoever asks for it.
"""

from __future__ import annotations

import errno
import os
import platform
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from hubstack import project, terminal
from hubstack.chart.errors import SettingsError
from hubstack.cluster import ClusterError
from hubstack.errors import TRACEBACKS, HubstackError, mistake, shows_tracebacks
from hubstack.migration import access
from hubstack.toolchain import ToolchainError

FOLDER = "errors"
"""Folder of the state folder with the tracebacks."""
KEPT = 20
"""So many of them stay; the oldest go."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""Errors that a write has without naming its file."""


def told(error: Exception) -> str:
    """What people are told of the error that ends a command; a mistake is printed whole where that was asked for."""
    text = _explained(error)
    if text is not None:
        return text
    if shows_tracebacks():
        terminal.write_error("".join(traceback.format_exception(error)))
    try:
        where = f"its traceback is in {_written(error)}"
    except (OSError, HubstackError) as reason:
        where = f"its traceback could not be written down ({reason})"
    return f"{mistake(error)}; {where}; {TRACEBACKS}=1 shows all of it, which may quote a secret"


def _explained(error: Exception) -> str | None:
    """What is said of an error that people can mend; None where it is a mistake in Hubstack."""
    if isinstance(error, (HubstackError, SettingsError, ClusterError, ToolchainError)):
        return str(error)
    if isinstance(error, OSError) and (error.filename is not None or error.errno in _NO_ROOM):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    return access.explained(error)


def _written(error: Exception) -> Path:
    folder = project.private_folder(project.state_dir() / FOLDER)
    for old in sorted(folder.glob("*.txt"))[: 1 - KEPT]:
        old.unlink(missing_ok=True)
    file = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{os.getpid()}.txt"
    project.write_private(file, "".join(_described(error)))
    return file


def _described(error: Exception) -> Iterator[str]:
    versions = f"hubstack {metadata.version('hubstack')}, Python {platform.python_version()}, {platform.platform()}"
    yield f"{versions}\nWithout what the errors say, which may quote a setting; {TRACEBACKS}=1 shows it.\n"
    for link in _chain(error):
        yield "\nTraceback (most recent call last):\n"
        yield from traceback.format_tb(link.__traceback__)
        yield f"{type(link).__module__}.{type(link).__qualname__}\n"


def _chain(error: BaseException) -> list[BaseException]:
    """What led to an error, the first one first, as Python tells it."""
    found: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in found:
        found.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return found[::-1]
