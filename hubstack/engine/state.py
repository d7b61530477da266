"""A stack's state as the engine exports it: typed where our code asks, and left as it is everywhere else.

A state is never changed in place: whoever needs another one makes it from this one. Secrets stay in the engine's
wrapping, encrypted or in the open as they were exported; only `revealed` opens them (Pulumi:
``sdk/go/common/apitype/deployments.go``, ``sdk/go/common/resource/sig``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hubstack.components import token_key
from hubstack.components.existing import RELEASE
from hubstack.components.kubernetes import type_token

STACK = "pulumi:pulumi:Stack"
PROVIDER = "pulumi:providers:kubernetes"
HELM_RELEASE = RELEASE
NAMESPACE = type_token("v1", "Namespace")
CLAIM = type_token("v1", "PersistentVolumeClaim")
STORAGE_CLASS = type_token("storage.k8s.io/v1", "StorageClass")
TOKEN_KEY = f"hubstack:index:Tokens${token_key.STASH}"
FORMER_TOKEN_KEY = f"hubstack:index:Tokens${token_key.FORMER}"
"""The key that all tokens of a hub are derived from, now and in earlier versions: end of its type with its parents'."""
TOKEN_IDENTITY = "random:index/randomId:RandomId"
"""What tells one token from another, and changes when it is rotated."""
COMPONENT = "hubstack:index:"
"""Begin of the types of our own components."""
JUPYTERHUB = f"{COMPONENT}JupyterHub"

CREATING = "creating"
"""A pending operation that may have made an object."""

_KUBERNETES = "kubernetes:"
_SECRET = "4dabf18193072939515e22adb298388d"
"""Key by which the engine marks special values."""
_SECRET_VALUE = "1b47061264138c4ac30d75fd1eb44270"
"""What stands under it where the value is a secret."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource of a state."""

    urn: str
    type: str
    """The engine's type, such as ``kubernetes:apps/v1:Deployment``."""
    id: str = ""
    """The provider's name for it, blank for a component."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    parent: str = ""
    """URN of the parent."""
    provider: str = ""
    """URN and id of its provider."""
    protect: bool = False
    retain_on_delete: bool = False
    """Whether it stays in the cluster when the stack deletes it."""
    rest: Mapping[str, Any] = field(default_factory=dict)
    """What else the engine keeps about it."""

    @staticmethod
    def read(document: Mapping[str, Any]) -> Resource:
        """A resource from its entry in an exported state."""
        known = {name: document[key] for key, name in _FIELDS.items() if document.get(key)}
        rest = {key: value for key, value in document.items() if key not in _FIELDS}
        return Resource(**{"urn": "", "type": "", **known}, rest=rest)

    def document(self) -> dict[str, Any]:
        """The entry in a state that the engine imports; like the engine, without what is empty."""
        known = {key: getattr(self, name) for key, name in _FIELDS.items()}
        return {key: value for key, value in known.items() if value} | dict(self.rest)

    @property
    def name(self) -> str:
        """Its logical name in the program."""
        return self.urn.rpartition("::")[2]

    @property
    def is_token_key(self) -> bool:
        """Whether all tokens of a hub are derived from it."""
        return self._is(TOKEN_KEY)

    @property
    def is_former_token_key(self) -> bool:
        """Whether it is such a key as earlier versions kept it, whose id tells it."""
        return self._is(FORMER_TOKEN_KEY)

    def _is(self, types: str) -> bool:
        """Whether its type, with its parents', ends so."""
        return self.urn.rpartition("::")[0].endswith(types)

    @property
    def is_kubernetes(self) -> bool:
        """Whether the Kubernetes provider manages it: an object of the cluster, or a Helm release."""
        return self.type.startswith(_KUBERNETES)

    @property
    def api_version(self) -> str:
        """``apiVersion`` of a Kubernetes object."""
        return self.type.split(":")[1].removeprefix("core/")

    @property
    def kind(self) -> str:
        """Kind of a Kubernetes object; of any other resource the last part of its type."""
        return self.type.rpartition(":")[2]

    @property
    def object_name(self) -> str:
        """Name of a Kubernetes object in the cluster."""
        return self.id.rpartition("/")[2]

    @property
    def namespace(self) -> str:
        """Namespace of a Kubernetes object; blank for one of the whole cluster."""
        return self.id.rpartition("/")[0]

    @property
    def is_unrefreshed(self) -> bool:
        """Whether a recovery has put this object into the state and no refresh has looked at it yet.

        The provider cannot work with it: a recovery that was killed before its refresh must be done again.
        """
        return self.is_kubernetes and bool(self.id) and not self.outputs


_FIELDS = {
    "urn": "urn",
    "id": "id",
    "type": "type",
    "inputs": "inputs",
    "outputs": "outputs",
    "parent": "parent",
    "provider": "provider",
    "protect": "protect",
    "retainOnDelete": "retain_on_delete",
}
"""Field of `Resource` for each key of the engine's."""


