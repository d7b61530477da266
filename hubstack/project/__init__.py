"""Where things are: the program, the project's folder, its state folder, the mirror."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from hubstack.errors import HubstackError
from hubstack.project import definition

CODE = Path(__file__).resolve().parents[2]
"""The folder that Hubstack is imported from: a checkout, or where a wheel was installed."""
STATE_FOLDER = ".hubstack"
"""Name of the folder below a project's with everything that runs leave behind."""
IS_CHECKOUT = (CODE / definition.FILE).is_file()


def find_root(start: Path) -> Path:
    """The project's folder: where the stacks' files lie, and what relative paths in settings start from.

    ``HUBSTACK_ROOT`` names it. Without that it is the nearest folder, from `start` upwards, that has a Pulumi.yaml of a
    program in Python. Where none has one, it is the checkout, and for an installed Hubstack `start` itself.
    """
    if named := os.environ.get("HUBSTACK_ROOT"):
        return Path(os.path.expanduser(named)).resolve()
    for folder in (start, *start.parents):
        file = folder / definition.FILE
        # Work folders and copies of revisions below a state folder are no projects.
        if STATE_FOLDER not in folder.parts and file.is_file() and definition.is_python(file):
            return folder
    return CODE if IS_CHECKOUT else start


ROOT = find_root(Path.cwd())
"""The project's folder."""


def is_checkout() -> bool:
    """Whether the project is the checkout that this code is from, with its Makefile."""
    return IS_CHECKOUT and ROOT == CODE


SETUP_CHECKOUT = "make setup"
_PIP = ".venv/bin/python -m pip install --quiet"
SETUP_INSTALLED = (
    f"python3 -m venv .venv && {_PIP} --require-hashes --only-binary :all: --requirement requirements.lock && "
    f"{_PIP} --requirement requirements.txt"
)
"""Commands that make the command ``.venv/bin/hubstack``, in a checkout and in any other project."""


def setup() -> str:
    """The command that makes ``.venv/bin/hubstack`` in a clone of this project."""
    return SETUP_CHECKOUT if is_checkout() else SETUP_INSTALLED


def use(folder: Path) -> None:
    """Make a folder the project of this process.

    Raises:
        HubstackError: there is no such folder.
    """
    global ROOT
    root = Path(os.path.expanduser(folder)).resolve()
    if not root.is_dir():
        raise HubstackError(f"the project's folder {root}: there is none; --project or HUBSTACK_ROOT names another one")
    ROOT = root


def state_dir() -> Path:
    """Folder for everything that runs leave behind: cluster data, local backend, passphrase. Git ignores it."""
    return Path(os.environ.get("HUBSTACK_STATE_DIR") or ROOT / STATE_FOLDER).resolve()


def private_folder(folder: Path) -> Path:
    """Make a folder into which nobody else of this machine may look, with all above it in the state folder.

    The engine lets everybody read what it writes. What an earlier version has left open is closed; a state folder that
    somebody has named, and that was there before, stays as it is.

    Returns:
        The folder.
    """
    state = state_dir()
    above = [folder, *folder.parents]
    mine = above[: above.index(state) + 1] if state in above else [folder]
    if mine[-1] == state and state.is_dir() and state.name != STATE_FOLDER:
        mine.pop()
    for each in reversed(mine):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
        if each.stat().st_mode & 0o077:
            with contextlib.suppress(PermissionError):  # somebody else's, who has let us in
                each.chmod(0o700)
    return folder


def write_private(file: Path, text: str) -> None:
    """Write a file whole or not at all, and readable by its owner alone."""
    temporary = file.with_name(f"{file.name}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(file)


def mirror() -> Path | None:
    """The folder with tools and charts for machines that cannot download, or None.

    ``HUBSTACK_MIRROR`` names it; without that, ``../shared`` beside the checkout where it exists.
    """
    named = os.environ.get("HUBSTACK_MIRROR")
    if named:
        return Path(os.path.expanduser(named)).resolve()
    beside = CODE.parent / "shared"
    return beside if IS_CHECKOUT and beside.is_dir() else None


def mirrored_chart(version: str) -> Path | None:
    """The chart's archive in the mirror, or None."""
    folder = mirror()
    archive = folder / "charts" / f"jupyterhub-{version}.tgz" if folder else None
    return archive if archive and archive.is_file() else None
