"""The real plugin random and its stand-in, side by side."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.empty_pb2 import Empty

from hubstack.engine.environment import RANDOM
from hubstack.stand_in import launcher
from hubstack.toolchain import Catalog
from hubstack.toolchain.on_path import ProgramsOnPath
from tests import needs
from tests.plugin_process import running


@pytest.fixture(scope="session")
def real() -> Path:
    """The real plugin, where the machine has it already; nothing is downloaded for a comparison."""
    catalog = Catalog.load()
    release = catalog.release(RANDOM)
    found = ProgramsOnPath().find(RANDOM, release) or catalog.cached(RANDOM)
    if found:
        with running(found.path) as plugin:  # other tests may have put the stand-in into the cache
            if plugin.ask("GetPluginInfo", Empty()) == {"version": release.version}:
                return found.path
    needs.skip("random-plugin", f"{RANDOM} {release.version} is neither on PATH nor in the cache")


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return launcher.executable(tmp_path_factory.mktemp("stand-in") / RANDOM)
