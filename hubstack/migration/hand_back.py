"""`hubstack release`: a hub is handed back to Helm; the cluster keeps all of it, and the stack is gone."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hubstack.chart.release import CHART_REPOSITORY
from hubstack.engine.stack import EngineStack
from hubstack.errors import HubstackError
from hubstack.migration import access, helm_storage, live, native_to_helm
from hubstack.project.stacks import Stack


@dataclass(frozen=True)
class HandedBack:
    """What Helm has now."""

    release: str
    namespace: str
    revision: int
    """Helm's revision of what is deployed."""
    version: str
    """Of the chart."""
    resources: int
    """Number of resources that the stack has forgotten."""
    was_native: bool


def hand_back(engine: EngineStack) -> HandedBack:
    """Make Helm the manager of a stack's objects, then forget the stack; can be repeated after an interruption.

    Arguments:
        engine: the engine on a stack that is deployed as its settings say.

    Raises:
        HubstackError: nothing is deployed, an operation is unfinished, or the settings are not what is deployed: Helm
            would be given settings that the hub does not have. Nothing was changed then.
    """
    stack, state = engine.stack, engine.state()
    native_to_helm.refuse_unfinished(stack, state)
    objects = native_to_helm.objects(state)
    if not objects and not state.release:
        raise HubstackError(f"stack {stack.name}: no hub is deployed, so there is nothing to hand back")
    if waiting := [f"{operation} {name}" for operation, name in engine.preview().steps]:
        some = ", ".join(waiting[:5]) + (", ..." if waiting[5:] else "")
        raise HubstackError(
            f"stack {stack.name}: its settings are not what is deployed ({some}); deploy them first: "
            f"hubstack up --stack {stack.name}. Nothing was changed."
        )
    name, client = stack.release_name, access.of(stack)
    if objects:
        values = live.resolve(engine.entries(), stack.root).loaded.user
        record = native_to_helm.create_release(client, stack.namespace, name, objects, values)
    else:
        record = helm_storage.deployed(client, stack.namespace, name)
    engine.edit_state(lambda state: replace(state, resources=()))
    engine.forget()
    return HandedBack(name, stack.namespace, record.revision, record.version, len(state.resources), bool(objects))


def next_steps(stack: Stack, done: HandedBack) -> list[str]:
    """What is where now, and how to go on with Helm."""
    where = f"--namespace {done.namespace} --kube-context {stack.context}"
    restart = "    hub and user-scheduler restart once if their pods have checksums that the chart would not write"
    return [
        f"every object is in namespace {done.namespace} as it was; the hub's Secret has the tokens to go on with",
        f"Helm has release {done.release}, revision {done.revision}; stack {stack.name} is gone from the backend",
        "Next:",
        f"  helm get values {done.release} {where} --output yaml > config.yaml    # with its secrets in the open",
        f"  helm upgrade {done.release} jupyterhub --repo {CHART_REPOSITORY} --version {done.version} {where} "
        "--values config.yaml",
        *([restart] if done.was_native else []),
        f"  git rm Pulumi.{stack.base}.yaml",
        f"Back again: hubstack adopt --release {done.release} --context {stack.context} --namespace {done.namespace} "
        "--stack NAME",
    ]
