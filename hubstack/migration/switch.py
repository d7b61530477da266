"""From one mode to the other, on one stack: the objects stay, only who manages them changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from hubstack import project
from hubstack.migration import giving, helm_storage, live, stack_file, take_over
from hubstack.project import stacks
from hubstack.project.stacks import Stack


def to_native(engine: take_over.Engine, stack: Stack, console: Console) -> None:
    """Prepare a stack that is deployed in mode helm for its first update in mode native.

    The engine forgets the release, which the cluster keeps, and the stack's file says what is to be taken over. The
    update itself is that of an adoption. An interrupted switch goes on at the next update: until that has ended, the
    stack's output still says ``helm``.

    Arguments:
        engine: the engine on the stack.
        stack: the stack; its configuration is completed.
        console: told what is done.

    Raises:
        HubstackError: an operation of Helm is unfinished, or native refuses the settings.
    """
    release = release_name(stack)
    client = take_over.client(stack)
    helm_storage.deployed(client, stack.namespace, release)
    entries = engine.entries()
    tokens = live.tokens(client, stack.namespace, live.secret_name(live.resolve(entries).loaded.tree))
    kept = live.kept_checksums(client, entries, tokens)
    _say(stack, {"hubstack:takeOver": release, "hubstack:keptChecksums": kept}, console)
    engine.edit_state(take_over.forget_release)


def to_helm(engine: take_over.Engine, stack: Stack, console: Console) -> None:
    """Prepare a stack that is deployed in mode native for its first update in mode helm.

    Helm gets a record of the live objects, the engine forgets them, and the stack's file says which release is to be
    gone on with. The update itself is that of an adoption. An interrupted switch goes on at the next update.

    Arguments:
        engine: the engine on the stack.
        stack: the stack; its configuration is completed.
        console: told what is done.

    Raises:
        HubstackError: an earlier update or an operation of Helm is unfinished.
    """
    release = release_name(stack)

    def hand_over(deployment: dict[str, Any]) -> bool:
        if found := giving.objects(deployment):
            giving.refuse_unfinished(stack, deployment)
            # Without settings in the record the engine sees a difference, and so Helm makes the objects the chart's.
            record = giving.give(take_over.client(stack), stack.namespace, release, found, {})
            console.print(f"Helm has a record of release {release} now (revision {record.revision})")
        _say(stack, {"hubstack:takeOver": release}, console)
        return giving.forget(deployment)

    engine.edit_state(hand_over)


def release_name(stack: Stack) -> str:
    """Name of the stack's release, in mode native the one that its labels carry."""
    return str(stack.config.get("hubstack:releaseName") or stack.namespace)


def _say(stack: Stack, settings: Mapping[str, str | Mapping[str, str]], console: Console) -> None:
    """Let the stack's file and its work folder say what the next updates go on with."""
    file = project.ROOT / f"Pulumi.{stack.base}.yaml"
    stack_file.put(file, {key: value for key, value in settings.items() if stack.config.get(key) != value})
    stack.config.update(settings)
    stacks.write_work_folder(stack)
    console.print(
        f"switching to mode {stack.mode}: {file.name} says what is taken over; commit it with the change of mode",
        soft_wrap=True,
    )
