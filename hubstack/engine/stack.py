"""One stack as the engine has it: its state, its settings, and single operations on it.

Nothing here judges whether an operation is safe or wanted; `hubstack.lifecycle` does.
"""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hubstack import credentials, deadline, reading
from hubstack.components import existing, provider_version
from hubstack.components.token_key import REFUSAL
from hubstack.configuration import named
from hubstack.engine import backend, command, locks, operation, provider, token_key
from hubstack.engine.differences import Difference
from hubstack.engine.environment import local_backend
from hubstack.engine.events import EventLog
from hubstack.engine.notices import Listener, Notice, ignore
from hubstack.engine.servers import ForkServers
from hubstack.engine.state import State, is_secret
from hubstack.engine.watch import OutOfTimeError
from hubstack.errors import HubstackError
from hubstack.project import secrets_provider, stacks


@dataclass
class Report:
    """What an operation did."""

    changes: dict[str, int] = field(default_factory=dict)
    """Number of resources for each operation of the engine, ``same`` included."""
    outputs: dict[str, Any] = field(default_factory=dict)
    """Stack outputs without the secret ones."""
    seconds: float = 0.0
    steps: list[tuple[str, str]] = field(default_factory=list)
    """Operation and ``Type name`` of every resource that does not stay as it is."""
    inputs: dict[str, Any] = field(default_factory=dict, repr=False)
    """By URN what the program wants of each resource that is updated, with a mask in place of secrets."""
    warnings: list[str] = field(default_factory=list)
    """What the program finds doubtful in the settings."""
    cpu: float = 0.0
    """CPU seconds of the engine, its plugins and the program."""
    log: Path | None = None
    """File with what the engine printed, where it is kept."""
    differences: list[Difference] = field(default_factory=list)
    """What does not stay as it is, field by field; secrets hidden."""
    outputs_differ: bool = False
    """Whether the stack's outputs are others than before."""

    @property
    def changed(self) -> int:
        """Number of resources that were created, updated, replaced or deleted."""
        return sum(count for operation, count in self.changes.items() if operation not in ("same", "read", "refresh"))


class OperationError(HubstackError):
    """An operation of the engine failed; the report says how far it came."""

    def __init__(self, reason: str, report: Report, *, out_of_time: bool = False) -> None:
        super().__init__(reason)
        self.report = report
        self.out_of_time = out_of_time


