"""Updates of a stack through the Automation API: progress for people, one clear error, recovery after an
interruption.
"""

from __future__ import annotations

import contextlib
import functools
import re
import subprocess
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pulumi import automation
from pulumi.automation.errors import CommandError
from pulumi.automation.events import DiagnosticEvent, EngineEvent, OpType
from rich.console import Console
from rich.markup import escape

from hubstack import guards, interruption, stacks
from hubstack.adoption import helm_storage, ownership, switch, take_over
from hubstack.environment import let_find_engine, local_backend
from hubstack.errors import HubstackError
from settings import PROJECT

_DOING = {OpType.CREATE: "creating", OpType.UPDATE: "updating", OpType.DELETE: "deleting", OpType.REPLACE: "replacing"}
_DONE = {OpType.CREATE: "created", OpType.UPDATE: "updated", OpType.DELETE: "deleted", OpType.REPLACE: "replaced"}


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
        self._messages: list[str] = []
        let_find_engine(environment)
        interruption.mark_runner()
        # Two runs at a time must not fight over the selected stack; each call names its stack.
        try:
            workspace = automation.LocalWorkspace(work_dir=str(stack.folder), env_vars=dict(environment))
        except subprocess.CalledProcessError as error:
            raise HubstackError(f"the engine could not be started: {error}; run the same command again") from None
        if backend := local_backend(environment):
            interruption.settle_lock(backend, stack.name, console)
        with self._explained():
            find = automation.Stack.create_or_select if create else automation.Stack.select
            self._handle = find(stack.name, workspace)

    def up(self) -> Report:
        """Deploy; continues where an interrupted update stopped, and takes over what `adopt` has described.

        Raises:
            HubstackError: the program refused the settings, or an object could not be deployed.
        """
        state = self.state()
        guards.refuse_data_loss(self._stack, state)
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
        return self._run(functools.partial(self._handle.up, exclude=list(exclude) or None, exclude_dependents=True))

    def state(self) -> dict[str, Any]:
        """The deployment as the backend has it, secrets encrypted or in plain text: keep it in memory."""
        with self._explained():
            return dict(self._handle.export_stack().deployment or {})

    def edit_state(self, change: Callable[[dict[str, Any]], bool]) -> None:
        """Change the stack's state where `change`, given the deployment, says that it has changed it."""
        with self._explained():
            state = self._handle.export_stack()
            deployment = dict(state.deployment or {})
            if change(deployment):
                self._handle.import_stack(automation.Deployment(version=state.version, deployment=deployment))

    def refresh(self) -> Report:
        """Make the state say what is in the cluster; changes nothing there."""
        return self._run(self._handle.refresh)

    def destroy(self, *, keep_protected: bool = False) -> Report:
        """Delete everything of the stack, then forget the stack.

        Arguments:
            keep_protected: leave what is protected, in the cluster and in the stack, which then stays, too.
        """
        with self._recovery():
            report = self._run(functools.partial(self._handle.destroy, exclude_protected=keep_protected or None))
        if not keep_protected:
            self.forget()
        return report

    def forget(self) -> None:
        """Remove the stack, which has no resources any more, from the backend."""
        with self._explained():
            self._handle.workspace.remove_stack(self._stack.name)

    def preview(self, *, refresh: bool = False) -> Report:
        """Tell what `up` would do, without doing it.

        Arguments:
            refresh: look at the cluster first, so that what somebody changed there shows too.
        """
        return self._run(functools.partial(self._handle.preview, refresh=refresh))

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
        with self._explained():
            config = self._handle.get_all_config()
        prefix = f"{PROJECT}:"
        return {key.removeprefix(prefix): each.value for key, each in config.items() if key.startswith(prefix)}

    def outputs(self) -> dict[str, Any]:
        """Stack outputs of the last update, without the secret ones."""
        with self._explained():
            return _plain(self._handle.outputs())

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

    def _run(self, operation: Callable[..., Any]) -> Report:
        report = Report()
        self._messages = []
        started = time.monotonic()
        with self._explained():
            try:
                # An interruption closes the event stream in the middle of a line, which the API warns about.
                warnings.filterwarnings("ignore", message="Error in event stream")
                threading.excepthook = _ignore_closed_stream
                result = operation(on_event=lambda event: self._observe(event, report), color="never")
            except KeyboardInterrupt:
                self._console.print("stopping: what is under way is finished or cancelled first")
                interruption.interrupt_engines()
                raise
        report.seconds = time.monotonic() - started
        report.outputs = _plain(getattr(result, "outputs", None) or {})
        return report

    def _observe(self, event: EngineEvent, report: Report) -> None:
        if (pre := event.resource_pre_event) and pre.metadata.op in _DOING and not pre.planning:
            self._say(_DOING[pre.metadata.op], pre.metadata.urn)
        if pre and pre.metadata.op in _DOING:
            report.steps.append((str(pre.metadata.op.value), _resource(pre.metadata.urn)))
        if (done := event.res_outputs_event) and done.metadata.op in _DONE and not done.planning:
            self._say(f"[green]{_DONE[done.metadata.op]}[/green]", done.metadata.urn)
        if diagnostic := event.diagnostic_event:
            message = re.sub(r"<\{%.*?%\}>", "", diagnostic.message).strip()
            if diagnostic.severity == "error":
                if message and not any(noise in message for noise in _NOISE) and message not in self._messages:
                    self._messages.append(message)
            # An update runs the program twice, for its preview too.
            elif _is_doubt(diagnostic) and message not in report.warnings:
                report.warnings.append(message)
                self._console.print(f"[yellow]warning[/yellow]: {escape(message)}", highlight=False)
        if summary := event.summary_event:
            report.changes = {str(getattr(key, "value", key)): n for key, n in summary.resource_changes.items()}

    def _say(self, doing: str, urn: str) -> None:
        self._console.print(f"  {doing} {_resource(urn)}", highlight=False)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the engine's failure into one error that holds what went wrong and nothing else."""
        try:
            yield
        except CommandError as error:
            messages = self._messages or [_last_error(str(error))]
            if found := sorted({match[1] or "a Helm release" for text in messages for match in _EXISTS.finditer(text)}):
                raise HubstackError(self._not_ours(found)) from None
            raise HubstackError("\n".join(messages)) from None

    def _not_ours(self, found: Sequence[str]) -> str:
        """What to do about objects that are in the cluster and not in the state."""
        name = self._stack.name
        return (
            f"{', '.join(found)} is in the cluster already, and the state of stack {name} does not know it. If the "
            f"state was lost: hubstack recover --stack {name}. If Helm deployed this hub: hubstack adopt, with a stack "
            "name of its own. If it is none of ours: choose another hubstack:namespace. Nothing that was there changed."
        )

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
        with self._explained():
            state = self._handle.export_stack()
        deployment = dict(state.deployment or {})
        interrupted = interruption.resolve_pending(deployment, self._stack)
        if interrupted:
            self._console.print(f"continuing after an interrupted update ({interrupted} operations were under way)")
        if self._forget_uninstalled(deployment) or interrupted:
            with self._explained():
                self._handle.import_stack(automation.Deployment(version=state.version, deployment=deployment))
        if interrupted:
            self._run(self._handle.refresh)
        with interruption.taking_over() if interrupted else contextlib.nullcontext():
            yield bool(interrupted)


