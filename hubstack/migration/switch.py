"""From one mode to the other, on one stack: the objects stay, only their manager changes."""

from __future__ import annotations

from collections.abc import Mapping

from hubstack import project
from hubstack.configuration import Setting, keyed
from hubstack.engine.stack import EngineStack
from hubstack.engine.state import State
from hubstack.errors import HubstackError
from hubstack.migration import access, helm_storage, live, native_to_helm, stack_file, take_over
from hubstack.project import stacks
from hubstack.project.stacks import Stack


def deployed_mode(stack: Stack, state: State) -> str | None:
    """The mode of the last update that ended well, where the settings have another one now."""
    deployed: str | None = state.outputs.get("mode")
    return deployed if deployed != stack.mode else None


def prepare(engine: EngineStack, deployed: str) -> None:
    """Prepare a stack for its first update in another mode, which is then the same as that after an adoption.

    Both modes make the same objects: without care, a switch would delete what it creates again. An interrupted switch
    goes on at the next update: until that has ended, the stack's output still names the mode that was.

    Arguments:
        engine: the engine on the stack, whose configuration is completed.
        deployed: the mode that is deployed.

    Raises:
        HubstackError: the stack has no file of its own, an earlier update or an operation of Helm is unfinished, or
            mode native refuses the settings. Nothing was changed then.
    """
    stack = engine.stack
    if stack.name != stack.base:
        raise HubstackError(
            f"hubstack:mode: {stack.mode!r}: stack {stack.name} is deployed in mode {deployed!r}, and "
            "has no file of its own that could say what is taken over; write one, or keep the mode. Nothing was "
            "changed."
        )
    (_to_helm if stack.mode == "helm" else _to_native)(engine)


def _to_native(engine: EngineStack) -> None:
    """Make the engine forget the release, which the cluster keeps; the stack's file says what is to be taken over."""
    stack = engine.stack
    release, client = stack.release_name, access.of(stack)
    helm_storage.deployed(client, stack.namespace, release)
    entries = engine.entries()
    resolved = live.resolve(entries, stack.root)
    tokens = live.tokens(client, stack.namespace, resolved.names)
    kept = live.kept_checksums(client, resolved, tokens)
    _record(engine, {"takeOver": release, "keptChecksums": kept})
    engine.edit_state(take_over.forget_release)


def _to_helm(engine: EngineStack) -> None:
    """Give Helm a record of the live objects, which the engine forgets; the stack's file names the release."""
    stack = engine.stack
    release = stack.release_name

    def hand_over(state: State) -> State:
        if found := native_to_helm.objects(state):
            native_to_helm.refuse_unfinished(stack, state)
            # Without settings in the record the engine sees a difference, and so Helm makes the objects the chart's.
            record = native_to_helm.create_release(access.of(stack), stack.namespace, release, found, {})
            engine.say(f"Helm has a record of release {release} now (revision {record.revision})")
        _record(engine, {"takeOver": release})
        return native_to_helm.forget_objects(state)

    engine.edit_state(hand_over)


def _record(engine: EngineStack, settings: Mapping[Setting, str | Mapping[str, str]]) -> None:
    """Let the stack's file and its work folder say with what the next updates go on.

    A rollout deploys from a revision of the project that is laid out elsewhere: its own file is completed, too, so that
    an interrupted rollout goes on from there.
    """
    stack = engine.stack
    missing = keyed({name: value for name, value in settings.items() if stack.settings.get(name) != value})
    for root in dict.fromkeys((project.ROOT, stack.root)):
        file = root / f"Pulumi.{stack.base}.yaml"
        if missing and (file.is_file() or root == stack.root):
            stack_file.put(file, missing)
    stack.settings.update(settings)
    stacks.write_work_folder(stack)
    engine.say(
        f"switching to mode {stack.mode}: Pulumi.{stack.base}.yaml says what is taken over; commit it with the change "
        "of mode"
    )
