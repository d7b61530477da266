"""The content of a file: only of a regular one, and only up to a limit."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hubstack.reading.errors import Unreadable

MOST_BYTES = 5 * 1024 * 1024
"""Size of a file with settings: what Helm allows for one file of a chart, and five times what a Secret can hold."""

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def content(path: Path, name: str = "", limit: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file.

    Nothing is waited for: a named pipe or a device is refused as soon as it is open.

    Arguments:
        path: the file.
        name: what messages call it; its path where blank.
        limit: how many bytes are read at most.

    Raises:
        Unreadable: there is none, it is no regular file, or it is larger.
    """
    name = name or str(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise Unreadable(name, f"cannot be read: {_reason(error)}") from None
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            kind = next((kind for is_kind, kind in _KINDS if is_kind(mode)), "no file")
            raise Unreadable(name, f"cannot be read: it is {kind}, not a file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            found = file.read(limit + 1)
    except OSError as error:  # files of /proc say here what they cannot do
        raise Unreadable(name, f"cannot be read: {_reason(error)}") from None
    finally:
        os.close(descriptor)
    if len(found) > limit:
        raise Unreadable(name, f"cannot be read: it is larger than {limit // (1024 * 1024)} MiB")
    return found


def text(path: Path, name: str = "") -> str:
    """The text of a regular UTF-8 file, without a byte order mark.

    Raises:
        Unreadable: as of `content`, or it is not UTF-8.
    """
    try:
        return content(path, name).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable(name or str(path), "cannot be read: it is not UTF-8 text") from None


def _reason(error: Exception) -> str:
    reason = getattr(error, "strerror", None) or "its path has a zero byte"
    return f"{reason[:1].lower()}{reason[1:]}"
