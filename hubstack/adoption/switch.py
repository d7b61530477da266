"""From mode helm to mode native, on one stack: the objects stay, only who manages them changes."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console

from hubstack import project, stacks
from hubstack.adoption import helm_storage, live, stack_file, take_over
from hubstack.stacks import Stack


def to_native(engine: take_over.Engine, stack: Stack, config: Mapping[str, str], console: Console) -> None:
    """Prepare a stack that is deployed in mode helm for its first update in mode native.

    The engine forgets the release, which the cluster keeps, and the stack's file says what is to be taken over. The
    update itself is that of an adoption. An interrupted switch goes on at the next update: until that has ended, the
    stack's output still says ``helm``.

    Arguments:
        engine: the engine on the stack.
        stack: the stack; its configuration is completed.
        config: its whole configuration, secrets in the open.
        console: told what is done.

    Raises:
        HubstackError: an operation of Helm is unfinished, or native refuses the settings.
    """
    release = str(stack.config.get("hubstack:releaseName") or stack.namespace)
    client = take_over.client(stack)
    helm_storage.deployed(client, stack.namespace, release)
    entries = {key.removeprefix("hubstack:"): text for key, text in config.items() if key.startswith("hubstack:")}
    tokens = live.tokens(client, stack.namespace, "hub")
    kept = live.kept_checksums(client, entries, tokens)
    added: dict[str, str | Mapping[str, str]] = {"hubstack:takeOver": release, "hubstack:keptChecksums": kept}
    file = project.ROOT / f"Pulumi.{stack.base}.yaml"
    stack_file.put(file, {key: value for key, value in added.items() if key not in stack.config})
    stack.config.update(added)
    stacks.write_work_folder(stack)
    engine.edit_state(take_over.forget_release)
    console.print(f"switching to mode native: {file.name} says what is taken over; commit it with the change of mode")
