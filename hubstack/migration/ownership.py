"""Who owns the fields of an object that has changed hands: the stack, and no longer who had it before.

Server-side apply refuses to change a field that another manager owns, too (Kubernetes: "Server-Side Apply", Conflicts).
After a take-over, Helm would own each field that it once wrote, and the first changed setting would fail. The provider
draws a manager for each object that it makes, and keeps it in the state: where the state was lost, or an update was
killed before it could write it, another one is drawn later.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hubstack.engine.state import State
from hubstack.migration import access
from hubstack.project.stacks import Stack

HELM = "helm"
"""Helm's manager. What it alone owns stays as it is, unowned."""
MODE_HELM = "pulumi-resource-kubernetes"
"""Manager of what a stack in mode helm has made: Helm inside of the provider. Treated as Helm's."""
DRAWN = "pulumi-kubernetes-"
"""Begin of the managers that the provider draws. What such a former one owns becomes the stack's, so that a setting
which goes away goes from the object, too."""

_OWN = "__fieldManager"
"""Output in which the provider keeps the manager that it has drawn for an object."""
_TRIES = 5
"""How often an object is read again that a controller changes at the same moment."""


def hand_over(stack: Stack, state: State, former: Sequence[str] = (DRAWN,)) -> int:
    """Let former managers hand over to the stack's own, on those of its objects that its state shows with one.

    Nothing else about the objects changes; the cluster is asked only if there are such objects.

    Arguments:
        stack: the stack, whose context names the cluster.
        state: its state.
        former: whose objects the stack has taken over, `HELM` or `DRAWN`.

    Returns:
        The number of such objects.

    Raises:
        HubstackError: the cluster refuses, or does not answer.
    """
    found = list(_shared(state, former))
    if found:
        client = access.of(stack)
        for target, own in found:
            _settle(client, target, own, former)
    return len(found)


def _shared(state: State, former: Sequence[str]) -> Iterator[tuple[access.Target, str]]:
    for each in state.resources:
        if not each.is_kubernetes or not (own := each.outputs.get(_OWN)):
            continue
        entries = (each.outputs.get("metadata") or {}).get("managedFields") or []
        if handed_over(entries, own, former) != entries:
            yield access.Target(each.api_version, each.kind, each.namespace, each.object_name), own


def _settle(client: Any, target: access.Target, own: str, former: Sequence[str]) -> None:
    for _ in range(_TRIES):
        live = access.read(client, target)
        if live is None:
            return
        metadata = live["metadata"]
        entries = metadata.get("managedFields") or []
        kept = handed_over(entries, own, former)
        if kept == entries:
            return
        change = {"metadata": {"resourceVersion": metadata["resourceVersion"], "managedFields": kept}}
        if access.patch(client, target, change):
            return


def handed_over(entries: Sequence[Mapping[str, Any]], own: str, former: Sequence[str]) -> list[Mapping[str, Any]]:
    """An object's ``metadata.managedFields`` when former managers have handed it over to the stack's own.

    A manager with fields of its own, such as another stack's that patches the object, is no former one and stays.

    Arguments:
        entries: as the object has them.
        own: name of the stack's manager of this object.
        former: as for `hand_over`.
    """

    def is_former(entry: Mapping[str, Any]) -> bool:
        name = str(entry["manager"])
        if name == own or entry.get("subresource") or not name.startswith(tuple(former)):
            return False
        return not name.startswith(DRAWN) or _made_the_object(entry, entries, own)

    kept, drawn = [], []
    for entry in entries:
        if not is_former(entry):
            kept.append(entry)
        elif entry["manager"].startswith(DRAWN):
            drawn.append({**entry, "manager": own})
    for entry in drawn:
        kept = merged(kept, entry)
    return kept


def _made_the_object(entry: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], own: str) -> bool:
    """Whether a manager owns the object as the stack does, or did before the stack ever wrote it."""
    fields = {name for each in entries if each["manager"] == own for name in _names(each["fieldsV1"])}
    theirs = _names(entry["fieldsV1"])
    return not fields or 2 * len(theirs & fields) > len(theirs)


def _names(fields: Mapping[str, Any], path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Paths of the fields of a set (Kubernetes: FieldsV1), without those that only say which item of a list it is."""
    item = path[-1] if path else ""
    which = {".", *(f"f:{key}" for key in json.loads(item[2:]))} if item.startswith("k:") else {"."}
    found: set[tuple[str, ...]] = set()
    for name, below in fields.items():
        if name not in which:
            found |= _names(below, (*path, name)) if below else {(*path, name)}
    return found


def merged(entries: list[Mapping[str, Any]], entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Entries with one more; one of the same manager, operation and version gets its fields."""
    for at, each in enumerate(entries):
        if all(each[key] == entry[key] for key in ("manager", "operation", "apiVersion")):
            merged = {**each, "fieldsV1": _union(each["fieldsV1"], entry["fieldsV1"])}
            return [*entries[:at], merged, *entries[at + 1 :]]
    return [*entries, entry]


def _union(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _union(one.get(key, {}), other.get(key, {})) for key in {**one, **other}}
