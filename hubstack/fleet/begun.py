"""Who has begun to update a stack: a tag beside its state, written before the update begins, for every machine to see.

The engine writes into its history how an update ended, and nothing of one that was killed. So an update that was begun
after the last one that ended was killed, or is still under way.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hubstack.engine import tags

TAG = "hubstack:update"


@dataclass(frozen=True)
class Begun:
    """The last update of a stack that a rollout has begun."""

    rollout: str
    runner: str
    """Which process: see `lease`."""
    time: float
    after_kill: bool = False
    """Whether an update was killed before, and none has succeeded since."""

    def was_killed(self, ended: float, *, succeeded: bool) -> bool:
        """Whether it has not come to an end, or one before it has not and none has succeeded since.

        Arguments:
            ended: when the last operation that the backend's history knows of has ended; 0 where there is none.
            succeeded: whether that has succeeded.
        """
        return self.time > ended or (self.after_kill and not succeeded)


def read(stack: str, environment: Mapping[str, str], folder: Path) -> Begun | None:
    """Ask a stack's backend; None where no rollout has begun one, or it was refused before the engine began.

    Arguments and errors as for `tags.read`.
    """
    words = tags.read(stack, environment, folder).get(TAG, "").split()
    try:
        return Begun(words[0], words[1], float(words[2]), "killed" in words[3:])
    except (IndexError, ValueError):
        return None


def write(begun: Begun, stack: str, environment: Mapping[str, str], folder: Path) -> None:
    """Record that an update begins. Arguments and errors as for `tags.write`."""
    killed = " killed" if begun.after_kill else ""
    tags.write(stack, TAG, f"{begun.rollout} {begun.runner} {begun.time:.3f}{killed}", environment, folder)


def forget(before: Begun | None, stack: str, environment: Mapping[str, str], folder: Path) -> None:
    """Record that the update did not begin after all, so that what was before it counts."""
    if before:
        write(before, stack, environment, folder)
    else:
        tags.write(stack, TAG, "none", environment, folder)


def now(rollout: str, runner: str, *, after_kill: bool) -> Begun:
    """An update that begins at this moment."""
    return Begun(rollout, runner, time.time(), after_kill)
