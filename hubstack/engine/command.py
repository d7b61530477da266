"""Short commands of the engine, which run no program: they make a stack, read or write its state and its settings."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hubstack import deadline
from hubstack.engine.operation import last_error
from hubstack.engine.watch import OutOfTimeError
from hubstack.errors import HubstackError

UNKNOWN_STACK = "no stack named"
"""What the engine says of a stack that is not in the backend."""
_STOP_SECONDS = 10.0
"""How long a command may take to end when it is asked to."""


def export(stack: str, folder: Path, environment: Mapping[str, str], *, show_secrets: bool) -> dict[str, Any]:
    """A stack's state as the engine exports it, below the key ``deployment``.

    Arguments:
        stack: name of the stack.
        folder, environment: as for `run`.
        show_secrets: whether secrets are in the open: keep the state in memory then.

    Raises:
        HubstackError: as for `run`; with `UNKNOWN_STACK` in it where the backend does not have the stack.
    """
    options = ["--show-secrets"] if show_secrets else []
    found: dict[str, Any] = json.loads(run(["stack", "export", "--stack", stack, *options], folder, environment))
    return {**found, "deployment": found.get("deployment") or {}}


def configuration(stack: str, folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Text of each setting of a stack, such as ``hubstack:mode``, with secrets in the open: keep it in memory.

    Arguments and errors as for `export`.
    """
    found = json.loads(run(["config", "--stack", stack, "--show-secrets", "--json"], folder, environment))
    return {key: str(each["value"]) for key, each in found.items()}


def run(arguments: Sequence[str], folder: Path, environment: Mapping[str, str], given: str | None = None) -> str:
    """Run ``pulumi`` and return what it prints.

    Arguments:
        arguments: the command and its options.
        folder: a folder with a Pulumi.yaml, such as a stack's work folder.
        environment: variables for the engine, added to this process's own.
        given: text for its standard input; an argument could be read by everybody on this machine.

    Raises:
        OutOfTimeError: the limit that holds here was reached.
        HubstackError: the command failed, with the reason that the engine gave.
    """
    try:
        process = subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive", "--color=never"],
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C reaches this process alone, which decides what becomes of the engine
        )
    except OSError as error:
        raise HubstackError(f"the engine could not be started: {error}; run the same command again") from None
    with process:
        try:
            printed, complaint = process.communicate(given or "", deadline.left())
        except subprocess.TimeoutExpired:
            _stop(process)
            raise OutOfTimeError(
                f"the time is up, and `pulumi {' '.join(arguments[:2])}` was stopped; does the backend answer?"
            ) from None
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise HubstackError(last_error(complaint or printed))
    return printed


def _stop(process: subprocess.Popen[str]) -> None:
    """Let a command end by itself, if it does so soon."""
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
