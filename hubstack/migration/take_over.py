"""The first update after an adoption: it takes the live objects over in place, and hides Helm's record at the end.

Mode native: the provider adopts objects that exist (server-side apply under its own field manager, forced), nothing is
deleted or replaced. Mode helm: the live release is written into the state, and upgraded from there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console

from hubstack.errors import HubstackError
from hubstack.lifecycle import interruption
from hubstack.migration import access, helm_storage, live, ownership
from hubstack.project import stacks
from hubstack.project.stacks import Stack

if TYPE_CHECKING:
    from hubstack.lifecycle.updates import Report

RELEASE_URN_TYPE = "hubstack:index:JupyterHub$kubernetes:helm.sh/v3:Release"
JUPYTERHUB_TYPE = "hubstack:index:JupyterHub"
PROVIDER_TYPE = "pulumi:providers:kubernetes"
TOKEN_KEY_TYPE = "random:index/randomBytes:RandomBytes"
FORMER = (ownership.HELM, ownership.DRAWN)
"""Who has had the objects: Helm, or a state that is lost."""
READ_SERVICE = "jupyterhub-proxy-public"
"""Logical name of the Service that mode helm reads, and does not own."""


class Engine(Protocol):
    """What is needed of `hubstack.updates.Updater`."""

    def deploy(self, *, exclude: Sequence[str] = ()) -> Report:
        """One update."""

    def preview(self, *, refresh: bool = False) -> Report:
        """What it would do."""

    def entries(self) -> Mapping[str, str]:
        """Text of each setting as the program gets it, secrets in the open."""

    def taking_over(self) -> AbstractContextManager[None]:
        """Let operations take over objects that exist already."""

    def refresh(self) -> Any:
        """Make the state say what is in the cluster."""

    def outputs(self) -> dict[str, Any]:
        """Outputs of the last update that ended well."""

    def state(self) -> dict[str, Any]:
        """The state."""

    def edit_state(self, change: Callable[[dict[str, Any]], bool]) -> None:
        """Change the state."""


def up(engine: Engine, stack: Stack, console: Console) -> Report:
    """Update a stack that goes on with a hub that Helm deployed.

    Raises:
        HubstackError: taking over would delete or replace something, or an operation of Helm is unfinished.
    """
    if stack.mode == "helm":
        return _with_live_release(engine, stack, console)
    released = is_pending(stack)
    if not released and engine.outputs().get("mode"):  # an update has ended since: nothing is left to take over
        if ownership.hand_over(stack, engine.state(), FORMER):  # an earlier run was killed before it could
            engine.refresh()
        return engine.deploy()
    _require_tokens(engine, stack)
    with engine.taking_over():
        whose = f" of Helm release {stack.config['hubstack:takeOver']}" if released else ""
        console.print(f"taking over the objects{whose}, in place")
        _require_in_place(engine.preview().steps)
        report = engine.deploy()
    ownership.hand_over(stack, engine.state(), FORMER)
    if released:
        retire(stack, console)
    # What the cluster's controllers wrote while the objects changed hands is not to be a change of the next update.
    engine.refresh()
    return report


def _with_live_release(engine: Engine, stack: Stack, console: Console) -> Report:
    """Let the state know the live release, then update as usual, and say which pods that has restarted."""
    if not lacks_release(stack, engine.state()):
        return engine.deploy()
    _require_tokens(engine, stack)
    before = live.pod_templates(client(stack), stack.namespace)
    with engine.taking_over():  # what is not the chart's, such as the namespace, may be there too
        engine.deploy(exclude=[release_urn(stack)])
    engine.edit_state(lambda deployment: add_release(stack, deployment))
    _require_in_place(engine.preview().steps)
    report = engine.deploy()
    after = live.pod_templates(client(stack), stack.namespace)
    for name in sorted(name for name, template in before.items() if after.get(name) != template):
        console.print(
            f"restarted: {name}, because {_why(before[name], after.get(name))}", highlight=False, soft_wrap=True
        )
    return report


def _why(before: Any, after: Any) -> str:
    """What is different between two pod templates, in a few words."""
    if after is None:
        return "it is gone"
    bare = [{**each, "metadata": {**each["metadata"], "annotations": None}} for each in (before, after)]
    return "the chart writes other checksums for the same settings" if bare[0] == bare[1] else "its pods are different"


def _require_tokens(engine: Engine, stack: Stack) -> None:
    """A state without tokens makes new ones; they must not take the place of those that the hub has.

    Raises:
        HubstackError: the stack does not know the live hub's tokens.
    """
    if any(each["type"] == TOKEN_KEY_TYPE for each in engine.state().get("resources") or []):
        return
    resolved = live.resolve(engine.entries())
    found = live.names(live.missing_tokens(client(stack), stack.namespace, resolved.loaded.tree))
    if missing := sorted({*found} - {*resolved.config.adopted_tokens.by_name(), *resolved.config.rotate_tokens}):
        raise HubstackError(
            f"hubstack:takeOver: the live hub has tokens that stack {stack.name} does not know ({', '.join(missing)}): "
            "new ones would take their place, and logins and encrypted auth state be lost. "
            f"`hubstack recover --stack {stack.name}` writes them into its file. Nothing was changed."
        )


def _require_in_place(steps: Sequence[tuple[str, str]]) -> None:
    wrong = [f"{operation} {name}" for operation, name in steps if operation not in ("create", "update")]
    if wrong:
        raise HubstackError(f"taking over would not be in place: {', '.join(wrong)}. Nothing was changed.")


def client(stack: Stack) -> Any:
    """An ApiClient of the official package for the stack's context. Raises HubstackError."""
    return access.client(stack.context, stack.kubeconfig)