class EngineStack:
    """One stack, and the engine to work on it from the stack's work folder."""

    def __init__(
        self,
        stack: stacks.Stack,
        environment: Mapping[str, str],
        tell: Listener = ignore,
        *,
        create: bool = True,
        servers: ForkServers | None = None,
        logs: Path | None = None,
    ) -> None:
        """Write the work folder, remove a dead update's lock, and make the stack in the backend where it is new.

        Arguments:
            stack: the stack and its configuration.
            environment: variables for the engine: tools on PATH, PULUMI_HOME, backend.
            tell: is called with what operations say.
            create: whether a stack that is not in the backend is made there.
            servers: processes that run the program, shared with other stacks; None for some of its own.
            logs: folder that keeps what the engine prints and reports; None where nobody reads that.

        Raises:
            HubstackError: the stack is locked by an update that is under way, or, without `create`, not in the backend.
        """
        self.stack = stack
        self.tell = tell
        self._environment = {**environment, locks.RUNNER: locks.runner()}
        self._logs = logs
        stacks.write_work_folder(stack)
        if servers is None:
            servers = ForkServers(self._environment)
            weakref.finalize(self, servers.close)
        self._servers = servers
        if folder := local_backend(environment):
            locks.settle(folder, stack, self.say)
        known = backend.read(stack.name, environment, stack.folder)
        if known is not None:
            self._borrow_key(known.state)
        if create:
            self._create(is_known=known is not None)
        elif known is None:
            raise HubstackError(
                f"stack {stack.name}: is not in the backend, so nothing is deployed; `hubstack up` deploys it"
            )

    def say(self, text: str) -> None:
        """Tell whoever listens a sentence."""
        self.tell(Notice("message", text))

    def checkpoint(self) -> State:
        """The state with its secrets encrypted; quick where the backend consists of files of this machine."""
        found = backend.read(self.stack.name, self._environment, self.stack.folder)
        return found.state if found else State()

    def last_message(self) -> str:
        """What the backend's history says of the last operation on the stack."""
        found = backend.read(self.stack.name, self._environment, self.stack.folder)
        return str(found.last.get("message") or "") if found else ""

    def state(self) -> State:
        """The state with its secrets in the open: keep it in memory."""
        return State.read(self._export()["deployment"])

    def edit_state(self, change: Callable[[State], State]) -> None:
        """Put another state in the place of the stack's.

        Arguments:
            change: gives the other state; it is given the present one with its secrets in the open.
        """
        exported = self._export()
        before = State.read(exported["deployment"])
        after = change(before)
        if after != before:
            self._command("stack", "import", given=json.dumps({**exported, "deployment": after.document()}))

    def entries(self) -> dict[str, str]:
        """Text of each setting as the program gets it, secrets in the open: keep it in memory."""
        return named(command.configuration(self.stack.name, self.stack.folder, self._environment))

    def set_secret(self, path: str, value: str) -> None:
        """Encrypt one setting into the copy of the stack's file in the work folder.

        Arguments:
            path: the setting as ``pulumi config set --path`` reads it.
            value: its text.
        """
        given = f"{value}\n" if value.endswith("\n") else value  # the engine takes one newline away
        self._command("config", "set", "--secret", "--path", path, given=given)

    def outputs(self) -> dict[str, Any]:
        """Stack outputs of the last update that ended well, without the secret ones."""
        return {key: value for key, value in self.checkpoint().outputs.items() if not is_secret(value)}

    def update(
        self, *, exclude: Sequence[str] = (), variables: Mapping[str, str] | None = None, message: str = ""
    ) -> Report:
        """Let the engine make what the program wants.

        Arguments:
            exclude: URNs of resources that are left alone, with all that depend on them.
            variables: further variables for the program and the provider.
            message: what the backend's history says of it.

        Raises:
            OperationError: the program refused the settings, or an object could not be deployed.
        """
        options = [word for urn in exclude for word in ("--exclude", urn)]
        options += ["--exclude-dependents"] if exclude else []
        return self._run("up", [*options, *_message(message)], variables)

    def preview(self, *, refresh: bool = False, variables: Mapping[str, str] | None = None) -> Report:
        """Say what `update` would do.

        Arguments:
            refresh: look at the cluster first, so that what somebody changed there shows too.
            variables: as for `update`. An adopted stack takes over what is there without being told.
        """
        # With a look at the cluster, what somebody else changed is to show as a change and not as a conflict; nothing
        # is written here anyway.
        adopted = bool(self.stack.settings.get("takeOver"))
        own = provider.TAKE_OVER if adopted else provider.FORCE if refresh else {}
        # The program says which provider and which credentials to look with; those of the last update may be gone.
        options = ["--refresh", "--run-program"] if refresh else []
        return self._run("preview", options, {**own, **(variables or {})})

    def refresh(self, *, message: str = "", only: Sequence[str] = ()) -> Report:
        """Make the state say what is in the cluster; changes nothing there.

        Arguments:
            message: what the backend's history says of it.
            only: URNs of the resources that are looked at; all of them where empty.
        """
        self._adapt_state()
        return self._run("refresh", [*_message(message), *(word for urn in only for word in ("--target", urn))])

    def delete(self, *, keep_protected: bool = False) -> Report:
        """Delete the resources.

        Arguments:
            keep_protected: leave what is protected, in the cluster and in the state.
        """
        self._adapt_state()
        return self._run("destroy", ["--exclude-protected"] if keep_protected else [])

    def forget(self) -> None:
        """Remove the stack, which has no resources any more, from the backend."""
        self._command("stack", "rm", "--yes")

    def _create(self, *, is_known: bool) -> None:
        """Make the stack in the backend; one that is there stays, and lends its key to a work folder without one."""
        name, written = self.stack.name, self._written()
        provider = secrets_provider.named(written, f"Pulumi.{self.stack.base}.yaml: secretsprovider")
        if is_known and any(key in written for key in secrets_provider.KEYS):
            return
        # Without being told, the engine takes the backend's default, and takes the provider out of the file.
        options = ["--secrets-provider", provider] if provider else []
        try:
            command.run(["stack", "init", name, "--no-select", *options], self.stack.folder, self._environment)
        except HubstackError as error:
            if "already exists" in str(error):
                command.run(["stack", "select", name], self.stack.folder, self._environment)
            elif provider:
                raise HubstackError(
                    f"stack {name}: secretsprovider: {provider!r}: cannot be used: {error}. The stack was not made"
                ) from None
            else:
                raise
        else:
            own = self._environment.get("PULUMI_CONFIG_PASSPHRASE_FILE")
            if own and secrets_provider.needs_passphrase(written) and stacks.is_shared_backend():
                self.say(
                    f"the secrets of stack {name} are encrypted by the passphrase in {own}, which only this machine "
                    "has: hand it to whoever else deploys the stack, or name a key service (docs/state.md)"
                )

    def _borrow_key(self, state: State) -> None:
        """Let a work folder without a key have that of the key service that has encrypted the state.

        Raises:
            HubstackError: the file names another secrets provider than the state's.
        """
        written = self._written()
        if added := secrets_provider.lent(written, state.rest.get("secrets_providers"), self.stack.name):
            self._file.write_text(yaml.safe_dump({**added, **written}, sort_keys=False))

    @property
    def _file(self) -> Path:
        return self.stack.folder / f"Pulumi.{self.stack.name}.yaml"

    def _written(self) -> dict[str, Any]:
        """The copy of the stack's file in the work folder."""
        found: dict[str, Any] = reading.yaml_file(self._file) or {}
        return found

    def _export(self) -> dict[str, Any]:
        return command.export(self.stack.name, self.stack.folder, self._environment, show_secrets=True)

    def _command(self, *arguments: str, given: str | None = None) -> str:
        named = [*arguments, "--stack", self.stack.name]
        return command.run(named, self.stack.folder, self._environment, given)

    def _run(
        self, verb: operation.Verb, options: Sequence[str] = (), variables: Mapping[str, str] | None = None
    ) -> Report:
        if deadline.left() == 0:
            raise OutOfTimeError(f"the time is up; `pulumi {verb}` was not begun")
        # The provider waits for a program that fetches credentials without a limit, and without a word.
        credentials.log_in(self.stack.kubeconfig_path, self.stack.context)
        started = time.monotonic()
        server = self._servers.of(self.stack.root)
        environment = {**self._environment, **(variables or {})}
        with self._files(verb) as (log, events):
            self.tell(Notice("begin", verb))
            try:
                ended = operation.run(verb, self.stack, server, environment, events, log, options)
            except KeyboardInterrupt:
                self.say("stopping: what is under way is finished or cancelled first")
                server.close()
                raise
            finally:
                self.tell(Notice("end", verb))
            report = Report(
                events.changes, {}, time.monotonic() - started, events.steps, events.inputs, events.warnings, ended.cpu,
                log if self._logs else None, events.differences, events.outputs_differ,
            )  # fmt: skip
            if ended.code and ended.awaited:
                raise OperationError(
                    f"the time is up, and the engine was stopped while it was at this: {ended.awaited}. Its state is "
                    "written; the next update goes on with it",
                    report,
                    out_of_time=True,
                )
            if ended.code:
                raise OperationError(self._with_advice(operation.failure(ended, events, log)), report)
        report.outputs = {} if verb == "preview" else self.outputs()
        return report

    @contextlib.contextmanager
    def _files(self, verb: str) -> Iterator[tuple[Path, EventLog]]:
        """Where an operation writes what it prints and what it reports; nothing of an earlier one is left there."""
        with tempfile.TemporaryDirectory(prefix="hubstack-") as temporary:
            folder = self._logs or Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            name = self.stack.name if verb == "up" else f"{self.stack.name}.{verb}"
            log, events = folder / f"{name}.log", folder / f"{name}.events.json"
            for file in (log, events):
                file.unlink(missing_ok=True)
            yield log, EventLog(events, self.tell)

    def _with_advice(self, failure: str) -> str:
        """A failure in words of ours, where the program or the provider has refused something that we know."""
        former_key = REFUSAL.format(stack=self.stack.name)
        if former_key in failure:
            return former_key
        found = sorted({match[1] or "a Helm release" for match in _EXISTS.finditer(failure)})
        if found:
            return f"{', '.join(found)}{existing.ADVICE.format(stack=self.stack.name)}"
        known = f"\n`hubstack doctor --stack {self.stack.base}` says more." if _DOCTOR_KNOWS.search(failure) else ""
        return failure + known

    def _adapt_state(self) -> None:
        """Let the state name what this machine has, before the engine takes it from there: no program is run."""

        def change(state: State) -> State:
            adapted, before = provider.adapt(state, self._environment)
            if before:
                now = self._environment[provider_version.VARIABLE]
                self.say(f"the stack goes from Kubernetes provider {before} to {now}, which is here")
            return token_key.moved(adapted) if token_key.is_known_to(self.stack.root) else adapted

        self.edit_state(change)


_EXISTS = re.compile(
    r'((?:Helm )?\S+ "[^"]+")(?:: in the cluster already| already exists)|cannot re-use a name that is still in use'
)
"""Refusals to create what is there (the program; Kubernetes: reason AlreadyExists; Helm: install of a known name)."""


_DOCTOR_KNOWS = re.compile(
    r"conflicts? (?:with|occurred)|another operation \(install/upgrade/rollback\)|"
    r"\bpending-(?:install|upgrade|rollback)"
)
"""Failures of which the doctor knows who is behind them: fields of other managers, a release that somebody works on."""


def _message(text: str) -> list[str]:
    return ["--message", text] if text else []
