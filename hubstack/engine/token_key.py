"""States of earlier versions, in which the key of all tokens can be read: the key moves, and no token changes.

It was a ``RandomBytes``, whose id is its bytes; it becomes a ``Stash`` (docs/adr/0023). The engine could not do that
itself: a resource of one type is never updated to be one of another.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hubstack.components import token_key
from hubstack.engine.state import Resource, State
from hubstack.errors import HubstackError

BUILTIN_PROVIDER = "pulumi:providers:pulumi"
"""What the engine writes into a state for its own resources; it has neither version nor settings."""
_STILL_TRUE = ("created", "modified", "sourcePosition")
"""What the engine has noted of the former key and would note of the moved one."""


def is_known_to(root: Path) -> bool:
    """Whether the program of a folder looks for the key where it moves to: a rollout may deploy an earlier revision.

    Arguments:
        root: the program's folder. A Hubstack that lies beside the program is the one that it imports.
    """
    own = root / "hubstack" / "components"
    imported = own if (root / "__main__.py").is_file() and own.is_dir() else Path(token_key.__file__).parent
    return (imported / Path(token_key.__file__).name).is_file()


def moved(state: State) -> State:
    """A state with each key where this version has it; the same state where nothing has to move.

    Arguments:
        state: a state as the engine exported it, secrets encrypted or in the open.
    """
    # A key that was about to be made or deleted is nowhere but in the state.
    state = replace(state, pending=tuple(each for each in state.pending if not each.resource.is_former_token_key))
    former = [each for each in state.resources if each.is_former_token_key]
    if not former:
        return state
    provider = _builtin_provider(state)
    names = {each.urn: each.urn.replace(f"${token_key.FORMER}::", f"${token_key.STASH}::") for each in former}
    resources = [provider]  # the engine wants it before what it is the provider of
    for each in state.resources:
        if not each.is_former_token_key:
            resources += [] if each.urn == provider.urn else [_renamed(each, names)]
        elif not each.rest.get("delete"):
            resources.append(_stash(each, names[each.urn], provider))
    pending = (replace(each, resource=_renamed(each.resource, names)) for each in state.pending)
    return replace(state, resources=tuple(resources), pending=tuple(pending))


def moved_export(text: str) -> str:
    """The same for what ``pulumi stack export`` prints; gives what ``pulumi stack import`` reads.

    Arguments:
        text: the export.

    Raises:
        HubstackError: it is no export.
    """
    try:
        exported = json.loads(text)
        state = State.read(exported["deployment"])
    except (ValueError, TypeError, KeyError, AttributeError):
        raise HubstackError("standard input: is not what `pulumi stack export` prints; nothing was moved") from None
    after = moved(state)
    return text if after == state else json.dumps({**exported, "deployment": after.document()})


def _builtin_provider(state: State) -> Resource:
    """The engine's own provider: as the state has it, else as the engine would write it."""
    named = state.resources[0].urn.removeprefix("urn:pulumi:").split("::")[:2]
    urn = f"urn:pulumi:{'::'.join(named)}::{BUILTIN_PROVIDER}::default"
    made = Resource(urn=urn, type=BUILTIN_PROVIDER, id=str(uuid.uuid4()), rest={"custom": True})
    return next((each for each in state.resources if each.urn == urn), made)


def _stash(former: Resource, urn: str, provider: Resource) -> Resource:
    """The key as a Stash, with nothing of the former one that tells it in the open."""
    value = {token_key.IN_STASH: former.outputs["hex"]}
    return Resource(
        urn=urn,
        type=token_key.STASH,
        id=str(uuid.uuid4()),
        inputs={"input": value},
        outputs={"input": value, "output": value},
        parent=former.parent,
        provider=f"{provider.urn}::{provider.id}",
        protect=former.protect,
        retain_on_delete=former.retain_on_delete,
        rest={
            "custom": True,
            "propertyDependencies": {"input": []},
            **{name: former.rest[name] for name in _STILL_TRUE if name in former.rest},
            "ignoreChanges": [f"input.{token_key.IN_STASH}"],
            # no rotation was ever asked for; without the empty text the engine would not see the first one
            "replacementTrigger": "",
        },
    )


def _renamed(resource: Resource, names: Mapping[str, str]) -> Resource:
    """A resource with other URNs, wherever it names them."""

    def change(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: change(member) for key, member in value.items()}
        if isinstance(value, list):
            return [change(member) for member in value]
        return names.get(value, value) if isinstance(value, str) else value

    return Resource.read(change(resource.document()))
