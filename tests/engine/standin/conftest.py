"""The real plugin random and its stand-in, side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubstack import toolchain
from hubstack.environment import RANDOM
from hubstack.standin import launcher
from hubstack.toolchain.installed import Installed


@pytest.fixture(scope="session")
def real() -> Path:
    """The real plugin, where the machine has it already; nothing is downloaded for a comparison."""
    catalog = toolchain.Catalog.load()
    path = Installed().find(RANDOM, catalog.release(RANDOM)) or catalog.cached(RANDOM)
    if path is None:
        pytest.skip(f"{RANDOM} {catalog.release(RANDOM).version} is neither on PATH nor in the cache")
    return path


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return launcher.executable(tmp_path_factory.mktemp("standin") / RANDOM)
