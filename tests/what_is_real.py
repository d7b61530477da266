"""What of this machine the tests are run with: the real thing, what stands in for it, or nothing.

Pytest's header says it, one line each; nothing is started for that, and nothing downloaded but Helm where the
chart is at hand.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from hubstack import project
from hubstack.toolchain import Catalog
from hubstack.toolchain.on_path import ProgramsOnPath
from tests import charts, chromium
from tests.parity import harness


def lines() -> list[str]:
    """All lines of the header."""
    return [each() for each in LINES]


def chart() -> str:
    """The charts of mode helm, adoption and switches."""
    found = {version: charts.real(version) for version in charts.VERSIONS}
    stand_in = "a stand-in, whose objects are those of mode native"
    return "\n".join(f"chart {version}: {f'real, {path}' if path else stand_in}" for version, path in found.items())


def helm() -> str:
    """Helm."""
    return _program("helm")


def engine() -> str:
    """The engine's command and its Python package, which are of one version."""
    return f"{_program('pulumi')}, with Python package {version('pulumi')}"


def kubernetes_provider() -> str:
    """The provider that makes the objects."""
    return _program("pulumi-resource-kubernetes")


def random_provider() -> str:
    """The provider that draws the tokens."""
    found = _program("pulumi-resource-random")
    return found if "needs a download" not in found else "pulumi-resource-random: a stand-in, hubstack/stand_in"


def language_host() -> str:
    """What a plain ``pulumi up`` starts the program with; Hubstack's own commands do not need it."""
    return f"pulumi-language-python: {shutil.which('pulumi-language-python') or 'not here'}"


def cluster() -> str:
    """The embedded control plane."""
    return _program("kube-apiserver")


def containers() -> str:
    """The node of the suite e2e."""
    can = sys.platform.startswith("linux") and os.geteuid() == 0
    return f"containers: {'real, on a node in namespaces' if can else 'none, they need Linux and root'}"


def browser() -> str:
    """The browser of the suite e2e."""
    return f"browser: {chromium.path() or 'not here'}"


def values_files() -> str:
    """The values files that both renderings are compared for."""
    mirror = project.mirror()
    folder = mirror / "values" if mirror else None
    return f"values files: {folder if folder and folder.is_dir() else 'not here; HUBSTACK_MIRROR names their folder'}"


def parity() -> str:
    """What mode native is compared with."""
    try:
        return f"parity: compared with {harness.reference()}"
    except harness.Missing as missing:
        return f"parity: not compared; {missing}"


LINES: tuple[Callable[[], str], ...] = (
    chart,
    helm,
    engine,
    kubernetes_provider,
    random_provider,
    language_host,
    cluster,
    containers,
    browser,
    values_files,
    parity,
)
"""What the header says, in this order."""


def _program(name: str) -> str:
    catalog, installed = Catalog.load(), ProgramsOnPath()
    found = installed.find(name, catalog.release(name)) or catalog.cached(name)
    installed.save()
    if found is not None:
        return f"{name} {found.version}: {found.path}"
    folder = (project.mirror() or Path()) / "toolchain"
    for release in catalog.variants(name):
        for archive in catalog.mirrored(release):
            if (folder / archive).is_file():
                return f"{name} {release.version}: {folder / archive}"
    return f"{name}: not here, needs a download"
