"""Temporary files that hold credentials: in the project's private folder, and gone with the processes that use them.

The Kubernetes provider writes a copy of the kubeconfig for Helm into ``TMPDIR`` and never removes it; a process that is
killed removes nothing either. So each fork server, with the engines and plugins below it, has a folder of its own, and
the next command removes those whose processes have all ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hubstack import file_lock, project

_LOCK = "lock"


class Folder:
    """A folder that is there as long as a process holds `descriptor`: this one, or one that has inherited it."""

    def __init__(self) -> None:
        """Make it, and remove those that dead processes have left."""
        above = project.state_dir() / "tmp"
        above.mkdir(mode=0o700, parents=True, exist_ok=True)
        with file_lock.hold(above / _LOCK, "making a temporary folder", lambda _: None):
            for left in above.iterdir():
                _remove_if_abandoned(left)
            self.path = Path(tempfile.mkdtemp(dir=above))  # of mode 0700
            self.descriptor = _held(self.path)

    def close(self) -> None:
        """Remove it; a second time, nothing happens."""
        if self.descriptor >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self.descriptor)
            self.descriptor = -1


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder for files that nobody else may see; it is removed at the end."""
    made = Folder()
    try:
        yield made.path
    finally:
        made.close()


def _remove_if_abandoned(path: Path) -> None:
    with contextlib.suppress(OSError):  # no folder; or held, and so in use
        descriptor = _held(path)
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def _held(path: Path) -> int:
    descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
