"""What an interrupted update had under way, and how the next one finds out what became of it."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from hubstack.components.existing import RELEASE
from hubstack.engine.pending import unfinished, unrefreshed
from hubstack.engine.stack import EngineStack
from hubstack.migration import access, helm_storage, take_over
from hubstack.project.stacks import Stack


def settle(engine: EngineStack, deployment: Mapping[str, Any]) -> int:
    """Make the state say again what is in the cluster.

    Arguments:
        engine: the engine on the stack.
        deployment: the stack's state.

    Returns:
        How many operations were under way; 0 where no update was interrupted.
    """
    found = unfinished(deployment)
    uninstalled = _uninstalled_release(engine.stack, deployment)
    if not found and not uninstalled:
        return 0
    if found:
        engine.say(f"continuing after an interrupted update ({found} operations were under way)")
    if uninstalled:
        engine.say(f"Helm has no release {uninstalled} any more; the stack forgets it")

    def change(state: dict[str, Any]) -> bool:
        resolve_pending(state, engine.stack)
        return not uninstalled or take_over.forget_release(state)

    engine.edit_state(change)
    if found:
        engine.refresh()
    return found


def resolve_pending(deployment: MutableMapping[str, Any], stack: Stack) -> int:
    """Rewrite the operations that were under way so that a refresh settles them.

    An object whose creation was under way may exist by now. It gets its id, so that the refresh takes it into the state
    if it is there; forgotten, it would stay behind when the stack is destroyed. A Helm release is taken over by Helm
    itself, through the annotations of its objects, once the record of the unfinished operation is gone; no object
    of the release is touched. What was being updated or deleted is in the state already.

    Arguments:
        deployment: the exported state; changed in place.
        stack: the stack, whose context names the cluster.

    Returns:
        How many operations were under way, or were so at an earlier recovery that was interrupted itself.
    """
    half_known = unrefreshed(deployment)
    pending = deployment.get("pending_operations") or []
    for operation in pending:
        resource = operation["resource"]
        if resource["type"] == RELEASE:
            _retire_record(stack, resource.get("inputs") or {}, created=operation["type"] == "creating")
        elif operation["type"] == "creating" and (identity := _identity(resource)):
            deployment["resources"].append({**resource, "id": identity})
    deployment["pending_operations"] = []
    return len(pending) + half_known


def _uninstalled_release(stack: Stack, deployment: Mapping[str, Any]) -> str | None:
    """Name of the release in the state that Helm has no record of: the provider could only fail to find it.

    A destroy that was killed leaves it so.
    """
    inputs = next((each["inputs"] for each in deployment.get("resources") or [] if each["type"] == RELEASE), None)
    if not inputs or helm_storage.records(access.of(stack), inputs["namespace"], inputs["name"]):
        return None
    return str(inputs["name"])


def _identity(resource: Mapping[str, Any]) -> str | None:
    """The provider's id of a Kubernetes object: its name, after its namespace if it has one."""
    metadata = (resource.get("inputs") or {}).get("metadata")
    if not str(resource["type"]).startswith("kubernetes:") or not isinstance(metadata, Mapping):
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
