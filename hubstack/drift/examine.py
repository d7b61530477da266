"""A look at stacks as their backends and clusters have them; nothing is written to either."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hubstack import reading, secret_settings, unread
from hubstack.configuration import named
from hubstack.deadline import within
from hubstack.drift.difference import Difference, is_accepted
from hubstack.drift.hiding import Hiding
from hubstack.drift.live import Cluster, Live, Unreadable
from hubstack.drift.look import helm_records, look, require_deployed
from hubstack.drift.report import Outcome, StackDrift
from hubstack.engine import backend, command
from hubstack.engine.state import State
from hubstack.errors import HubstackError, mistake
from hubstack.migration import access
from hubstack.project import stacks
from hubstack.project.stacks import Stack

AT_ONCE = 6
"""Stacks that are looked at side by side."""
_CONNECT_SECONDS = 15
"""How long it may take until a cluster accepts a connection; a program that fetches credentials may wait for ever."""


def several(chosen: Iterable[Stack], environment: Mapping[str, str]) -> list[StackDrift]:
    """Look at some stacks side by side; one that cannot be looked at does not keep the others from it.

    Arguments:
        chosen: the stacks.
        environment: variables for the engine: tools on PATH, backend, passphrase.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda each: one(each, environment), chosen))


def one(stack: Stack, environment: Mapping[str, str]) -> StackDrift:
    """Look at one stack; whatever goes wrong is said as its state."""
    started = time.monotonic()

    def ended(state: Outcome, reason: str = "") -> StackDrift:
        seconds = time.monotonic() - started
        return StackDrift(stack.name, state, reason, stack.context, stack.namespace, stack.mode, seconds=seconds)

    try:
        known = backend.read(stack.name, environment, stacks.engine_folder(stack.name))
        if known is None or not known.state.knows_the_cluster:
            return ended("not deployed")
        require_deployed(known.state, stack.name)
        try:
            cluster = connect(stack)
        except HubstackError as error:
            return ended("unreachable", str(error))
        found = found_in(stack, known.state, cluster, of_backend(stack, environment))
        return replace(found, seconds=time.monotonic() - started)
    except Unreadable as error:
        return ended("unreachable", str(error))
    except HubstackError as error:
        return ended("failed", str(error))
    except Exception as error:  # one stack's oddities must not hide the others
        explained = access.explained(error)
        return ended("unreachable", explained) if explained else ended("failed", f"cannot be read: {mistake(error)}")


def connect(stack: Stack) -> Cluster:
    """The cluster of a stack, to be looked at.

    Raises:
        HubstackError: it cannot be reached.
    """
    try:
        return within(_CONNECT_SECONDS, lambda: Cluster(access.of(stack, changes_nothing=True)))
    except TimeoutError as error:
        raise HubstackError(f"hubstack:kubeContext: {stack.context!r}: {error}") from None


@dataclass(frozen=True)
class Unlock:
    """What decrypts a stack; it is asked only where it is needed, because it takes the engine a second."""

    state: Callable[[], State]
    """Gives the state with its secrets in the open."""
    entries: Callable[[], Mapping[str, str]]
    """Gives the text of each setting, secrets in the open, by its name."""


def of_backend(stack: Stack, environment: Mapping[str, str]) -> Unlock:
    """What decrypts a stack, by short commands of the engine in a folder that is thrown away.

    Arguments:
        stack: the stack.
        environment: variables for the engine.
    """

    def in_folder(ask: Callable[[Path], Any]) -> Any:
        with tempfile.TemporaryDirectory(prefix="hubstack-drift-") as name:
            stacks.write_work_folder(stack, Path(name))
            return ask(Path(name))

    def state(folder: Path) -> State:
        return State.read(command.export(stack.name, folder, environment, show_secrets=True)["deployment"])

    def entries(folder: Path) -> Mapping[str, str]:
        return named(command.configuration(stack.name, folder, environment))

    return Unlock(lambda: in_folder(state), lambda: in_folder(entries))


def found_in(stack: Stack, state: State, live: Live, unlock: Unlock) -> StackDrift:
    """Compare a stack's state with its cluster.

    Raises:
        Unreadable: the cluster does not let itself be read.
        HubstackError: the state or Helm's record cannot be read.
    """
    seen = look(state, live, helm_records(live), unlock.state)
    left = not_accepted(stack, seen.differences)
    hiding = Hiding(secrets_of(stack, unlock)) if left else None
    return StackDrift(
        stack.name,
        "drifted" if left else "clean",
        context=stack.context,
        namespace=stack.namespace,
        mode=stack.mode,
        differences=left,
        shown=[hiding.shown(each) for each in left] if hiding else (),
        accepted=len(seen.differences) - len(left),
        seen=seen,
    )


def not_accepted(stack: Stack, differences: Iterable[Difference]) -> list[Difference]:
    """The differences that may not be."""
    accepted = accepted_by(stack)
    return [each for each in differences if not any(is_accepted(each.place, one) for one in accepted)]


def accepted_by(stack: Stack) -> Sequence[str]:
    """What may differ, by the stack's settings."""
    found = stack.settings.get("acceptDrift") or []
    found = reading.from_json(found, "") if isinstance(found, str) else found
    return [str(each) for each in found]


def secrets_of(stack: Stack, unlock: Unlock) -> list[Any] | None:
    """The secrets in a stack's settings; None where they cannot be decrypted."""
    entries: dict[str, Any] = stacks.entries(stack.settings)
    if any(True for _ in unread.places(entries)):
        try:
            entries |= unlock.entries()
        except HubstackError:
            return None
    found: list[Any] = []
    for name, value in entries.items():
        tree = _decoded(value) if isinstance(value, str) else value
        if name in ("secretValues", "adoptedTokens"):
            found += [leaf for _, _, leaf in secret_settings.leaves(tree)]
        else:
            found += secret_settings.secrets_in(tree)
    return found


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
