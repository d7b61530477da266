"""The pieces of a take-over: a stack goes on with live objects, in place, and Helm's record is hidden at the end.

Mode native: the provider adopts objects that exist (server-side apply under its own field manager, forced), nothing is
deleted or replaced. Mode helm: the live release is written into the state, and upgraded from there. The order of the
pieces is that of `hubstack.lifecycle.deploy`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from hubstack.components.existing import RELEASE
from hubstack.engine import provider
from hubstack.engine.stack import EngineStack
from hubstack.errors import HubstackError
from hubstack.migration import access, helm_storage, live, ownership
from hubstack.project import stacks
from hubstack.project.stacks import Stack

SETTING = "hubstack:takeOver"
"""Setting that names the release with which a stack goes on."""
RELEASE_URN_TYPE = f"hubstack:index:JupyterHub${RELEASE}"
JUPYTERHUB_TYPE = "hubstack:index:JupyterHub"
TOKEN_KEY_TYPE = "random:index/randomBytes:RandomBytes"
FORMER_OWNERS = (ownership.HELM, ownership.DRAWN)
"""Who has had the objects: Helm, or a state that is lost."""
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


def find_source(stack: Stack, deployment: Mapping[str, Any]) -> Source:
    """What the next update of a stack is to take over.

    Arguments:
        stack: the stack as its settings describe it.
        deployment: its state.

    Raises:
        HubstackError: an operation of Helm on the release is unfinished.
    """
    release = stack.config.get(SETTING)
    if not release:
        return Source.NOTHING
    if stack.mode == "helm":
        return Source.NOTHING if _knows_release(stack, deployment) else Source.HELM_RELEASE
    client = access.of(stack)
    if helm_storage.records(client, stack.namespace, release):
        helm_storage.deployed(client, stack.namespace, release)
        return Source.HELM_OBJECTS
    # Once an update has ended, nothing is left to take over.
    return Source.NOTHING if stacks.outputs(deployment).get("mode") else Source.LOST_OBJECTS


def require_tokens(engine: EngineStack, deployment: Mapping[str, Any]) -> None:
    """Refuse a state without tokens, which would make new ones, where the hub has tokens that the stack does not know.

    Raises:
        HubstackError: the names of such tokens, and how to make the stack know them.
    """
    if any(each["type"] == TOKEN_KEY_TYPE for each in deployment.get("resources") or []):
        return
    stack = engine.stack
    resolved = live.resolve(engine.entries(), stack.root)
    live_tokens = live.tokens(access.of(stack), stack.namespace, resolved.names)
    found = live.token_names(live.missing_tokens(live_tokens, resolved.loaded.tree))
    if missing := sorted({*found} - {*resolved.config.adopted_tokens.by_name(), *resolved.config.rotate_tokens}):
        raise HubstackError(
            f"{SETTING}: the live hub has tokens that stack {stack.name} does not know ({', '.join(missing)}): "
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
    engine.edit_state(lambda deployment: add_release(engine.stack, deployment))


def hide_release(stack: Stack) -> int:
    """Hide the release whose objects were taken over from Helm, and return how many records that were.

    The records stay in the namespace under another label.
    """
    return helm_storage.retire(access.of(stack), stack.namespace, stack.config[SETTING])


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
    return f"urn:pulumi:{stack.name}::{stack.project}::{RELEASE_URN_TYPE}::jupyterhub-release"


def _knows_release(stack: Stack, deployment: Mapping[str, Any]) -> bool:
    return any(each["urn"] == release_urn(stack) for each in deployment.get("resources") or [])


def add_release(stack: Stack, deployment: dict[str, Any]) -> bool:
    """Write the live release into the state of a stack that has everything else already.

    Raises:
        HubstackError: the release is gone, or in the middle of something.
    """
    record = helm_storage.deployed(access.of(stack), stack.namespace, stack.config[SETTING])
    # The engine has noted the Service that depends on the release, and knows no more of it than that.
    resources = [each for each in deployment["resources"] if not each["urn"].endswith(f"::{READ_SERVICE}")]
    parent = next(each["urn"] for each in resources if each["type"] == JUPYTERHUB_TYPE)
    found = next(each for each in resources if each["type"] == provider.TYPE)
    inputs = {
        "name": record.release,
        "namespace": record.namespace,
        "chart": record.chart,
        "version": record.version,
        "values": _secret_leaves(record.values),
    }
    resources.append(
        {
            "urn": release_urn(stack),
            "custom": True,
            "id": f"{record.namespace}/{record.release}",
            "type": RELEASE,
            "inputs": inputs,
            "outputs": inputs,
            "parent": parent,
            "provider": f"{found['urn']}::{found['id']}",
        }
    )
    deployment["resources"] = resources
    return True


def _secret_leaves(value: Any) -> Any:
    """A tree with each leaf as a secret of the state."""
    if isinstance(value, Mapping) and value:
        return {key: _secret_leaves(member) for key, member in value.items()}
    return {stacks.SECRET: stacks.SECRET_VALUE, "plaintext": json.dumps(value)}


def forget_release(deployment: dict[str, Any]) -> bool:
    """Take the Helm release, and the Service that was read from it, out of a state; the cluster keeps all of it."""
    kept = [
        each
        for each in deployment["resources"]
        if each["type"] != RELEASE and not each["urn"].endswith(f"::{READ_SERVICE}")
    ]
    changed = len(kept) < len(deployment["resources"])
    deployment["resources"] = kept
    return changed
