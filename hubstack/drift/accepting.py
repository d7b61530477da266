"""What may differ is written into the stack's file, so that everybody sees it, and a review says it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hubstack.configuration import keyed
from hubstack.drift.difference import is_accepted
from hubstack.drift.examine import accepted_by
from hubstack.drift.report import StackDrift
from hubstack.errors import HubstackError
from hubstack.migration import stack_file
from hubstack.project.stacks import Stack


def accept(stack: Stack, found: StackDrift, wanted: Sequence[str]) -> list[str]:
    """Write into a stack's file what may differ; what that includes already is left out.

    Arguments:
        stack: the stack.
        found: what differs now.
        wanted: objects, or fields of them, as `hubstack drift` names them.

    Returns:
        All that may differ from now on.

    Raises:
        HubstackError: something else does not differ, so that it may be misspelt; nothing was written.
    """
    unknown = [each for each in wanted if not any(is_accepted(one.place, each) for one in found.differences)]
    if unknown:
        places = "\n  ".join(sorted({one.place for one in found.differences})) or "nothing"
        raise HubstackError(
            f"--accept {unknown[0]}: nothing differs there; of stack {stack.name} there differs:\n  {places}\n"
            "Nothing was written."
        )
    kept = [each for each in accepted_by(stack) if not any(is_accepted(each, other) for other in wanted)]
    accepted = [*_without_parts(each for each in dict.fromkeys(wanted) if each not in kept), *kept]
    stack_file.put(stack.root / f"Pulumi.{stack.base}.yaml", keyed({"acceptDrift": accepted}))
    return accepted


def _without_parts(wanted: Iterable[str]) -> list[str]:
    """Places without those that another of them includes."""
    places = list(wanted)
    return [each for each in places if not any(is_accepted(each, other) for other in places if other != each)]
