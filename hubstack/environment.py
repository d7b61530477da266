"""The engine's programs and variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from hubstack import project, stacks
from hubstack.toolchain import Tools

ENGINE_TOOLS = ("pulumi", "pulumi-resource-kubernetes", "pulumi-resource-random")


def engine_environment(found: Tools) -> dict[str, str]:
    """Environment of the engine: pinned tools first on PATH, pinned plugins, the backend."""
    home = project.state_dir() / "pulumi"
    found.pulumi_home(home)
    quiet = {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    return {**found.environment(), **quiet, "PULUMI_HOME": str(home), **stacks.backend_environment()}


def let_find_engine(environment: Mapping[str, str]) -> None:
    """Put the engine on this process's own PATH, where the Automation API looks for it; nothing else is set here.

    Every other variable goes to the engine alone: a second stack of this process may have another backend.
    """
    os.environ["PATH"] = environment["PATH"]


def local_backend(environment: Mapping[str, str]) -> Path | None:
    """Folder of the backend that an engine with this environment uses; None where it is not one of files."""
    url = environment.get("PULUMI_BACKEND_URL") or os.environ.get("PULUMI_BACKEND_URL") or ""
    return Path(url.removeprefix("file://")).expanduser() if url.startswith("file://") else None
