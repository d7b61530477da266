"""Both renderings of the mirror's values files, each made once.

Needs the packaged chart, the values files and a helm binary. `Missing` says which of them is not here.
"""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

from chart.release import CHART_VERSION, Release
from hubstack import project, toolchain
from hubstack.parity import rendering
from tests import charts


class Missing(Exception):
    """Something that lies outside the repository isn't here."""


def mirror() -> Path:
    """The folder with ``charts`` and ``values``, even if it isn't here."""
    return project.mirror() or project.ROOT.parent / "shared"


def values_files(folder: str) -> list[Path]:
    """Values files of ``dev``, ``invalid`` or ``real``, by name; none where the folder isn't here."""
    return sorted((mirror() / "values" / folder).glob("*.yaml"))


@cache
def chart_archive() -> Path:
    """The packaged chart.

    Raises:
        Missing: the archive isn't on this machine; a stand-in is of no use here.
    """
    archive = charts.real(CHART_VERSION)
    if archive is None:
        name = f"charts/jupyterhub-{CHART_VERSION}.tgz"
        raise Missing(f"no {name} in the mirror; set HUBSTACK_MIRROR to the folder that holds charts/ and values/")
    return archive


@cache
def helm() -> str:
    """Path of a helm binary: from PATH, else from the pinned toolchain.

    Raises:
        Missing: there is none.
    """
    if found := shutil.which("helm"):
        return found
    try:
        return str(toolchain.ensure(("helm",))["helm"])
    except toolchain.ToolchainError as error:
        raise Missing(f"no helm: {error}") from None


@cache
def helm_template(values: Path) -> str:
    """What ``helm template`` prints for a values file.

    Raises:
        Missing: no chart or no helm.
        subprocess.CalledProcessError: Helm refuses the values; ``stderr`` says why.
    """
    return rendering.helm_template(helm(), chart_archive(), rendering.Input((values,)))


def release(values: Path) -> Release:
    """Our reading of a values file."""
    return rendering.release(rendering.Input((values,)))


@cache
def pair(values: Path) -> rendering.Pair:
    """Both renderings of a values file, normal and with the meant differences taken out."""
    return rendering.pair(helm_template(values), release(values))
