"""What an update will change, shown to whoever asked for it before anything is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hubstack.engine.stack import EngineStack, Report
from hubstack.engine.state import State
from hubstack.errors import HubstackError
from hubstack.migration import switch
from hubstack.project.stacks import Stack

Approve = Callable[[Report | str], bool]
"""Is given the engine's preview, or a sentence where the engine's would be misleading; says whether to go on."""


class DeclinedError(HubstackError):
    """Somebody was asked, and said no."""


@dataclass(frozen=True)
class Asked:
    """What somebody was shown."""

    report: Report
    is_complete: bool
    """Whether nothing at all is to be done: no object, no output of the stack, nothing that an earlier update left."""


def ask(engine: EngineStack, state: State, approve: Approve, *, variables: Mapping[str, str]) -> Asked:
    """Show what will change, and ask whether to go on; nobody is asked where nothing will.

    Arguments:
        engine: the engine on the stack.
        state: its state, secrets encrypted.
        approve: is asked.
        variables: further variables for the engine, as the update will have them.

    Raises:
        DeclinedError: the answer is no.
    """
    if text := switching(engine.stack, state):
        if not approve(text):
            raise _declined(engine.stack)
        return Asked(Report(), is_complete=False)
    report = engine.preview(variables=variables)
    if report.changed == 0:
        report.outputs = engine.outputs()
        return Asked(report, is_complete=not report.outputs_differ and not state.unfinished)
    if not approve(report):
        raise _declined(engine.stack)
    return Asked(report, is_complete=False)


def switching(stack: Stack, state: State) -> str | None:
    """What an update does in words, where the settings have another mode than the one that is deployed.

    Arguments:
        stack: the stack and its settings.
        state: its state.
    """
    deployed = switch.deployed_mode(stack, state)
    if not deployed:
        return None
    return (
        f"a switch from mode {deployed} to mode {stack.mode}: `hubstack up` takes the objects over in place, "
        "and refuses where one would be deleted or replaced. The engine's own preview does not know that, and "
        "would show every object deleted and created."
    )


def _declined(stack: Stack) -> DeclinedError:
    return DeclinedError(f"stack {stack.name}: not confirmed. Nothing was changed.")
