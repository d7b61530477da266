"""The programs that tests run: where the plugin random is not here, its stand-in is found as if it were the plugin."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from hubstack import toolchain
from hubstack.cluster.components import TOOLS
from hubstack.engine.environment import RANDOM
from hubstack.stand_in import launcher
from hubstack.toolchain import Catalog
from hubstack.toolchain.catalog import cache_dir
from tests import needs


def find(names: Sequence[str], folder: Path, patch: pytest.MonkeyPatch) -> toolchain.Tools:
    """Have programs ready; skips, with the reason, where one other than the plugin random cannot be had.

    Hubstack takes the stand-in on the embedded cluster alone. Tests also roll out to clusters that they name, and for
    those the stand-in lies in a cache of theirs, in the place of the plugin.

    Arguments:
        names: programs of the catalog.
        folder: for that cache.
        patch: sets its variable, for this process and those that it starts.
    """
    try:
        found = toolchain.ensure(names, optional=[RANDOM])
    except toolchain.ToolchainError as error:
        needs.skip("programs", str(error))
    if RANDOM in found:
        return found
    usual, catalog = cache_dir(), Catalog.load()
    patch.setenv("XDG_CACHE_HOME", str(folder))
    _show(usual.parents[1], folder, without=usual.parent)
    _show(usual.parent, cache_dir().parent, without=usual)
    _show(usual, cache_dir())
    launcher.executable(catalog.folder(catalog.release(RANDOM)) / RANDOM)
    return toolchain.ensure((*names, RANDOM))


def control_plane() -> dict[str, Path]:
    """The programs of the embedded cluster: from the folder HUBSTACK_TOOLS_DIR, else from the pinned toolchain; skips,
    with the reason, where they cannot be had.
    """
    if folder := os.environ.get("HUBSTACK_TOOLS_DIR"):
        return {name: Path(folder) / name for name in TOOLS}
    try:
        found = toolchain.ensure(TOOLS, progress=Console(stderr=True))
    except toolchain.ToolchainError as error:
        needs.skip("programs", str(error))
    return {name: Path(found[name]) for name in TOOLS}


def _show(folder: Path, into: Path, without: Path | None = None) -> None:
    """Links to all that is in a folder, in another one."""
    into.mkdir(exist_ok=True)
    for each in folder.iterdir() if folder.is_dir() else ():
        if each != without:
            (into / each.name).symlink_to(each)
