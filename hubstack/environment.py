"""The engine's programs and variables."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from components import provider_version
from hubstack import project, stacks
from hubstack.toolchain import Tools

ENGINE_TOOLS = ("pulumi", "pulumi-resource-kubernetes", "pulumi-resource-random")
LANGUAGE_HOST = "pulumi-language-python"


def engine_environment(found: Tools) -> dict[str, str]:
    """Environment of the engine: its tools first on PATH, its plugins and which of them to ask for, the backend."""
    home = project.state_dir() / "pulumi"
    found.pulumi_home(home)
    return {
        **found.environment(),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_HOME": str(home),
        provider_version.VARIABLE: found.version("pulumi-resource-kubernetes"),
        **stacks.backend_environment(),
    }


def language_host(found: Tools) -> Path | None:
    """The engine's host for programs in Python, which only a plain `pulumi up` needs: on PATH, or beside the engine."""
    beside = found["pulumi"].resolve().parent / LANGUAGE_HOST
    path = shutil.which(LANGUAGE_HOST) or (beside if os.access(beside, os.X_OK) else None)
    return Path(path) if path else None


def let_find_engine(environment: Mapping[str, str]) -> None:
    """Put the engine on this process's own PATH, where the Automation API looks for it; nothing else is set here.

    Every other variable goes to the engine alone: a second stack of this process may have another backend.
    """
    os.environ["PATH"] = environment["PATH"]


def local_backend(environment: Mapping[str, str]) -> Path | None:
    """Folder of the backend that an engine with this environment uses; None where it is not one of files."""
    url = environment.get("PULUMI_BACKEND_URL") or os.environ.get("PULUMI_BACKEND_URL") or ""
    return Path(url.removeprefix("file://")).expanduser() if url.startswith("file://") else None
