"""Which chart archives the tests of releases work on: the real ones where the machine has them, else stand-ins."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from hubstack import project
from hubstack.chart.release import CHART_NAME
from tests.stand_in_chart import archive

VERSIONS = tuple(archive.APP_VERSIONS)
"""Chart versions that tests ask for."""
FOLDER = "charts"
"""Folder of a mirror that holds the archives."""


@functools.cache
def real(version: str) -> Path | None:
    """The real archive, from the mirror or from what Helm has downloaded for this user; None where there is none.

    The first call must come before a test's own mirror is set: that one may hold a stand-in under the same name.
    """
    if mirrored := project.mirrored_chart(version):
        return mirrored
    downloaded = _helm_cache() / f"{CHART_NAME}-{version}.tgz"
    return downloaded if downloaded.is_file() else None


def mirror(folder: Path) -> Path:
    """A mirror that has every chart: what the machine's own has, and in place of each chart that is missing a stand-in.

    Arguments:
        folder: an empty folder to make it in.
    """
    own = project.mirror()
    for entry in own.iterdir() if own and own.is_dir() else ():
        if entry.name != FOLDER:
            (folder / entry.name).symlink_to(entry)
    charts = folder / FOLDER
    charts.mkdir()
    for version in VERSIONS:
        if found := real(version):
            (charts / f"{CHART_NAME}-{version}.tgz").symlink_to(found)
        else:
            archive.write(version, charts)
    return folder


def _helm_cache() -> Path:
    """Where Helm keeps the archives that it has downloaded (Helm: ``pkg/cli/environment.go``, ``pkg/helmpath``)."""
    if named := os.environ.get("HELM_REPOSITORY_CACHE"):
        return Path(named)
    if named := os.environ.get("HELM_CACHE_HOME"):
        return Path(named) / "repository"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "helm" / "repository"
