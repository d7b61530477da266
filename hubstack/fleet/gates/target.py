"""What a gate looks at."""

from __future__ import annotations

from dataclasses import dataclass

from hubstack.project.stacks import Stack
from hubstack.safe_text import visible


class Shut(Exception):
    """The gate is shut; the text says in one line what was seen, without secrets."""

    def __init__(self, seen: str) -> None:
        super().__init__(visible(seen))  # it may quote what a server sent


@dataclass(frozen=True)
class Target:
    """A stack that was deployed."""

    stack: Stack
    url: str | None
    """The stack's output ``url``."""
    updated: tuple[float, float] | None = None
    """When its update began and ended, in seconds since the epoch."""
    asked_again: bool = False
    """Whether the gate is asked again later, so that it need not know yet."""

    def address(self, wanted: str | None) -> str:
        """URL of the hub, with a slash at its end.

        Arguments:
            wanted: the gate's own URL, in which {stack} is the stack's name; None for the stack's output.

        Raises:
            Shut: there is neither.
        """
        url = wanted.replace("{stack}", self.stack.name) if wanted else self.url
        if not url or "//None" in url:
            raise Shut("the stack has no output url; give the gate a url")
        return f"{url.rstrip('/')}/"
