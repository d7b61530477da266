"""The pieces of a take-over: a stack goes on with live objects, in place, and Helm's record is hidden at the end.

Mode native: the provider adopts objects that exist (server-side apply under its own field manager, forced), nothing is
deleted or replaced. Mode helm: the live release is written into the state, and upgraded from there. The order of the
pieces is that of `hubstack.lifecycle.deploy`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any

from hubstack.engine import provider
from hubstack.engine.stack import EngineStack
from hubstack.engine.state import HELM_RELEASE, JUPYTERHUB, PROVIDER, Resource, State, secret
from hubstack.errors import HubstackError
from hubstack.migration import access, helm_storage, live, ownership
from hubstack.project.stacks import Stack

FORMER_OWNERS = (ownership.HELM, ownership.MODE_HELM, ownership.DRAWN)
"""Who has had the objects: Helm, the stack itself in mode helm, or a state that is lost."""
READ_SERVICE = "jupyterhub-proxy-public"
"""Logical name of the Service that mode helm reads, and does not own."""


class Source(Enum):
    """What an update takes over."""

    NOTHING = "nothing"
    HELM_OBJECTS = "the objects of a Helm release, which Helm gives up"
    LOST_OBJECTS = "the objects of a state that is lost"
    HELM_RELEASE = "a Helm release as it is, which Helm keeps"

    @property
    def are_objects(self) -> bool:
        """Whether each object is taken over by itself."""
        return self in (Source.HELM_OBJECTS, Source.LOST_OBJECTS)


def find_source(stack: Stack, state: State) -> Source:
    """What the next update of a stack is to take over.

    Arguments:
        stack: the stack as its settings describe it.
        state: its state.

    Raises:
        HubstackError: an operation of Helm on the release is unfinished.
    """
    release = stack.settings.get("takeOver")
    if not release:
        return Source.NOTHING
    if stack.mode == "helm":
        return Source.NOTHING if _knows_release(stack, state) else Source.HELM_RELEASE
    client = access.of(stack)
    if helm_storage.records(client, stack.namespace, release):
        helm_storage.deployed(client, stack.namespace, release)
        return Source.HELM_OBJECTS
    # Once an update has ended, nothing is left to take over.
    return Source.NOTHING if state.outputs.get("mode") else Source.LOST_OBJECTS


def require_tokens(engine: EngineStack, state: State) -> None:
    """Refuse a state without tokens, which would make new ones, where the hub has tokens that the stack does not know.

    Raises:
        HubstackError: the names of such tokens, and how to make the stack know them.
    """
    if state.token_key:
        return
    stack = engine.stack
    resolved = live.resolve(engine.entries(), stack.root)
    live_tokens = live.tokens(access.of(stack), stack.namespace, resolved.names)
    found = live.token_names(live.missing_tokens(live_tokens, resolved.loaded.tree))
    if missing := sorted({*found} - {*resolved.config.adopted_tokens.by_name(), *resolved.config.rotate_tokens}):
        raise HubstackError(
            f"hubstack:takeOver: the live hub has tokens that stack {stack.name} does not know ({', '.join(missing)}): "
            "new ones would take their place, and logins and encrypted auth state be lost. "
            f"`hubstack recover --stack {stack.name}` writes them into its file. Nothing was changed."
        )


def require_in_place(steps: Sequence[tuple[str, str]]) -> None:
    """Refuse a take-over that would delete or replace something.

    Arguments:
        steps: operation and resource, as the engine's preview gives them.

    Raises:
        HubstackError: names what would not stay.
    """
    wrong = [f"{operation} {name}" for operation, name in steps if operation not in ("create", "update")]
    if wrong:
        raise HubstackError(f"taking over would not be in place: {', '.join(wrong)}. Nothing was changed.")


def import_release(engine: EngineStack) -> None:
    """Write the live release into the state of a stack in mode helm, after everything that is not the release's."""
    # What is not the chart's, such as the namespace, may be there too.
    engine.update(exclude=[release_urn(engine.stack)], variables=provider.TAKE_OVER)
    engine.edit_state(lambda state: add_release(engine.stack, state))


def hide_release(stack: Stack) -> int:
    """Hide the release whose objects were taken over from Helm, and return how many records that were.

    The records stay in the namespace under another label.
    """
    return helm_storage.retire(access.of(stack), stack.namespace, stack.settings["takeOver"])


def restarts(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Each workload whose pods have restarted, with the reason.

    Arguments:
        before: pod templates by name, see `live.pod_templates`.
        after: the same, later.
    """
    changed = sorted(name for name, template in before.items() if after.get(name) != template)
    return [f"{name}, because {_why(before[name], after.get(name))}" for name in changed]


def _why(before: Any, after: Any) -> str:
    """What is different between two pod templates, in a few words."""
    if after is None:
        return "it is gone"
    bare = [{**each, "metadata": {**each["metadata"], "annotations": None}} for each in (before, after)]
    return "the chart writes other checksums for the same settings" if bare[0] == bare[1] else "its pods are different"


def release_urn(stack: Stack) -> str:
    """URN of the Helm release in a stack."""
    return f"urn:pulumi:{stack.name}::{stack.project}::{JUPYTERHUB}${HELM_RELEASE}::jupyterhub-release"


def _knows_release(stack: Stack, state: State) -> bool:
    return any(each.urn == release_urn(stack) for each in state.resources)


def add_release(stack: Stack, state: State) -> State:
    """The state of a stack that has everything else already, with the live release.

    Raises:
        HubstackError: the release is gone, or in the middle of something.
    """
    record = helm_storage.deployed(access.of(stack), stack.namespace, stack.settings["takeOver"])
    # The engine has noted the Service that depends on the release, and knows no more of it than that.
    known = state.where(lambda each: each.name != READ_SERVICE)
    provider = next(known.of_type(PROVIDER))
    inputs = {
        "name": record.release,
        "namespace": record.namespace,
        "chart": record.chart,
        "version": record.version,
        "values": _secret_leaves(record.values),
    }
    release = Resource(
        urn=release_urn(stack),
        type=HELM_RELEASE,
        id=f"{record.namespace}/{record.release}",
        inputs=inputs,
        outputs=inputs,
        parent=next(known.of_type(JUPYTERHUB)).urn,
        provider=f"{provider.urn}::{provider.id}",
        rest={"custom": True},
    )
    return replace(known, resources=(*known.resources, release))


def _secret_leaves(value: Any) -> Any:
    """A tree with each leaf as a secret of the state."""
    if isinstance(value, Mapping) and value:
        return {key: _secret_leaves(member) for key, member in value.items()}
    return secret(value)


def forget_release(state: State) -> State:
    """A state without the Helm release and the Service that was read from it; the cluster keeps all of it."""
    return state.where(lambda each: each.type != HELM_RELEASE and each.name != READ_SERVICE)
