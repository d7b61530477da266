"""A stack whose state is empty and whose hub is in the cluster: the state was lost, or the hub is somebody else's.

The program itself refuses to create what is there (`components.existing`), one object at a time. A look at all of them
before the engine starts leaves no half of anything, no new tokens in the state, and costs nothing once a stack is
deployed.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from hubstack import settings
from hubstack.chart import render
from hubstack.chart.release import TokenValues
from hubstack.chart.storage_class import storage_class
from hubstack.chart.tokens import services_without_token
from hubstack.components import api_server, existing
from hubstack.components.kubernetes import CLUSTER_WIDE, type_token
from hubstack.engine.state import State
from hubstack.errors import HubstackError
from hubstack.lifecycle import guards
from hubstack.migration import access
from hubstack.project.stacks import Stack

_AT_A_TIME = 8
_NAMED = 5
"""How many objects an error names."""


def refuse(stack: Stack, state: State, decrypt: guards.Decrypt | None = None) -> None:
    """Refuse the first update of a stack where the cluster has what it would create.

    Arguments:
        stack: the stack as it is to be deployed.
        state: its state.
        decrypt: as for `guards.resolved`.

    Raises:
        HubstackError: what is there, and how to go on; or the cluster does not answer.
    """
    if stack.settings.get("takeOver") or state.knows_the_cluster:
        return
    resolved = guards.resolved(stack, decrypt)
    if resolved is None:
        return
    if found := _found(access.of(stack), resolved):
        some = ", ".join(found[:_NAMED]) + (f" and {len(found) - _NAMED} more" if len(found) > _NAMED else "")
        raise HubstackError(f"{some}{existing.ADVICE.format(stack=stack.name)}")


def _found(client: Any, resolved: settings.StackSettings) -> list[str]:
    """Kind and name of everything that is there."""
    objects = _objects(resolved)
    namespace = api_server.path("v1", "Namespace", "", resolved.config.namespace)
    if api_server.get(client, namespace)[0] == HTTPStatus.NOT_FOUND:  # nothing can be in it
        objects = [each for each in objects if each["kind"] in CLUSTER_WIDE]
    resources = [_resource(each, resolved.config.namespace) for each in objects]
    if resolved.config.mode == "helm":
        release = {"namespace": resolved.config.namespace, "name": resolved.release_name}
        resources.insert(0, (existing.RELEASE, release))
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        there = list(pool.map(lambda each: existing.exists(client, *each), resources))
    return [existing.kind_and_name(*each) for each in itertools.compress(resources, there)]


def _objects(resolved: settings.StackSettings) -> Sequence[Mapping[str, Any]]:
    """Everything that the engine would create itself; their content does not matter here."""
    config = resolved.config
    made: list[Mapping[str, Any]] = []
    if config.create_namespace:
        made.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": config.namespace}})
    if config.storage_class is not None:
        made.append(storage_class(config.storage_class))
    if config.mode == "native" and resolved.release is not None:
        services = dict.fromkeys(services_without_token(resolved.loaded.tree), "")
        made += render.objects(resolved.release, TokenValues("", "", "", services))
    return made


def _resource(manifest: Mapping[str, Any], namespace: str) -> tuple[str, Mapping[str, Any]]:
    """Type and inputs of a manifest, which goes into a namespace if its kind does."""
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    metadata = {"name": name} if kind in CLUSTER_WIDE else {"name": name, "namespace": namespace}
    return type_token(manifest["apiVersion"], kind), {"metadata": metadata}