_EXISTS = re.compile(r'(\S+ "[^"]+") already exists|cannot re-use a name that is still in use')
"""Refusals to create what is there (Kubernetes: reason AlreadyExists; Helm: install of a known name)."""
_NOISE = ("an unhandled error occurred", "update failed", "preview failed", "resource monitor shut down")
"""The engine's own echoes of an error that it has reported already."""


def _resource(urn: str) -> str:
    """Short type and name of a resource."""
    kind, _, name = urn.split("::", 2)[2].rpartition("::")
    return f"{kind.rpartition('$')[2].rpartition(':')[2]} {name}"


def _is_doubt(diagnostic: DiagnosticEvent) -> bool:
    """Whether this is a warning of the program's; the providers' own are not for whoever edits settings."""
    return diagnostic.severity == "warning" and (not diagnostic.urn or "::pulumi:pulumi:Stack::" in diagnostic.urn)


def _plain(outputs: Mapping[str, Any]) -> dict[str, Any]:
    return {key: output.value for key, output in outputs.items() if not output.secret}


def _ignore_closed_stream(args: threading.ExceptHookArgs) -> None:
    """An interruption closes the engine's output under the Automation API's reading thread; no one needs to know."""
    if not (args.exc_type is ValueError and "closed file" in str(args.exc_value)):
        threading.__excepthook__(args)


def _last_error(text: str) -> str:
    """The engine's own words in the text of a failed command."""
    if lock := re.search(r"created by (\S+) \(pid (\d+)\) at (\S+)", text):
        who, pid, since = lock.groups()
        return (
            f"the stack is locked by {who} (process {pid}) since {since}: another update is under way; wait for it, "
            "or, if that process is known to be dead, run `pulumi cancel`. Nothing was changed."
        )
    several = re.findall(r"^\s*(?:error:)?\s*\d+\) (?!Unknown$)(.*)$", text, flags=re.MULTILINE)
    errors = re.findall(r"^\s*(?:stderr: )?error: (.*)$", text, flags=re.MULTILINE)
    said = "; ".join(several) or (errors[-1] if errors else text.strip().splitlines()[-1])
    if re.search("no space left on device|read-only file system", said):
        said += ". The state backend could not be written: make room there, or make it writable, then run this again."
    return said
