"""`hubstack env` and `hubstack pulumi`: plain `pulumi` and `kubectl` on a stack, with what `hubstack up` gives them."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import Annotated

import typer

from hubstack import terminal
from hubstack.commands.options import JsonOption
from hubstack.errors import HubstackError
from hubstack.project import stacks
from hubstack.project.stacks import Stack
from hubstack.terminal import Terminal

StackOption = Annotated[
    str, typer.Option("--stack", "-s", help="A stack that `up` has deployed, or a stack file: Pulumi.<stack>.yaml.")
]

_AMBIENT = "PULUMI_IGNORE_AMBIENT_PLUGINS"
"""Keeps the engine from plugins on PATH, the language host included: `hubstack up` has one of its own."""


def env(
    stack: StackOption = "dev",
    as_json: JsonOption = False,
) -> None:
    """Print what a shell needs for plain `pulumi` and `kubectl` on a stack: eval "$(hubstack env)"."""
    chosen = _stack(stack)
    variables = {name: value for name, value in _variables(chosen).items() if os.environ.get(name) != value}
    if as_json:
        terminal.write_json({"variables": variables, "folder": str(chosen.folder), "context": chosen.context})
        return
    for name, value in sorted(variables.items()):
        print(f"export {name}={shlex.quote(value)}")
    # The engine writes keys into the stack's file: into the copy in the work folder, not into that of the repository.
    print(f'pulumi() {{ command pulumi --cwd {shlex.quote(str(chosen.folder))} "$@"; }}')
    print(f"# kubectl --context {shlex.quote(chosen.context)} --namespace {shlex.quote(chosen.namespace)} get pods")


def pulumi(
    arguments: Annotated[list[str], typer.Argument(metavar="-- ARGUMENTS...", help="What `pulumi` is to do.")],
    stack: StackOption = "dev",
) -> None:
    """Run plain `pulumi` on a stack: hubstack pulumi --stack dev -- stack history.

    It runs in the stack's work folder, so that what the engine notes in the stack's file changes nothing in the
    repository. Plain `pulumi up` and `pulumi destroy` lack the guards of `hubstack up` and `hubstack destroy`.
    """
    chosen = _stack(stack)
    environment = {**os.environ, **_variables(chosen)}
    try:
        done = subprocess.run(["pulumi", *arguments], cwd=chosen.folder, env=environment, check=False)
    except OSError as error:
        raise HubstackError(f"the engine could not be started: {error}; `hubstack tools` says where it is") from None
    raise typer.Exit(done.returncode if done.returncode >= 0 else 128 - done.returncode)


def _stack(name: str) -> Stack:
    """A stack as its last run left it, else as its file describes it, with a work folder for the engine.

    Raises:
        HubstackError: there is neither.
    """
    from hubstack.commands import session

    if name in stacks.deployed():
        return stacks.recorded(name)
    chosen = session.located(name)
    stacks.write_work_folder(chosen)
    return chosen


def _variables(stack: Stack) -> dict[str, str]:
    """Variables for the engine and for kubectl on a stack."""
    from hubstack.engine.environment import engine_environment, engine_tools

    variables = engine_environment(engine_tools(Terminal(stderr=True), embedded=stack.is_embedded))
    if _AMBIENT not in os.environ:
        variables.pop(_AMBIENT, None)
    kubeconfig = {"KUBECONFIG": str(stack.kubeconfig_path)} if stack.kubeconfig else {}
    return {**variables, **kubeconfig, "PULUMI_STACK": stack.name}
