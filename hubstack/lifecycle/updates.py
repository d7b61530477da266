"""Updates of one stack: progress for people, one clear error, recovery after an interruption."""

from __future__ import annotations

import contextlib
import re
import subprocess
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulumi import automation
from pulumi.automation.errors import CommandError
from rich.console import Console
from rich.markup import escape

from hubstack.components import existing, provider_version
from hubstack.engine import operation, provider
from hubstack.engine.environment import let_find_engine, local_backend
from hubstack.engine.events import EventLog
from hubstack.engine.servers import ForkServers
from hubstack.errors import HubstackError
from hubstack.lifecycle import guards, interruption, lost_state
from hubstack.migration import helm_storage, ownership, switch, take_over
from hubstack.project import stacks
from hubstack.settings import PROJECT


@dataclass
class Report:
    """What an update did."""

    changes: dict[str, int] = field(default_factory=dict)
    """Number of resources for each operation of the engine, ``same`` included."""
    outputs: dict[str, Any] = field(default_factory=dict)
    """Stack outputs without the secret ones."""
    seconds: float = 0.0
    steps: list[tuple[str, str]] = field(default_factory=list)
    """Operation and ``Type name`` of every resource that does not stay as it is."""
    warnings: list[str] = field(default_factory=list)
    """What the program finds doubtful in the settings."""

    @property
    def changed(self) -> int:
        """Number of resources that were created, updated, replaced or deleted."""
        return sum(count for operation, count in self.changes.items() if operation not in ("same", "read", "refresh"))


