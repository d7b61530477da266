"""Where things are: the project's folder, its state folder, the mirror."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The folder with Pulumi.yaml."""


def state_dir() -> Path:
    """Folder for everything that runs leave behind: cluster data, local backend, passphrase. Git ignores it."""
    return Path(os.environ.get("HUBSTACK_STATE_DIR") or ROOT / ".hubstack").resolve()


def mirror() -> Path | None:
    """The folder with tools and charts for machines that cannot download, or None.

    ``HUBSTACK_MIRROR`` names it; without that, ``../shared`` beside the project where it exists.
    """
    named = os.environ.get("HUBSTACK_MIRROR")
    if named:
        return Path(named).expanduser().resolve()
    beside = ROOT.parent / "shared"
    return beside if beside.is_dir() else None


def mirrored_chart(version: str) -> Path | None:
    """The chart's archive in the mirror, or None."""
    folder = mirror()
    archive = folder / "charts" / f"jupyterhub-{version}.tgz" if folder else None
    return archive if archive and archive.is_file() else None