def is_pending(stack: Stack) -> bool:
    """Whether Helm still manages the release whose objects a native stack is to take over.

    Raises:
        HubstackError: an operation of Helm on it is unfinished.
    """
    release = stack.config.get("hubstack:takeOver")
    if not release or stack.mode != "native":
        return False
    api = client(stack)
    if not helm_storage.records(api, stack.namespace, release):
        return False
    helm_storage.deployed(api, stack.namespace, release)
    return True


def retire(stack: Stack, console: Console) -> None:
    """Hide the taken-over release from Helm; its records stay in the namespace under another label."""
    release = stack.config["hubstack:takeOver"]
    count = helm_storage.retire(client(stack), stack.namespace, release)
    console.print(f"Helm no longer lists release {release}: {count} records are kept under a label of their own")


def release_urn(stack: Stack) -> str:
    """URN of the Helm release in a stack."""
    return f"urn:pulumi:{stack.name}::{stack.project}::{RELEASE_URN_TYPE}::jupyterhub-release"


def lacks_release(stack: Stack, deployment: Mapping[str, Any]) -> bool:
    """Whether a stack in mode helm has yet to learn of the live release that it is to go on with."""
    known = any(each["urn"] == release_urn(stack) for each in deployment.get("resources") or [])
    return bool(stack.config.get("hubstack:takeOver")) and stack.mode == "helm" and not known


def add_release(stack: Stack, deployment: dict[str, Any]) -> bool:
    """Write the live release into the state of a stack that has everything else already.

    Raises:
        HubstackError: the release is gone, or in the middle of something.
    """
    record = helm_storage.deployed(client(stack), stack.namespace, stack.config["hubstack:takeOver"])
    # The engine has noted the Service that depends on the release, and knows no more of it than that.
    resources = [each for each in deployment["resources"] if not each["urn"].endswith(f"::{READ_SERVICE}")]
    parent = next(each["urn"] for each in resources if each["type"] == JUPYTERHUB_TYPE)
    provider = next(each for each in resources if each["type"] == PROVIDER_TYPE)
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
            "type": interruption.RELEASE_TYPE,
            "inputs": inputs,
            "outputs": inputs,
            "parent": parent,
            "provider": f"{provider['urn']}::{provider['id']}",
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
        if each["type"] != interruption.RELEASE_TYPE and not each["urn"].endswith(f"::{READ_SERVICE}")
    ]
    changed = len(kept) < len(deployment["resources"])
    deployment["resources"] = kept
    return changed
