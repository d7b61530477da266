"""Who owns the fields of an object that has changed hands: the stack, and no longer who had it before.

Server-side apply refuses to change a field that another manager owns, too (Kubernetes: "Server-Side Apply", Conflicts).
After a take-over, Helm would own each field that it once wrote, and the first changed setting would fail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hubstack.adoption import access

_OWN = "__fieldManager"
"""Output in which the provider keeps the manager that it has drawn for an object."""
_FORMER = ("helm", "pulumi-kubernetes-")
"""Begin of the names of managers whose objects a stack takes over: Helm's, the provider's of a state that is lost."""
_TRIES = 5
"""How often an object is read again that a controller changes at the same moment."""


def shared(deployment: Mapping[str, Any]) -> bool:
    """Whether a state shows an object that has a former manager beside the stack's own."""
    return any(
        _is_former(entry, own)
        for _, own, outputs in _objects(deployment)
        for entry in (outputs.get("metadata") or {}).get("managedFields") or []
    )


def settle(client: Any, deployment: Mapping[str, Any]) -> int:
    """Take the former managers from each object of a stack; nothing else about the objects changes.

    Arguments:
        client: an ApiClient of the official package.
        deployment: the stack's state.

    Returns:
        The number of objects that had one.

    Raises:
        HubstackError: the cluster refuses.
    """
    return sum(_settle(client, target, own) for target, own, _ in _objects(deployment))


def _objects(deployment: Mapping[str, Any]) -> Iterator[tuple[access.Target, str, Mapping[str, Any]]]:
    for each in deployment.get("resources") or []:
        outputs = each.get("outputs") or {}
        if each["type"].startswith("kubernetes:") and (own := outputs.get(_OWN)):
            _, version, kind = each["type"].split(":")
            namespace, _, name = each["id"].rpartition("/")
            yield access.Target(version.removeprefix("core/"), kind, namespace, name), own, outputs


def _is_former(entry: Mapping[str, Any], own: str) -> bool:
    manager = str(entry.get("manager"))
    return manager.startswith(_FORMER) and manager != own and not entry.get("subresource")


def _settle(client: Any, target: access.Target, own: str) -> bool:
    for _ in range(_TRIES):
        live = access.read(client, target)
        if live is None:
            return False
        metadata = live["metadata"]
        entries = metadata.get("managedFields") or []
        kept = [entry for entry in entries if not _is_former(entry, own)]
        if len(kept) == len(entries):
            return False
        change = {"metadata": {"resourceVersion": metadata["resourceVersion"], "managedFields": kept}}
        if access.patch(client, target, change):
            return True
    return False