@dataclass(frozen=True)
class PendingOperation:
    """An operation that was under way when an update was interrupted."""

    type: str
    """``creating``, ``updating``, ``deleting``, ``reading`` or ``importing``."""
    resource: Resource


@dataclass(frozen=True)
class State:
    """What the engine knows of a stack."""

    resources: tuple[Resource, ...] = ()
    pending: tuple[PendingOperation, ...] = ()
    rest: Mapping[str, Any] = field(default_factory=dict)
    """What else the engine keeps: its version, the secrets provider, what it noted about the state itself."""

    @staticmethod
    def read(deployment: Mapping[str, Any] | None) -> State:
        """A state from what the engine has exported; an empty one where nothing was deployed yet."""
        document = deployment or {}
        return State(
            tuple(Resource.read(each) for each in document.get("resources") or []),
            tuple(
                PendingOperation(each["type"], Resource.read(each["resource"]))
                for each in document.get("pending_operations") or []
            ),
            {key: value for key, value in document.items() if key not in ("resources", "pending_operations")},
        )

    def document(self) -> dict[str, Any]:
        """The state as the engine imports it."""
        pending = [{"resource": each.resource.document(), "type": each.type} for each in self.pending]
        return {
            **self.rest,
            "resources": [each.document() for each in self.resources],
            **({"pending_operations": pending} if pending else {}),
        }

    def of_type(self, *types: str) -> Iterator[Resource]:
        """The resources of some types."""
        return (each for each in self.resources if each.type in types)

    def has(self, *types: str) -> bool:
        """Whether there is a resource of one of some types."""
        return any(True for _ in self.of_type(*types))

    def where(self, kept: Callable[[Resource], bool]) -> State:
        """The state without the resources that are not kept; the cluster keeps all of them."""
        return replace(self, resources=tuple(each for each in self.resources if kept(each)))

    def map(self, change: Callable[[Resource], Resource]) -> State:
        """The state with each resource as a function changes it."""
        return replace(self, resources=tuple(change(each) for each in self.resources))

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The stack's outputs; none before its first update has ended."""
        return next((each.outputs for each in self.of_type(STACK)), {})

    @property
    def release(self) -> Resource | None:
        """The Helm release of a stack in mode helm."""
        return next(self.of_type(HELM_RELEASE), None)

    @property
    def token_key(self) -> Resource | None:
        """The key that a hub's tokens are derived from; one that a rotation is about to delete does not count."""
        keys = (each for each in self.resources if each.is_token_key or each.is_former_token_key)
        return next((each for each in keys if not each.rest.get("delete")), None)

    @property
    def rotations(self) -> dict[str, str]:
        """The text of the setting `rotateTokens` that each token was made with, by the token's name; blank for none."""
        found = {}
        for each in self.of_type(TOKEN_IDENTITY):
            owner = each.parent.rpartition("::")[2]
            keepers = each.inputs.get("keepers") or {}
            found[each.name.removeprefix(f"{owner}-")] = str(keepers.get("rotation") or "")
        if self.token_key:
            found["key"] = str(self.token_key.rest.get("replacementTrigger") or "")
        return found

    @property
    def has_former_token_key(self) -> bool:
        """Whether an earlier version wrote it, whose key has yet to move (see `engine.token_key`)."""
        return any(each.is_former_token_key for each in (*self.resources, *(each.resource for each in self.pending)))

    @property
    def knows_the_cluster(self) -> bool:
        """Whether anything was made in a cluster, or was about to be."""
        return any(each.is_kubernetes for each in (*self.resources, *(each.resource for each in self.pending)))

    @property
    def unfinished(self) -> int:
        """Number of operations that were under way, those included that an interrupted recovery has noted already."""
        return len(self.pending) + sum(each.is_unrefreshed for each in self.resources)

    @property
    def engine_version(self) -> str:
        """Version of the engine that wrote the state, without a ``v``; blank where nobody has."""
        return str((self.rest.get("manifest") or {}).get("version") or "").removeprefix("v")

    @property
    def damaged_by(self) -> str | None:
        """Version of the engine that found the state damaged; None where it is whole."""
        found = (self.rest.get("metadata") or {}).get("integrity_error")
        return str(found.get("version", "?")) if found else None


def is_secret(value: Any) -> bool:
    """Whether a value of a state is a secret, encrypted or in the open."""
    return isinstance(value, Mapping) and value.get(_SECRET) == _SECRET_VALUE


def secret(value: Any) -> dict[str, Any]:
    """A value as a secret of a state."""
    return {_SECRET: _SECRET_VALUE, "plaintext": json.dumps(value)}


def revealed(value: Any) -> Any:
    """A part of a state without the engine's wrapping of secrets; one that is encrypted stays as it is."""
    if is_secret(value) and "plaintext" in value:
        return revealed(json.loads(value["plaintext"]))
    if isinstance(value, Mapping):
        return {key: revealed(member) for key, member in value.items()}
    return [revealed(member) for member in value] if isinstance(value, list) else value
