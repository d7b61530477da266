"""The engine on one stack as the commands use it: every operation with what makes it safe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console

from hubstack.engine.progress import on_console
from hubstack.engine.stack import EngineStack, OperationError, Report
from hubstack.lifecycle import asking, interruption
from hubstack.lifecycle.asking import Approve
from hubstack.lifecycle.deploy import Order, deploy
from hubstack.project import stacks

UNDER_WAY = "update-under-way"
"""File in a stack's work folder while the engine works; it stays where the update was killed."""


class Updater(EngineStack):
    """The engine on one stack, for a person who looks on."""

    def __init__(
        self, stack: stacks.Stack, environment: Mapping[str, str], console: Console, *, create: bool = True
    ) -> None:
        """Open a stack.

        Arguments:
            stack: the stack and its configuration.
            environment: variables for the engine: tools on PATH, PULUMI_HOME, backend.
            console: where progress goes.
            create: whether a stack that is not in the backend is made there.

        Raises:
            HubstackError: the stack is locked, or, without `create`, not in the backend.
        """
        simulated = ", simulated" if stack.context == stacks.EMBEDDED_CONTEXT and stack.is_embedded else ""
        super().__init__(stack, environment, on_console(console, f"{stack.name}{simulated}"), create=create)
        self._under_way = stack.folder / UNDER_WAY

    def up(self, approve: Approve | None = None, *, take_fields: bool = False) -> Report:
        """Deploy, see `hubstack.lifecycle.deploy`.

        Arguments:
            approve: is asked before anything is changed; None where nobody is to be asked.
            take_fields: whether fields that somebody else has written since are set to what the stack says.

        Raises:
            HubstackError: the program refused the settings, or an object could not be deployed.
        """
        order = Order(approve=approve, was_killed=self._under_way.exists(), take_fields=take_fields)
        return deploy(self, order).report

    def update(
        self, *, exclude: Sequence[str] = (), variables: Mapping[str, str] | None = None, message: str = ""
    ) -> Report:
        """`EngineStack.update`, with a mark on disk while it is under way.

        An engine that is told to stop gives up what it is creating, and its state then knows nothing of an object that
        the API server has made nevertheless. Only the mark tells the next update that the object is the stack's.
        """
        self._under_way.touch()
        try:
            report = super().update(exclude=exclude, variables=variables, message=message)
        except OperationError as error:
            if not error.out_of_time:
                self._under_way.unlink(missing_ok=True)  # it has ended by itself, and its state is whole
            raise
        self._under_way.unlink(missing_ok=True)
        return report

    def destroy(self, *, keep_protected: bool = False) -> Report:
        """Delete everything of the stack, then forget the stack.

        Arguments:
            keep_protected: leave what is protected, in the cluster and in the stack, which then stays, too.
        """
        interruption.settle(self, self.checkpoint())
        report = self.delete(keep_protected=keep_protected)
        if not keep_protected:
            self.forget()
        return report

    def switching(self) -> str | None:
        """What `up` would do in words, where the settings have another mode than the one that is deployed."""
        return asking.switching(self.stack, self.checkpoint())
