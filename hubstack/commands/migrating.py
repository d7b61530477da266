"""`hubstack adopt`, `recover`, `release` and `move-token-key`: into the stack, back into it, and out of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hubstack import terminal
from hubstack.commands import options, printing


def adopt(
    context: Annotated[str, typer.Option(help="kubeconfig context of the cluster.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Namespace of the release.")],
    release: Annotated[str, typer.Option(help="Name of the Helm release.")],
    stack: Annotated[str, typer.Option("--stack", "-s", help="Name of the stack to write: Pulumi.<stack>.yaml.")],
    mode: Annotated[str | None, typer.Option(help="native or helm. Default: native if its chart version fits.")] = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="kubeconfig that has the context.")] = None,
    secrets_provider: options.SecretsProviderOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Describe a hub that Helm deployed as a stack; changes nothing on the cluster."""
    from hubstack.migration import adopt as adoption

    console = printing.console(as_json)
    result = adoption.adopt(
        adoption.Request(stack, context, namespace, release, mode, kubeconfig, secrets_provider), console
    )
    if as_json:
        terminal.write_json(result.as_dict())
    else:
        adoption.show(result, stack, console)


def recover(
    stack: Annotated[str, typer.Option("--stack", "-s", help="Stack whose state is lost: Pulumi.<stack>.yaml.")],
    as_json: options.JsonOption = False,
) -> None:
    """Go on with a running hub whose stack's state is lost; changes nothing on the cluster."""
    from hubstack.commands import session
    from hubstack.migration import recover as recovery

    console = printing.console(as_json)
    run = session.engine_on(stack, console)
    result = recovery.recover(run.updater)
    if as_json:
        terminal.write_json(result.as_dict())
    else:
        recovery.show(result, console)


def release(
    stack: options.StackName,
    as_json: options.JsonOption = False,
) -> None:
    """Hand a hub back to Helm: the cluster keeps every object, Helm has them as a release, the stack is gone."""
    from hubstack.commands import session
    from hubstack.migration import hand_back
    from hubstack.project import stacks

    console = printing.console(as_json)
    run = session.open_deployed(stack, console)
    done = hand_back.hand_back(run.updater)
    stacks.forget(run.stack)
    if as_json:
        terminal.write_json(done.__dict__)
        return
    for line in hand_back.next_steps(run.stack, done):
        console.print(line, soft_wrap=True)


def move_token_key() -> None:
    """For a program of one's own: state of an earlier version in, state with the key of the tokens moved out.

    pulumi stack export | hubstack move-token-key | pulumi stack import
    """
    from hubstack.engine import token_key

    sys.stdout.write(token_key.moved_export(sys.stdin.read()))
