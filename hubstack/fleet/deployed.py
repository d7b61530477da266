"""What a stack's backend says was deployed last, and whether that was finished."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubstack.engine import backend_files
from hubstack.errors import HubstackError
from hubstack.lifecycle import interruption
from hubstack.project import definition, stacks

OUTPUT = "rollout"
"""Stack output with the digest and the commit of what was deployed; an update by other means than ours lacks it."""

VARIABLE = "HUBSTACK_ROLLOUT_MARK"
"""Environment variable by which the program learns the value of that output, as JSON."""

MESSAGE = "hubstack rollout {rollout}: {digest}"
"""Message of our updates in the backend's history."""


@dataclass(frozen=True)
class Deployed:
    """What the backend knows of a stack."""

    exists: bool = False
    digest: str | None = None
    """Of what was deployed; None where another command than ours did it, or nobody yet."""
    commit: str | None = None
    rollout: str | None = None
    mode: str | None = None
    url: str | None = None
    pending: int = 0
    """Operations that an interrupted update left."""
    finished: bool = False
    """Whether the last operation on the stack was an update of ours to exactly this digest, and succeeded."""
    deployment: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The state, secrets encrypted."""


def read(stack: str, environment: Mapping[str, str], folder: Path) -> Deployed:
    """Ask a stack's backend.

    Files of a local backend are read directly, which costs milliseconds; any other backend is asked by two short
    commands of the engine.

    Arguments:
        stack: name of the stack.
        environment: variables for the engine.
        folder: where the engine is asked, see `stacks.engine_folder`.

    Raises:
        HubstackError: the backend does not answer, or the state cannot be read.
    """
    backend = environment.get("PULUMI_BACKEND_URL", "")
    if backend.startswith("file://"):
        return from_files(stack, definition.name(folder), Path(backend.removeprefix("file://")).expanduser())
    return from_engine(stack, environment, folder)


def from_files(stack: str, project: str, backend: Path) -> Deployed:
    """What the files of a local backend say. Raises HubstackError."""
    state = backend_files.state(backend, project, stack)
    if not state.is_file():
        return Deployed()
    entries = backend_files.history(backend, project, stack)
    return _described((_json(state).get("checkpoint") or {}).get("latest"), _json(entries[-1]) if entries else {})


def from_engine(stack: str, environment: Mapping[str, str], folder: Path) -> Deployed:
    """What the engine says of any backend. Raises HubstackError."""
    exported = _engine(["stack", "export"], stack, environment, folder)
    if exported is None:
        return Deployed()
    history = json.loads(
        _engine(["stack", "history", "--json", "--page-size", "1"], stack, environment, folder) or "[]"
    )
    return _described(json.loads(exported).get("deployment"), history[0] if history else {})


def message(rollout: str, digest: str) -> str:
    """Message of an update."""
    return MESSAGE.format(rollout=rollout, digest=digest)


def _described(deployment: Mapping[str, Any] | None, last: Mapping[str, Any]) -> Deployed:
    deployment = deployment or {}
    outputs = stacks.outputs(deployment)
    mark = outputs.get(OUTPUT)
    mark = mark if isinstance(mark, Mapping) else {}
    digest = mark.get("digest")
    pending = len(deployment.get("pending_operations") or []) + interruption.unrefreshed(deployment)
    ours = bool(digest) and last.get("message") == message(str(mark.get("rollout")), str(digest))
    return Deployed(
        exists=True,
        digest=digest,
        commit=mark.get("commit"),
        rollout=mark.get("rollout"),
        mode=outputs.get("mode"),
        url=outputs.get("url"),
        pending=pending,
        finished=ours and last.get("kind") == "update" and last.get("result") == "succeeded" and not pending,
        deployment=deployment,
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise HubstackError(f"{path}: cannot be read: {error}; `pulumi stack export` says more") from None
    return found if isinstance(found, dict) else {}


def _engine(command: list[str], stack: str, environment: Mapping[str, str], folder: Path) -> str | None:
    """Output of an engine command; None where the backend does not have the stack."""
    done = subprocess.run(
        ["pulumi", *command, "--stack", stack, "--non-interactive"],
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and "no stack named" in done.stderr:
        return None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1].removeprefix("error: ")
        raise HubstackError(f"stack {stack}: the backend cannot be asked: {reason}")
    return done.stdout
