"""What the engine's events are about: an object by its kind, its name in the cluster and its part of the hub."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_NOT_OURS = ("pulumi:pulumi:", "pulumi:providers:", "hubstack:index:")
"""Begin of the types of what is in no cluster: the stack, its providers, the components."""
_COMPONENT = "hubstack:index:"
_WHOLE = "JupyterHub"
_REGISTERING = re.compile(r"registering resource: ty=(?P<type>\S+), name=(?P<name>[^,]+),")
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True)
class Thing:
    """One object, or a token, that an operation is about."""

    kind: str
    name: str
    """As the cluster has it, where it is an object of the cluster; else the logical name."""
    part: str
    """Part of the hub that it belongs to, such as ``user scheduler``."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def is_object(token: str) -> bool:
    """Whether a type of the engine's is of something that is made, and not a stack, a provider or a component.

    Arguments:
        token: the type, such as ``kubernetes:core/v1:Service``.
    """
    return not token.startswith(_NOT_OURS)


def thing(metadata: Mapping[str, Any]) -> Thing:
    """What a step of the engine is about.

    Arguments:
        metadata: of an event, with ``urn``, ``type`` and the resource before and after.
    """
    chain, _, logical = str(metadata["urn"]).split("::", 2)[2].rpartition("::")
    for side in ("new", "old"):
        inputs: Mapping[str, Any] = (metadata.get(side) or {}).get("inputs") or {}
        inner = inputs.get("metadata")
        named = inner if isinstance(inner, Mapping) else inputs
        if isinstance(named.get("name"), str):
            return Thing(_kind(chain), named["name"], part(chain))
    return Thing(_kind(chain), logical, part(chain))


def part(chain: str) -> str:
    """The part of the hub, from the types of a resource and of all that it is in.

    Arguments:
        chain: types, the outermost first, with ``$`` between them.
    """
    parents = [each.removeprefix(_COMPONENT) for each in chain.split("$")[:-1] if each.startswith(_COMPONENT)]
    inner = [each for each in parents if each != _WHOLE]
    return _WORD.sub(" ", inner[-1]).lower() if inner else "shared objects"


def _kind(chain: str) -> str:
    return chain.rpartition("$")[2].rpartition(":")[2]


@dataclass
class Planned:
    """What an operation is about, from the moment on in which the program names it.

    The program registers everything at its begin, long before the engine comes to it, and tells so in its debug
    messages (pulumi/sdk/python: ``registering resource``). Without them, the parts fill as the engine goes on.
    """

    _parts: dict[str, str] = field(default_factory=dict)
    """Part of each component, by its logical name."""
    _things: dict[str, Thing] = field(default_factory=dict)
    """By URN, of what has begun."""

    def named(self, message: str) -> Thing | None:
        """The object, with its logical name, that a message of the program's names; None for other messages.

        Arguments:
            message: of the engine's log.
        """
        found = _REGISTERING.match(message)
        if found is None:
            return None
        token, name = found["type"], found["name"]
        if token.startswith(_COMPONENT):
            self._parts[name] = part(f"{token}$")
        if not is_object(token):
            return None
        home = max((each for each in self._parts if name.startswith(f"{each}-")), key=len, default="")
        return Thing(_kind(token), name, self._parts.get(home, part("")))

    def begins(self, metadata: Mapping[str, Any]) -> Thing:
        """What a step is about; later messages of its URN are of it.

        Arguments:
            metadata: of the step's event.
        """
        about = thing(metadata)
        self._things[str(metadata["urn"])] = about
        return about

    def of(self, urn: str) -> Thing | None:
        """What has a URN, once it has begun, where it is an object.

        Arguments:
            urn: the engine's name of it.
        """
        found = self._things.get(urn)
        return found if found and is_object(urn.rpartition("::")[0].rpartition("$")[2].rpartition("::")[2]) else None
