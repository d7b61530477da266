"""Requests that make one live object what the stack has declared; each is refused if the object changes meanwhile.

An object of the stack's own is applied as the provider applies it, by the stack's manager. What others have added is
handed over to that manager first, so that applying removes it. An object of a Helm release is patched, because Helm's
manager owns its fields by updates.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubstack.components import api_server
from hubstack.drift import fields, paths
from hubstack.drift.declared import Declared
from hubstack.drift.difference import Difference
from hubstack.drift.fields import Entry, Raw
from hubstack.drift.look import Looked
from hubstack.drift.paths import MISSING, Item, Path, at
from hubstack.errors import HubstackError
from hubstack.migration import ownership
from hubstack.migration.access import Target

_APPLY = "application/apply-patch+yaml"
_PATCH = "application/json-patch+json"
_MERGE = "application/merge-patch+json"


class Changed(HubstackError):
    """The object has changed since it was read."""


@dataclass(frozen=True)
class Mender:
    """Mends objects of one cluster."""

    client: Any
    """An ApiClient of the official package."""

    def mend(self, looked: Looked, wrong: Sequence[Difference], accepted: Sequence[Difference]) -> None:
        """Make an object what it was declared to be.

        Arguments:
            looked: the object.
            wrong: what is to be mended of it.
            accepted: what stays as it is.

        Raises:
            Changed: the object has changed since it was read.
            HubstackError: the cluster refuses.
        """
        declared, live = looked.declared, looked.live
        if not declared.own:
            self._mend_helms(declared, live, wrong)
            return
        left = {raw for each in accepted for _, raw in each.written}
        written = [
            *(one for each in wrong for one in each.written),
            *(one for one in looked.shared if one[1] not in left),
        ]
        if live is not None and (entries := handed_over(live, declared.own, written)) is not None:
            version = live["metadata"]["resourceVersion"]
            change = {"metadata": {"resourceVersion": version, "managedFields": entries}}
            self._send("PATCH", declared.target, change, _MERGE, fields.OWN)
        wanted = with_accepted(declared.manifest, accepted)
        self._send("PATCH", declared.target, json.dumps(wanted), _APPLY, declared.own, {"force": "true"})

    def _mend_helms(self, declared: Declared, live: Mapping[str, Any] | None, wrong: Sequence[Difference]) -> None:
        if live is None:
            collection = declared.target.path().rpartition("/")[0]
            metadata = {**declared.manifest["metadata"], "namespace": declared.target.namespace or None}
            body = {**declared.manifest, "metadata": metadata}
            self._send("POST", declared.target, body, "application/json", fields.HELM[0], path=collection)
            return
        self._send("PATCH", declared.target, list(json_patch(live, wrong)), _PATCH, fields.HELM[0])

    def _send(
        self,
        method: str,
        target: Target,
        body: Any,
        content: str,
        manager: str,
        query: Mapping[str, str] | None = None,
        path: str = "",
    ) -> None:
        answer = api_server.request(
            self.client,
            method,
            path or target.path(),
            query={"fieldManager": manager, **(query or {})},
            headers={"Content-Type": content},
            body=body,
        )
        if answer.status == 409:
            raise Changed(f"{target.kind}/{target.name}: somebody changes it at this moment; run it again")
        if answer.status >= 300:
            raise HubstackError(f"{target.kind}/{target.name}: the cluster refuses: {_said(answer)}")


def handed_over(
    live: Mapping[str, Any], own: str, written: Iterable[tuple[Entry, Raw]]
) -> list[Mapping[str, Any]] | None:
    """An object's managed fields when the stack's manager has what others have written; None if they have nothing.

    Arguments:
        live: the object.
        own: the stack's manager.
        written: what others have written; their other fields stay theirs.
    """
    taken: dict[tuple[str, str, str], list[Raw]] = {}
    for entry, raw in written:
        taken.setdefault((entry.manager, entry.operation, entry.subresource), []).append(_whole_item(raw))
    if not taken:
        return None
    kept: list[Mapping[str, Any]] = []
    own_fields: list[dict[str, Any]] = []
    for entry in live["metadata"].get("managedFields") or []:
        raws = taken.get((entry["manager"], entry["operation"], entry.get("subresource") or ""), [])
        own_fields += [fields.only(entry["fieldsV1"], raws)] if raws else []
        left = fields.without(entry["fieldsV1"], raws) if raws else entry["fieldsV1"]
        kept += [{**entry, "fieldsV1": left}] if left else []
    for found in own_fields:
        ours = {"manager": own, "operation": "Apply", "apiVersion": live["apiVersion"], "fieldsType": "FieldsV1"}
        kept = ownership.merged(kept, {**ours, "fieldsV1": found})
    return kept


def _whole_item(raw: Raw) -> Raw:
    """The keys that lead to a field, or to the item of a list that the field tells from the others."""
    for index, key in enumerate(raw[:-1]):
        if key.startswith("k:") and raw[index + 1].removeprefix("f:") in json.loads(key[2:]):
            return raw[: index + 1]
    return raw


def with_accepted(manifest: Mapping[str, Any], accepted: Sequence[Difference]) -> dict[str, Any]:
    """A declared object in which what may differ is as it is in the cluster."""
    wanted: dict[str, Any] = copy.deepcopy(dict(manifest))
    for each in accepted:
        if not each.path or each.change == "added":
            continue
        parent, step = at(wanted, each.path[:-1]), each.path[-1]
        key = paths.index_of(parent, step) if isinstance(step, Item) else step
        if each.live is not MISSING:
            parent[key] = each.live
        else:
            del parent[key]
    return wanted


def json_patch(live: Mapping[str, Any], wrong: Sequence[Difference]) -> Iterator[dict[str, Any]]:
    """The operations (RFC 6902) that mend an object; places in lists are those of the object as it is.

    Arguments:
        live: the object.
        wrong: what is to be mended.
    """
    # Where the object has another version by now, the API server answers that this conflicts.
    yield {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]}
    for each in wrong:
        if each.change == "changed":
            yield {"op": "replace", "path": _pointer(live, each.path), "value": each.declared}
    for each in wrong:
        if each.change == "removed":
            yield {"op": "add", "path": _pointer(live, each.path), "value": each.declared}
    added = [_pointer(live, each.path) for each in wrong if each.change == "added"]
    # From the end of each list on, so that the places of the others stay.
    yield from ({"op": "remove", "path": pointer} for pointer in sorted(added, key=_in_order, reverse=True))


def _pointer(live: Mapping[str, Any], path: Path) -> str:
    """A path as a JSON pointer (RFC 6901); the item of a list that is not there leads to the list's end."""
    found: list[str] = []
    value: Any = live
    for step in path:
        key: Any = paths.index_of(value, step) if isinstance(step, Item) else step
        found.append("-" if key is None else str(key).replace("~", "~0").replace("/", "~1"))
        value = MISSING if key is None else at(value, (step,))
    return "".join(f"/{each}" for each in found)


def _in_order(pointer: str) -> list[tuple[int, str]]:
    return [(int(each), "") if each.isdigit() else (-1, each) for each in pointer.split("/")]


def _said(answer: api_server.Answer) -> str:
    try:
        return str(answer.document().get("message") or answer.reason)
    except (ValueError, AttributeError):
        return f"HTTP {answer.status} {answer.reason}"
