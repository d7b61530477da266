"""What a stack's backend says was deployed last, and whether that was finished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from hubstack.engine import backend, tags

OUTPUT = "rollout"
"""Stack output with the digest and the commit of what was deployed; an update by other means than ours lacks it."""

VARIABLE = "HUBSTACK_ROLLOUT_MARK"
"""Environment variable by which the program learns the value of that output, as JSON."""

OPENED = "hubstack:opened"
"""Stack tag that names what was deployed when the gates of the stack had opened, and its wave had baked."""

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
    ended: float = 0.0
    """When the last operation on the stack ended that the backend's history has, seconds since the epoch."""
    succeeded: bool = False
    """Whether that operation has succeeded, whoever began it."""
    owes: tuple[str, ...] = ()
    """What has not been seen to hold since: ``gates``, ``bake``."""

    @property
    def identity(self) -> str:
        """What was deployed, by which rollout: the same digest deployed again has to show anew that it works."""
        return f"{self.digest} {self.rollout}"


def read(stack: str, environment: Mapping[str, str], folder: Path) -> Deployed:
    """Ask a stack's backend; its tags, too, where something was owed.

    Arguments:
        stack: name of the stack.
        environment: variables for the engine.
        folder: where the engine is asked, see `stacks.engine_folder`.

    Raises:
        HubstackError: the backend does not answer, or the state cannot be read.
    """
    found = backend.read(stack, environment, folder)
    known = of(found) if found else Deployed()
    if known.owes and tags.read(stack, environment, folder).get(OPENED) == known.identity:
        return replace(known, owes=())
    return known


def opened(stack: str, environment: Mapping[str, str], folder: Path) -> None:
    """Record in a stack's backend that nothing is owed any more for what is deployed. Arguments as for `read`.

    Raises:
        HubstackError: the backend does not answer, or cannot be written.
    """
    known = read(stack, environment, folder)
    if known.owes:
        tags.write(stack, OPENED, known.identity, environment, folder)


def of(checkpoint: backend.Checkpoint) -> Deployed:
    """What a stack's last state and last operation say; what was paid since is not in them."""
    outputs = checkpoint.state.outputs
    mark = outputs.get(OUTPUT)
    mark = mark if isinstance(mark, Mapping) else {}
    digest, last = mark.get("digest"), checkpoint.last
    pending = checkpoint.state.unfinished
    ours = bool(digest) and last.get("message") == message(str(mark.get("rollout")), str(digest))
    # After a take-over, a refresh with the update's own message ends the deployment.
    succeeded = last.get("kind") in ("update", "refresh") and last.get("result") == "succeeded"
    return Deployed(
        exists=True,
        digest=digest,
        commit=mark.get("commit"),
        rollout=mark.get("rollout"),
        mode=outputs.get("mode"),
        url=outputs.get("url"),
        pending=pending,
        finished=ours and succeeded and not pending,
        succeeded=last.get("result") == "succeeded",
        ended=_seconds(last.get("endTime")),
        owes=tuple(mark.get("owes") or ()),
    )


def _seconds(moment: Any) -> float:
    """A moment of the history: seconds in a local backend's files, a date from the engine's command."""
    if isinstance(moment, int | float):
        return float(moment)
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except ValueError:
        return 0.0


def message(rollout: str, digest: str) -> str:
    """Message of an update."""
    return MESSAGE.format(rollout=rollout, digest=digest)
