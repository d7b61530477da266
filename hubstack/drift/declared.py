"""The objects of a stack as its last update has declared them: in its state, or in Helm's record of its release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hubstack.components.kubernetes import CLUSTER_WIDE
from hubstack.drift import fields
from hubstack.drift.paths import Path, at
from hubstack.engine.state import HELM_RELEASE, Resource, State, is_secret, revealed
from hubstack.errors import HubstackError
from hubstack.migration import helm_storage
from hubstack.migration.access import Target
from hubstack.parity import helm_documents

Object = dict[str, Any]

MANAGER = "__fieldManager"
"""Output in which the provider keeps the manager that it has drawn for an object."""


@dataclass(frozen=True)
class Declared:
    """One object of a stack."""

    target: Target
    manifest: Mapping[str, Any]
    """As it was declared; parts may be encrypted."""
    own: str = ""
    """The stack's manager of this object; blank for an object of a Helm release."""
    recorded: fields.Fields | None = None
    """The fields of that manager when the state was written."""

    @property
    def is_closed(self) -> bool:
        """Whether a part of it is encrypted."""
        return is_closed(self.manifest, ())

    def is_untouched(self, live: Mapping[str, Any]) -> bool:
        """Whether nobody but the stack and the cluster has written the live object since the state was written.

        A field that somebody else changes or removes is no longer among those of the stack's manager.
        """
        found = fields.entries(live)
        own = [each.fields for each in found if each.manager == self.own and each.operation == "Apply"]
        others = [each for each in found if not each.is_of_a_stack and not each.is_of_the_cluster]
        return self.recorded is not None and own == [self.recorded] and not others


def of_state(state: State) -> list[Declared]:
    """The objects that are resources of a stack, in the order of its state."""
    return [_of_resource(each) for each in state.resources if _is_object(each)]


def opened(declared: Declared, state: State) -> Declared:
    """An object with nothing encrypted.

    Arguments:
        declared: the object.
        state: the stack's state, secrets in the open.
    """
    for each in state.resources:
        if _is_object(each) and (found := _of_resource(each)).target == declared.target:
            return Declared(found.target, plain(revealed(found.manifest)), declared.own, declared.recorded)
    raise HubstackError(f"{declared.target.kind} {declared.target.name}: an update has taken it away; run it again")


def of_release(release: Resource, record: helm_storage.Record) -> list[Declared]:
    """The objects of a Helm release; hooks, which it does not keep, are not among them.

    Arguments:
        release: the release as the state has it.
        record: Helm's record of the revision that the state knows.
    """
    added = {
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {
            "meta.helm.sh/release-name": record.release,
            "meta.helm.sh/release-namespace": record.namespace,
        },
    }
    return list(_of_documents(helm_documents.read(record.manifest), record.namespace, added))


def _of_documents(documents: list[Object], namespace: str, added: Object) -> Iterator[Declared]:
    for each in documents:
        metadata = dict(each.get("metadata") or {})
        place = "" if each["kind"] in CLUSTER_WIDE else str(metadata.get("namespace") or namespace)
        target = Target(each["apiVersion"], each["kind"], place, str(metadata["name"]))
        # Helm adds these to what it installs (Helm: ``pkg/action/validate.go``).
        metadata |= {key: {**(metadata.get(key) or {}), **values} for key, values in added.items()}
        yield Declared(target, plain({**each, "metadata": metadata}))


def revision(release: Resource) -> int:
    """The revision of a release that the state knows."""
    return int((release.outputs.get("status") or {}).get("revision") or 0)


def _is_object(each: Resource) -> bool:
    """Whether a resource is an object that the stack has made, and keeps."""
    read_only = each.rest.get("external") or each.rest.get("delete")
    return each.is_kubernetes and each.type != HELM_RELEASE and bool(each.id) and not read_only


def _of_resource(each: Resource) -> Declared:
    target = Target(each.api_version, each.kind, each.namespace, each.object_name)
    own = str(each.outputs.get(MANAGER) or "")
    known = {"metadata": {"managedFields": ((each.outputs.get("metadata") or {}).get("managedFields") or [])}}
    applied = [entry.fields for entry in fields.entries(known) if entry.manager == own and entry.operation == "Apply"]
    return Declared(target, each.inputs, own, applied[0] if applied else None)


def plain(manifest: Mapping[str, Any]) -> Object:
    """A manifest as the API server keeps it: a Secret's ``stringData`` among its ``data``."""
    import base64

    texts = manifest.get("stringData")
    if manifest.get("kind") != "Secret" or not isinstance(texts, Mapping):
        return dict(manifest)
    encoded = {key: base64.b64encode(str(text).encode()).decode() for key, text in texts.items()}
    rest = {key: value for key, value in manifest.items() if key != "stringData"}
    return {**rest, "data": {**(manifest.get("data") or {}), **encoded}}


def is_closed(value: Any, path: Path) -> bool:
    """Whether what is at a path of a state's values is encrypted, or is in something that is, or has it inside."""
    if is_secret(value):
        return True
    if path:
        return is_closed(at(value, path[:1]), path[1:])
    if isinstance(value, Mapping):
        return any(is_closed(each, ()) for each in value.values())
    return isinstance(value, list) and any(is_closed(each, ()) for each in value)
