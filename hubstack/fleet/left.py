"""Stacks that left the fleet file and are still deployed: nobody updates them, and nobody has destroyed them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from hubstack import project
from hubstack.engine import backend
from hubstack.engine.environment import local_backend
from hubstack.fleet import deployed
from hubstack.fleet.model import JOURNAL
from hubstack.project import stacks

AT_ONCE = 8
"""Backends that are asked side by side."""


@dataclass(frozen=True)
class Left:
    """One such stack."""

    stack: str
    rollout: str
    """The rollout that deployed it last."""
    commit: str | None = None

    def __str__(self) -> str:
        file = f"Pulumi.{self.stack}.yaml"
        first = "" if (project.ROOT / file).is_file() else f"bring its {file} back, then "
        return (
            f"stack {self.stack} has left fleet.yaml and is still deployed, by rollout {self.rollout}: put it back, or "
            f"{first}hubstack destroy --stack {self.stack}"
        )


def find(known: Collection[str], environment: Mapping[str, str]) -> tuple[Left, ...]:
    """The stacks in the backend that a rollout has deployed and that a fleet file does not name.

    Arguments:
        known: names of the fleet's stacks, of which there is at least one.
        environment: variables for the engine.

    Raises:
        HubstackError: the backend does not answer, or a state cannot be read.
    """
    others = [
        name for name in backend.names(environment, stacks.engine_folder(min(known))) if name not in (*known, JOURNAL)
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda name: _left(name, environment), others))
    return tuple(each for each in found if each)


def still(recorded: Collection[Left], environment: Mapping[str, str]) -> tuple[Left, ...]:
    """Those of them that are not destroyed yet, as far as that can be told without the engine."""
    if local_backend({**environment, **stacks.backend_environment()}) is None:
        return tuple(recorded)
    variables = {**environment, **stacks.backend_environment()}
    return tuple(each for each in recorded if _left(each.stack, variables))


def _left(name: str, environment: Mapping[str, str]) -> Left | None:
    """A stack that a rollout deployed last; a destroyed one has no outputs any more."""
    state = deployed.read(name, environment, stacks.engine_folder(name))
    return Left(name, state.rollout, state.commit) if state.digest and state.rollout else None
