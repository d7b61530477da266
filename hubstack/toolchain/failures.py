"""Downloads that failed lately: what can be done without is not tried again for an hour, so that no command waits."""

from __future__ import annotations

import contextlib
import time

from hubstack.toolchain.catalog import cache_dir

_SECONDS = 3600.0
_ENDING = ".failed"


def recent(key: str) -> str | None:
    """Why a download failed within the last hour; None where it is to be tried.

    Arguments:
        key: name of what is downloaded.
    """
    file = cache_dir() / f".{key}{_ENDING}"
    try:
        age = time.time() - file.stat().st_mtime
        return file.read_text() if 0 <= age < _SECONDS else None
    except (OSError, UnicodeDecodeError):
        return None


def note(key: str, reason: str) -> None:
    """Remember a failure; a cache that cannot be written is no error."""
    with contextlib.suppress(OSError):
        cache_dir().mkdir(parents=True, exist_ok=True)
        (cache_dir() / f".{key}{_ENDING}").write_text(reason)


def forget() -> None:
    """Have everything tried again."""
    with contextlib.suppress(OSError):
        for file in cache_dir().glob(f".*{_ENDING}"):
            file.unlink(missing_ok=True)
