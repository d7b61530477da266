"""What a stack's objects name and somebody else must have made: on an embedded cluster, made for the trial."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from hubstack import project, settings, unread
from hubstack.chart import render
from hubstack.chart.release import TokenValues
from hubstack.chart.values_tree import at, maps
from hubstack.migration import access
from hubstack.project import stacks
from hubstack.project.stacks import Stack

Reference = tuple[str, str]
"""Kind and name of a cluster-wide object."""

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Prerequisites:
    """What the objects of a stack name without making it."""

    classes: frozenset[Reference]
    """PriorityClasses and StorageClasses."""
    node_labels: tuple[Labels, ...]
    """Each set of labels that some node must have for a pod to be scheduled."""


def make_missing(stack: Stack, console: Console) -> None:
    """Make the classes and node labels that the stack's objects ask for and the embedded cluster lacks.

    A pod of an unknown priority class is refused, a claim of an unknown storage class and a pod whose node selector no
    node matches wait for ever, so that someone else's `config.yaml` would not come up. Each one made is named, because
    the real cluster must have it too.

    Raises:
        SettingsError: the stack's settings are wrong.
    """
    wanted = find(stack)
    if not wanted.classes and not wanted.node_labels:
        return
    client = access.of(stack)
    for made in [*_make_classes(client, wanted.classes), *_label_nodes(client, wanted.node_labels)]:
        console.print(f"made for this trial, your own cluster must have it: {made}")


def find(stack: Stack) -> Prerequisites:
    """What the stack's objects name without being among them; nothing where the chart's version is not modelled.

    Raises:
        SettingsError: the stack's settings are wrong.
    """
    resolved = settings.resolve(settings.parse(stacks.entries(stack.settings), set()), project.ROOT)
    if resolved.release is None:
        return Prerequisites(frozenset(), ())
    token = "0" * 64
    services = dict.fromkeys(resolved.release.values.hub.services or {}, token)
    tokens = TokenValues(proxy_auth=token, cookie_secret=token, crypt_keys=token, services=services)
    return named_by(resolved, render.objects(resolved.release, tokens))


def named_by(resolved: settings.StackSettings, objects: Sequence[Mapping[str, Any]]) -> Prerequisites:
    """What some objects name without being among them.

    Arguments:
        resolved: the settings of their stack, with a chart version that is modelled.
        objects: the stack's objects.
    """
    if resolved.release is None:
        return Prerequisites(frozenset(), ())
    storage = resolved.release.values.singleuser.storage
    users = {("StorageClass", storage.dynamic.storage_class)} if storage.type == "dynamic" else set()
    made = {(each["kind"], each["metadata"]["name"]) for each in objects}
    if resolved.config.storage_class:
        made.add(("StorageClass", resolved.config.storage_class.name))
    named = {reference for each in objects for reference in _classes(each)} | users
    selectors = {tuple(sorted(labels.items())) for each in objects if (labels := _node_labels(each))}
    return Prerequisites(
        frozenset(
            (kind, name)
            for kind, name in named - made
            if name and not name.startswith("system-") and not unread.stands_in(name)
        ),
        tuple(dict(labels) for labels in sorted(selectors)),
    )


def _classes(manifest: Mapping[str, Any]) -> Iterator[Reference]:
    priority = at(_pod(manifest), "priorityClassName")
    if isinstance(priority, str):
        yield "PriorityClass", priority
    if manifest["kind"] == "PersistentVolumeClaim" and isinstance(manifest["spec"].get("storageClassName"), str):
        yield "StorageClass", manifest["spec"]["storageClassName"]


def _node_labels(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Labels that satisfy the node selector and the first term of the required node affinity of a pod template.

    Both may be what somebody has written into the values; what is not as Kubernetes wants it, its API server refuses.
    """
    if manifest["kind"] == "DaemonSet":
        return {}
    selector = at(_pod(manifest), "nodeSelector")
    labels = {key: each for key, each in selector.items() if isinstance(each, str)} if selector else {}
    required = at(_pod(manifest), "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    for term in maps(at(required, "nodeSelectorTerms"))[:1]:
        for expression in maps(term.get("matchExpressions")):
            key, values = expression.get("key"), expression.get("values")
            if expression.get("operator") in ("In", "Exists") and isinstance(key, str):
                labels[key] = str(values[0]) if isinstance(values, list) and values else ""
    return labels


def _pod(manifest: Mapping[str, Any]) -> Any:
    return at(manifest, "spec", "template", "spec")


def _make_classes(client: Any, wanted: frozenset[Reference]) -> Iterator[str]:
    import kubernetes

    priorities = kubernetes.client.SchedulingV1Api(client)
    storage = kubernetes.client.StorageV1Api(client)
    classes = storage.list_storage_class().items
    present = {("PriorityClass", each.metadata.name) for each in priorities.list_priority_class().items}
    present |= {("StorageClass", each.metadata.name) for each in classes}
    for kind, name in sorted(wanted - present):
        metadata = {"name": name, "labels": {"app.kubernetes.io/managed-by": "hubstack-trial"}}
        if kind == "PriorityClass":
            priorities.create_priority_class({"metadata": metadata, "value": 0})
        else:
            provisioner = classes[0].provisioner if classes else "kubernetes.io/no-provisioner"
            binding = "WaitForFirstConsumer"
            storage.create_storage_class(
                {"metadata": metadata, "provisioner": provisioner, "volumeBindingMode": binding}
            )
        yield f"{kind} {name}"


def _label_nodes(client: Any, wanted: tuple[Labels, ...]) -> Iterator[str]:
    """Label one node for each set of labels that no node has, never changing a label that is there."""
    import kubernetes

    core = kubernetes.client.CoreV1Api(client)
    nodes = {node.metadata.name: dict(node.metadata.labels or {}) for node in core.list_node().items}
    for labels in wanted:
        if any(labels.items() <= present.items() for present in nodes.values()):
            continue
        for name, present in nodes.items():
            if all(present.get(key, value) == value for key, value in labels.items()):
                core.patch_node(name, {"metadata": {"labels": dict(labels)}})
                present.update(labels)
                yield f"a node with {', '.join(f'{key}={value}' for key, value in sorted(labels.items()))}"
                break
