"""What an interrupted update had under way, and how the next one finds out what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hubstack.engine.stack import EngineStack
from hubstack.engine.state import CREATING, HELM_RELEASE, Resource, State
from hubstack.migration import access, helm_storage, take_over
from hubstack.project.stacks import Stack


def settle(engine: EngineStack, state: State) -> int:
    """Make the state say again what is in the cluster.

    Arguments:
        engine: the engine on the stack.
        state: the stack's state.

    Returns:
        How many operations were under way; 0 where no update was interrupted.
    """
    uninstalled = _uninstalled_release(engine.stack, state)
    if not state.unfinished and not uninstalled:
        return 0
    if state.unfinished:
        engine.say(f"continuing after an interrupted update ({state.unfinished} operations were under way)")
    if uninstalled:
        engine.say(f"Helm has no release {uninstalled} any more; the stack forgets it")

    def change(found: State) -> State:
        resolved = resolve_pending(found, engine.stack)
        return take_over.forget_release(resolved) if uninstalled else resolved

    engine.edit_state(change)
    if state.unfinished:
        engine.refresh()
    return state.unfinished


def resolve_pending(state: State, stack: Stack) -> State:
    """A state in which a refresh settles the operations that were under way.

    An object whose creation was under way may exist by now. It gets its id, so that the refresh takes it into the state
    if it is there; forgotten, it would stay behind when the stack is destroyed. A Helm release is taken over by Helm
    itself, through the annotations of its objects, once the record of the unfinished operation is gone; no object
    of the release is touched. What was being updated or deleted is in the state already.

    Arguments:
        state: the state that the interrupted update has left.
        stack: the stack, whose context names the cluster.
    """
    noted = []
    for operation in state.pending:
        created, resource = operation.type == CREATING, operation.resource
        if resource.type == HELM_RELEASE:
            _retire_record(stack, resource.inputs, created=created)
        elif created and (identity := _identity(resource)):
            noted.append(replace(resource, id=identity))
    return replace(state, resources=(*state.resources, *noted), pending=())


def _uninstalled_release(stack: Stack, state: State) -> str | None:
    """Name of the release in the state that Helm has no record of: the provider could only fail to find it.

    A destroy that was killed leaves it so.
    """
    if state.release is None:
        return None
    inputs = state.release.inputs
    if not inputs or helm_storage.records(access.of(stack), inputs["namespace"], inputs["name"]):
        return None
    return str(inputs["name"])


def _identity(resource: Resource) -> str | None:
    """The provider's id of a Kubernetes object: its name, after its namespace if it has one."""
    metadata = resource.inputs.get("metadata")
    if not resource.is_kubernetes or not isinstance(metadata, Mapping):
        return None
    return "/".join(metadata[key] for key in ("namespace", "name") if isinstance(metadata.get(key), str)) or None


def _retire_record(stack: Stack, inputs: Mapping[str, Any], *, created: bool) -> None:
    """Delete Helm's record of an unfinished operation.

    After an unfinished creation the engine does not know the release at all, so that every record of it is in the way;
    after an unfinished update only those that Helm holds for "in progress".
    """
    import kubernetes

    name, namespace = inputs.get("name"), inputs.get("namespace")
    if not isinstance(name, str) or not isinstance(namespace, str):
        return
    secrets = kubernetes.client.CoreV1Api(access.of(stack))
    selector = f"owner=helm,name={name}"
    if not created:
        selector += ",status in (pending-install,pending-upgrade,pending-rollback)"
    for record in secrets.list_namespaced_secret(namespace, label_selector=selector).items:
        secrets.delete_namespaced_secret(record.metadata.name, namespace)
