"""`hubstack release`: the stack lets go of a hub, the cluster keeps all of it, and Helm can go on with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hubstack import settings
from hubstack.errors import HubstackError
from hubstack.lifecycle import interruption
from hubstack.migration import giving, helm_storage, live, switch, take_over
from hubstack.project.stacks import Stack


class Engine(Protocol):
    """What is needed of `hubstack.updates.Updater`."""

    def preview(self, *, refresh: bool = False) -> Any:
        """What an update would do."""

    def entries(self) -> Mapping[str, str]:
        """Text of each setting as the program gets it, secrets in the open."""

    def state(self) -> dict[str, Any]:
        """The state."""

    def edit_state(self, change: Callable[[dict[str, Any]], bool]) -> None:
        """Change the state."""

    def forget(self) -> None:
        """Remove the stack, whose state is empty, from the backend."""


@dataclass(frozen=True)
class Released:
    """What was let go."""

    release: str
    namespace: str
    revision: int
    """Helm's revision of what is deployed."""
    version: str
    """Of the chart."""
    resources: int
    """Number of resources that the stack has forgotten."""
    was_native: bool


def release(engine: Engine, stack: Stack) -> Released:
    """Make Helm the manager of a stack's objects, then forget the stack; can be repeated after an interruption.

    Arguments:
        engine: the engine on the stack.
        stack: the stack, deployed as its settings say.

    Raises:
        HubstackError: nothing is deployed, an operation is unfinished, or the settings are not what is deployed: Helm
            would be given settings that the hub does not have. Nothing was changed then.
    """
    deployment = engine.state()
    giving.refuse_unfinished(stack, deployment)
    resources = deployment.get("resources") or []
    objects = giving.objects(deployment)
    if not objects and not any(each["type"] == interruption.RELEASE_TYPE for each in resources):
        raise HubstackError(f"stack {stack.name}: no hub is deployed, so there is nothing to let go")
    if waiting := [f"{operation} {name}" for operation, name in engine.preview().steps]:
        some = ", ".join(waiting[:5]) + (", ..." if waiting[5:] else "")
        raise HubstackError(
            f"stack {stack.name}: its settings are not what is deployed ({some}); deploy them first: "
            f"hubstack up --stack {stack.name}. Nothing was changed."
        )
    name, client = switch.release_name(stack), take_over.client(stack)
    if objects:
        record = giving.give(client, stack.namespace, name, objects, live.resolve(engine.entries()).loaded.user)
    else:
        record = helm_storage.deployed(client, stack.namespace, name)
    engine.edit_state(_forget_all)
    engine.forget()
    return Released(name, stack.namespace, record.revision, record.version, len(resources), bool(objects))


def next_steps(stack: Stack, done: Released) -> list[str]:
    """What is where now, and how to go on with Helm."""
    where = f"--namespace {done.namespace} --kube-context {stack.context}"
    restart = "    hub and user-scheduler restart once if their pods have checksums that the chart would not write"
    return [
        f"every object is in namespace {done.namespace} as it was; the hub's Secret has the tokens to go on with",
        f"Helm has release {done.release}, revision {done.revision}; stack {stack.name} is gone from the backend",
        "Next:",
        f"  helm get values {done.release} {where} --output yaml > config.yaml    # with its secrets in the open",
        f"  helm upgrade {done.release} jupyterhub --repo {settings.CHART_REPOSITORY} --version {done.version} {where} "
        "--values config.yaml",
        *([restart] if done.was_native else []),
        f"  git rm Pulumi.{stack.base}.yaml",
        f"Back again: hubstack adopt --release {done.release} --context {stack.context} --namespace {done.namespace} "
        "--stack NAME",
    ]


def _forget_all(deployment: dict[str, Any]) -> bool:
    deployment["resources"] = []
    return True
