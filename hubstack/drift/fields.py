"""Who wrote the fields of an object: ``metadata.managedFields`` (Kubernetes: "Server-Side Apply", Field management)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubstack.drift.paths import Step
from hubstack.migration import ownership

HELM = (ownership.MODE_HELM, "pulumi-kubernetes", ownership.HELM, "Helm")
"""Managers of what a Helm release has made: by the provider, and by Helm's own command."""
OWN = "hubstack"
"""Manager of what Hubstack itself writes."""

_STEERING = ("kube-scheduler", "kube-apiserver", "kubelet", "cluster-autoscaler")
_HANDS = ("kubectl", "oc", "k9s", "Lens", "node-fetch", "Mozilla", "dashboard", "headlamp", "curl", "python", "OpenAPI")
"""Begin of the managers of what people write with."""

Fields = Mapping[str, Any]
"""FieldsV1: ``f:`` and a name, ``k:`` and the keys of an item, ``v:`` and a value; an empty map is a whole field."""
Raw = tuple[str, ...]
"""Such keys that lead to a field."""


@dataclass(frozen=True)
class Entry:
    """What one manager has written of an object by one operation."""

    manager: str
    operation: str
    subresource: str
    time: str
    """RFC 3339."""
    fields: Fields

    @property
    def is_of_a_stack(self) -> bool:
        """Whether a stack, Helm or Hubstack has written it."""
        return self.manager.startswith(ownership.DRAWN) or self.manager in HELM or self.manager == OWN

    @property
    def is_of_the_cluster(self) -> bool:
        """Whether a part of Kubernetes has written it, which fills in what nobody declares."""
        return self.manager in _STEERING or self.manager.endswith("controller-manager")

    @property
    def is_by_hand(self) -> bool:
        """Whether it was written with a tool of people's."""
        return self.manager.startswith(_HANDS)


def entries(manifest: Mapping[str, Any]) -> list[Entry]:
    """The entries of a live object, except what they say of its status."""
    found = (manifest.get("metadata") or {}).get("managedFields") or []
    return [
        Entry(
            str(each.get("manager") or "?"),
            str(each.get("operation") or ""),
            str(each.get("subresource") or ""),
            str(each.get("time") or ""),
            each.get("fieldsV1") or {},
        )
        for each in found
        if each.get("subresource") != "status"
    ]


@dataclass(frozen=True)
class Trace:
    """An entry, followed down to one field that it has something of."""

    entry: Entry
    fields: Fields
    raw: Raw = ()

    @property
    def is_whole(self) -> bool:
        """Whether the field is the manager's with everything in it."""
        return not self.fields

    def down(self, step: Step, value: Any) -> Trace | None:
        """The entry at one of the field's members; None where it has nothing of it.

        Arguments:
            step: to the member.
            value: what the live object has there: the keys of a list's item are found by it.
        """
        if self.is_whole and self.raw:
            return self
        for key, below in self.fields.items():
            if key == f"f:{step}" or (key.startswith(("k:", "v:", "i:")) and _is_item(key, step, value)):
                return Trace(self.entry, below, (*self.raw, key))
        return None


def _is_item(key: str, step: Step, value: Any) -> bool:
    if isinstance(step, str):
        return False
    kind, wanted = key[0], json.loads(key[2:])
    if kind == "k":
        return isinstance(value, Mapping) and all(value.get(name) == each for name, each in wanted.items())
    return bool(wanted == (step if kind == "i" else value))


def descend(traces: Sequence[Trace], step: Step, value: Any) -> list[Trace]:
    """The entries that have something of a member."""
    return [found for each in traces if (found := each.down(step, value)) is not None]


def only(fields: Fields, kept: Sequence[Raw]) -> dict[str, Any]:
    """Of some fields those that some keys lead to, with all below them."""
    found: dict[str, Any] = {}
    for key, each in fields.items():
        inner = [raw[1:] for raw in kept if raw[:1] == (key,)]
        if () in inner:
            found[key] = each
        elif inner:
            found[key] = only(each, inner)
    return found


def without(fields: Fields, taken: Sequence[Raw]) -> dict[str, Any]:
    """Some fields without those that some keys lead to."""
    return dict(_without(fields, taken))


def _without(fields: Fields, taken: Sequence[Raw]) -> Iterator[tuple[str, Any]]:
    for key, each in fields.items():
        inner = [raw[1:] for raw in taken if raw[:1] == (key,)]
        if () in inner:
            continue
        left = without(each, inner) if inner else each
        if left or not each:
            yield key, left