class Updater:
    """Runs the engine on one stack from its work folder."""

    def __init__(
        self, stack: stacks.Stack, environment: Mapping[str, str], console: Console, *, create: bool = True
    ) -> None:
        """Prepare the stack's work folder and create the stack in the backend where it is new.

        Arguments:
            stack: the stack and its configuration.
            environment: variables for the engine: tools on PATH, PULUMI_HOME, backend.
            console: where progress goes.
            create: whether a stack that is not in the backend is made there.

        Raises:
            HubstackError: the stack is locked, or, without `create`, not in the backend.
        """
        stacks.write_work_folder(stack)
        self._stack = stack
        self._console = console
        let_find_engine(environment)
        self._environment = {**environment, interruption.RUNNER: interruption.runner()}
        self._servers = ForkServers(self._environment)
        weakref.finalize(self, self._servers.close)
        # Two runs at a time must not fight over the selected stack; each call names its stack.
        try:
            workspace = automation.LocalWorkspace(work_dir=str(stack.folder), env_vars=dict(environment))
        except subprocess.CalledProcessError as error:
            raise HubstackError(f"the engine could not be started: {error}; run the same command again") from None
        if backend := local_backend(environment):
            interruption.settle_lock(backend, stack, console)
        with self._bookkeeping():
            find = automation.Stack.create_or_select if create else automation.Stack.select
            self._handle = find(stack.name, workspace)

    def up(self) -> Report:
        """Deploy; continues where an interrupted update stopped, and takes over what `adopt` has described.

        Raises:
            HubstackError: the program refused the settings, or an object could not be deployed.
        """
        state = self.state()
        guards.refuse_data_loss(self._stack, state)
        lost_state.refuse(self._stack, state)
        self._settle_mode(state)
        with self._recovery() as interrupted:
            if self._stack.config.get("hubstack:takeOver"):
                return take_over.up(self, self._stack, self._console)
            ownership.hand_over(self._stack, self.state() if interrupted else state)
            report = self.deploy()
            if interrupted:
                ownership.hand_over(self._stack, self.state())
            return report

    def deploy(self, *, exclude: Sequence[str] = ()) -> Report:
        """One update by the engine and nothing around it.

        Arguments:
            exclude: URNs of resources that are left alone, with all that depend on them.
        """
        excluded = [word for urn in exclude for word in ("--exclude", urn)]
        return self._run("up", [*excluded, "--exclude-dependents"] if excluded else [])

    def state(self) -> dict[str, Any]:
        """The deployment as the backend has it, secrets encrypted or in plain text: keep it in memory."""
        with self._bookkeeping():
            return dict(self._handle.export_stack().deployment or {})

    def edit_state(self, change: Callable[[dict[str, Any]], bool]) -> None:
        """Change the stack's state where `change`, given the deployment, says that it has changed it."""
        with self._bookkeeping():
            state = self._handle.export_stack()
            deployment = dict(state.deployment or {})
            if change(deployment):
                self._handle.import_stack(automation.Deployment(version=state.version, deployment=deployment))

    def refresh(self) -> Report:
        """Make the state say what is in the cluster; changes nothing there."""
        self._adapt_provider()
        return self._run("refresh")

    def destroy(self, *, keep_protected: bool = False) -> Report:
        """Delete everything of the stack, then forget the stack.

        Arguments:
            keep_protected: leave what is protected, in the cluster and in the stack, which then stays, too.
        """
        with self._recovery():
            self._adapt_provider()
            report = self._run("destroy", ["--exclude-protected"] if keep_protected else [])
        if not keep_protected:
            self.forget()
        return report

    def forget(self) -> None:
        """Remove the stack, which has no resources any more, from the backend."""
        with self._bookkeeping():
            self._handle.workspace.remove_stack(self._stack.name)

    def preview(self, *, refresh: bool = False) -> Report:
        """Tell what `up` would do, without doing it.

        Arguments:
            refresh: look at the cluster first, so that what somebody changed there shows too.
        """
        adopted = bool(self._stack.config.get("hubstack:takeOver"))
        # An adopted stack takes over what is there, as `up` does. With a look at the cluster, what somebody else
        # changed is to show as a change and not as a conflict; nothing is written here anyway.
        variables = interruption.TAKE_OVER if adopted else interruption.FORCE if refresh else {}
        # The program says which provider and which credentials to look with; those of the last update may be gone.
        options = ["--refresh", "--run-program"] if refresh else []
        with self._environment_with(variables):
            return self._run("preview", options)

    def switching(self) -> str | None:
        """What `up` would do in words, where the settings have another mode than the one that is deployed."""
        deployed = self._other_mode(self.state())
        if not deployed:
            return None
        return (
            f"a switch from mode {deployed} to mode {self._stack.mode}: `hubstack up` takes the objects over in place, "
            "and refuses where one would be deleted or replaced. The engine's own preview does not know that, and "
            "would show every object deleted and created."
        )

    def entries(self) -> dict[str, str]:
        """Text of each setting as the program gets it, secrets in the open: keep it in memory."""
        with self._bookkeeping():
            config = self._handle.get_all_config()
        prefix = f"{PROJECT}:"
        return {key.removeprefix(prefix): each.value for key, each in config.items() if key.startswith(prefix)}

    def outputs(self) -> dict[str, Any]:
        """Stack outputs of the last update, without the secret ones."""
        return _plain(stacks.outputs(self.state()))

    def _other_mode(self, state: Mapping[str, Any]) -> str | None:
        """The mode of the last update that ended well, where the settings have another one now."""
        deployed = stacks.outputs(state).get("mode")
        return deployed if deployed != self._stack.mode else None

    def _settle_mode(self, state: Mapping[str, Any]) -> None:
        """Both modes make the same objects: without care, a switch would delete what it creates again."""
        deployed = self._other_mode(state)
        if not deployed:
            return
        if self._stack.name != self._stack.base:
            raise HubstackError(
                f"hubstack:mode: {self._stack.mode!r}: stack {self._stack.name} is deployed in mode {deployed!r}, and "
                "has no file of its own that could say what is taken over; write one, or keep the mode. Nothing was "
                "changed."
            )
        if self._stack.mode == "helm":
            switch.to_helm(self, self._stack, self._console)
        else:
            switch.to_native(self, self._stack, self._console)

    def taking_over(self) -> contextlib.AbstractContextManager[None]:
        """Let operations take over objects that exist already."""
        return self._environment_with(interruption.TAKE_OVER)

    @contextlib.contextmanager
    def _environment_with(self, variables: Mapping[str, str]) -> Iterator[None]:
        before = self._environment
        self._environment = {**before, **variables}
        try:
            yield
        finally:
            self._environment = before

    def _run(self, verb: operation.Verb, options: Sequence[str] = ()) -> Report:
        started = time.monotonic()
        server = self._servers.of(self._stack.root)
        with tempfile.TemporaryDirectory(prefix="hubstack-") as folder:
            log = Path(folder) / "log"
            events = EventLog(Path(folder) / "events.json", self._say, self._say_done, self._warn)
            try:
                ended = operation.run(verb, self._stack, server, self._environment, events, log, options)
            except KeyboardInterrupt:
                self._console.print("stopping: what is under way is finished or cancelled first")
                server.close()
                raise
            if ended.code:
                raise HubstackError(self._explained(operation.failure(ended, events, log)))
        outputs = {} if verb == "preview" else self.outputs()
        return Report(events.changes, outputs, time.monotonic() - started, events.steps, events.warnings)

    def _say(self, doing: str, name: str) -> None:
        self._console.print(f"  {doing} {name}", highlight=False)

    def _say_done(self, done: str, name: str) -> None:
        self._console.print(f"  [green]{done}[/green] {name}", highlight=False)

    def _warn(self, message: str) -> None:
        self._console.print(f"[yellow]warning[/yellow]: {escape(message)}", highlight=False)

    @contextlib.contextmanager
    def _bookkeeping(self) -> Iterator[None]:
        """Turn the failure of a command that runs no program into one error that holds what went wrong."""
        try:
            yield
        except CommandError as error:
            raise HubstackError(operation.last_error(str(error))) from None

    def _explained(self, failure: str) -> str:
        found = sorted({match[1] or "a Helm release" for match in _EXISTS.finditer(failure)})
        return self._not_ours(found) if found else failure

    def _not_ours(self, found: Sequence[str]) -> str:
        """What to do about objects that are in the cluster and not in the state."""
        return f"{', '.join(found)}{existing.ADVICE.format(stack=self._stack.name)}"

    def _adapt_provider(self) -> None:
        """Let the state name the provider that this machine has, before the engine takes it from there."""

        def change(deployment: dict[str, Any]) -> bool:
            before = provider.adapt(deployment, self._environment)
            if before:
                now = self._environment[provider_version.VARIABLE]
                self._console.print(f"the stack goes from Kubernetes provider {before} to {now}, which is here")
            return before is not None

        self.edit_state(change)

    def _forget_uninstalled(self, deployment: dict[str, Any]) -> bool:
        """Take a release out of the state that Helm has no record of: the provider could only fail to find it.

        A destroy that was killed leaves it so.
        """
        kind = interruption.RELEASE_TYPE
        inputs = next((each["inputs"] for each in deployment.get("resources") or [] if each["type"] == kind), None)
        if not inputs:
            return False
        if helm_storage.records(take_over.client(self._stack), inputs["namespace"], inputs["name"]):
            return False
        self._console.print(f"Helm has no release {inputs['name']} any more; the stack forgets it")
        return take_over.forget_release(deployment)

    @contextlib.contextmanager
    def _recovery(self) -> Iterator[bool]:
        """Settle what an interrupted update had under way, and let this one take over what that one created.

        Gives whether there was such an update.
        """
        with self._bookkeeping():
            state = self._handle.export_stack()
        deployment = dict(state.deployment or {})
        interrupted = interruption.resolve_pending(deployment, self._stack)
        if interrupted:
            self._console.print(f"continuing after an interrupted update ({interrupted} operations were under way)")
        if self._forget_uninstalled(deployment) or interrupted:
            with self._bookkeeping():
                self._handle.import_stack(automation.Deployment(version=state.version, deployment=deployment))
        if interrupted:
            self.refresh()
        with self.taking_over() if interrupted else contextlib.nullcontext():
            yield bool(interrupted)


_EXISTS = re.compile(
    r'((?:Helm )?\S+ "[^"]+")(?:: in the cluster already| already exists)|cannot re-use a name that is still in use'
)
"""Refusals to create what is there (the program; Kubernetes: reason AlreadyExists; Helm: install of a known name)."""


def _plain(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs without the secret ones."""
    return {key: value for key, value in outputs.items() if not (isinstance(value, Mapping) and stacks.SECRET in value)}
