"""The engine on one stack as the commands use it: every operation with what makes it safe."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console

from hubstack.engine.notices import on_console
from hubstack.engine.stack import EngineStack, Report
from hubstack.lifecycle import interruption
from hubstack.lifecycle.deploy import deploy
from hubstack.migration import switch
from hubstack.project import stacks


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
        super().__init__(stack, environment, on_console(console), create=create)

    def up(self) -> Report:
        """Deploy, see `hubstack.lifecycle.deploy`.

        Raises:
            HubstackError: the program refused the settings, or an object could not be deployed.
        """
        return deploy(self).report

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
        deployed = switch.deployed_mode(self.stack, self.checkpoint())
        if not deployed:
            return None
        return (
            f"a switch from mode {deployed} to mode {self.stack.mode}: `hubstack up` takes the objects over in place, "
            "and refuses where one would be deleted or replaced. The engine's own preview does not know that, and "
            "would show every object deleted and created."
        )
