"""The engine's programs and variables."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from weakref import WeakSet

from rich.console import Console
from rich.text import Text

from hubstack import project, toolchain
from hubstack.components import provider_version
from hubstack.errors import HubstackError
from hubstack.project import stacks
from hubstack.stand_in import STANDS_IN_FOR, launcher
from hubstack.toolchain import Program, Tools

RANDOM = "pulumi-resource-random"
ENGINE_TOOLS = ("pulumi", "pulumi-resource-kubernetes", RANDOM)
LANGUAGE_HOST = "pulumi-language-python"
_informed: WeakSet[Console] = WeakSet()
"""Who knows of the stand-in; a command that needs the programs twice says it once."""


def engine_tools(console: Console, *, embedded: bool, others: Sequence[str] = ()) -> Tools:
    """The engine's programs; on the embedded cluster with a stand-in for the plugin random where that cannot be had.

    Arguments:
        console: shows downloads, and one line about the stand-in.
        embedded: whether the engine is to work on an embedded cluster and on nothing else.
        others: further programs that are needed.

    Raises:
        HubstackError: some cannot be had; names all of them, and how to install them.
    """
    try:
        found = toolchain.ensure((*ENGINE_TOOLS, *others), optional=[RANDOM] if embedded else [], progress=console)
    except toolchain.ToolchainError as error:
        text = str(error)
        if RANDOM in error.missing:
            text += f"\nOn the embedded cluster, and only there, a stand-in takes the place of {RANDOM}."
        raise HubstackError(text) from None
    return _with_stand_in(found, console) if RANDOM in found.absent else found


def _with_stand_in(found: Tools, console: Console) -> Tools:
    """The same programs, and the stand-in for the plugin random that they lack."""
    if console not in _informed:
        _informed.add(console)
        reason = found.absent[RANDOM]
        text = f"{RANDOM} cannot be had ({reason}): a stand-in takes its place, on the embedded cluster only"
        console.print(Text(text), soft_wrap=True)
    file = launcher.executable(project.private_folder(project.state_dir() / "stand-in") / RANDOM)
    return found.plus(RANDOM, Program(file, STANDS_IN_FOR))


def engine_environment(found: Tools) -> dict[str, str]:
    """Environment of the engine: its tools first on PATH, its plugins and which of them to ask for, the backend.

    A stand-in lies in a ``PULUMI_HOME`` of its own, where no engine finds it that is not meant to.
    """
    home = project.private_folder(project.state_dir() / ("pulumi-stand-in" if found.stand_ins else "pulumi"))
    found.pulumi_home(home)
    return {
        **found.environment(),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_HOME": str(home),
        provider_version.VARIABLE: found.version("pulumi-resource-kubernetes"),
        **stacks.backend_environment(),
    }


def language_host(found: Tools, name: str = LANGUAGE_HOST) -> Path | None:
    """One of the engine's language hosts, which only a plain `pulumi up` needs: on PATH, or beside the engine.

    Arguments:
        found: the engine.
        name: the host's file name; by default the one for programs in Python.
    """
    beside = found["pulumi"].resolve().parent / name
    path = shutil.which(name) or (beside if os.access(beside, os.X_OK) else None)
    return Path(path) if path else None


def local_backend(environment: Mapping[str, str]) -> Path | None:
    """Folder of the backend that an engine with this environment uses; None where it is not one of files."""
    url = environment.get("PULUMI_BACKEND_URL") or os.environ.get("PULUMI_BACKEND_URL") or ""
    return Path(os.path.expanduser(url.removeprefix("file://"))) if url.startswith("file://") else None
