"""Does the cluster have what the values name and somebody else has to make?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hubstack.doctor.finding import Finding, error, some, warning
from hubstack.doctor.subject import Subject

PRIORITIES = "/apis/scheduling.k8s.io/v1/priorityclasses"
INGRESS_CLASSES = "/apis/networking.k8s.io/v1/ingressclasses"
GATEWAY = "gateway.networking.k8s.io/v1"
DEFAULT_INGRESS_CLASS = "ingressclass.kubernetes.io/is-default-class"
OLD_INGRESS_CLASS = "kubernetes.io/ingress.class"
"""Annotation that named the class before there was a field for it."""


def priority_classes(subject: Subject) -> Iterator[Finding]:
    """Each PriorityClass that pods name exists, or the stack makes it."""
    wanted = {name for kind, name in subject.named.classes if kind == "PriorityClass"}
    for name in sorted(wanted - _names(subject, PRIORITIES) if wanted else ()):
        yield error(
            f"priorityClassName {name!r}: the cluster has no such PriorityClass",
            "Kubernetes refuses the pods that name it",
            f"make PriorityClass {name}, or take it out of the values",
        )


def ingress_class(subject: Subject) -> Iterator[Finding]:
    """The IngressClass exists that the Ingress names, or a default one where it names none."""
    for ingress in subject.of_kind("Ingress"):
        name = ingress["spec"].get("ingressClassName")
        annotations = ingress["metadata"].get("annotations") or {}
        classes = {each["metadata"]["name"]: each for each in subject.cluster.items(INGRESS_CLASSES)}
        if name and name not in classes:
            yield error(
                f"ingress.ingressClassName: {name!r}: the cluster has no such IngressClass",
                "no controller serves the Ingress, so nobody reaches the hub by it",
                f"name one that is there ({some(sorted(classes)) or 'there is none'}), or install its controller",
            )
        elif not name and OLD_INGRESS_CLASS not in annotations and not any(map(_is_default, classes.values())):
            yield warning(
                "ingress.ingressClassName: not set, and no IngressClass is the default one",
                "it depends on the controllers whether any serves the Ingress",
                f"set it ({some(sorted(classes)) or 'the cluster has no IngressClass'})",
            )


def gateway(subject: Subject) -> Iterator[Finding]:
    """For an HTTPRoute the cluster knows the Gateway API, and has the Gateway that is named."""
    for route in subject.of_kind("HTTPRoute"):
        if subject.cluster.find(f"/apis/{GATEWAY}") is None:
            yield error(
                f"httpRoute.enabled: the cluster does not know {GATEWAY}",
                "the API server refuses the HTTPRoute",
                "install the CRDs of the Gateway API and a controller, or use an Ingress",
            )
            continue
        for parent in route["spec"].get("parentRefs") or []:
            namespace = parent.get("namespace") or subject.namespace
            path = f"/apis/{GATEWAY}/namespaces/{namespace}/gateways/{parent['name']}"
            if parent.get("kind", "Gateway") == "Gateway" and subject.cluster.find(path) is None:
                yield error(
                    f"httpRoute.gateway: there is no Gateway {parent['name']} in namespace {namespace}",
                    "the HTTPRoute belongs to nothing, so nobody reaches the hub by it",
                    "correct httpRoute.gateway.name and .namespace, or make the Gateway",
                )


def nodes(subject: Subject) -> Iterator[Finding]:
    """For each set of labels that pods require of their node there is a node."""
    wanted = [dict(each) for each in subject.named.node_labels]
    wanted += [each for each in _users_labels(subject) if each not in wanted]
    if not wanted:
        return
    present = [
        each["metadata"].get("labels") or {} for each in subject.cluster.items("/api/v1/nodes", metadata_only=True)
    ]
    for labels in wanted:
        if not any(labels.items() <= each.items() for each in present):
            text = ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))
            yield warning(
                f"no node has the labels {text}",
                "pods that require them wait until there is one; an autoscaler may make it, then this is as it should "
                "be",
                f"label nodes (`kubectl label node NAME {text.replace(', ', ' ')}`), give the node pool these labels, "
                "or relax scheduling.*.nodeAffinity.matchNodePurpose or the nodeSelector",
            )


def _users_labels(subject: Subject) -> list[dict[str, str]]:
    """What users' pods require; they are not among the stack's objects.

    Values of a chart that is not modelled may hold anything here.
    """
    selector = subject.setting("singleuser", "nodeSelector")
    pairs = selector.items() if isinstance(selector, Mapping) else ()
    labels = {str(key): "" if value is None else str(value) for key, value in pairs}  # as the cluster reads a null
    if subject.setting("scheduling", "userPods", "nodeAffinity", "matchNodePurpose") == "require":
        labels["hub.jupyter.org/node-purpose"] = "user"
    return [labels] if labels else []


def existing_secret(subject: Subject) -> Iterator[Finding]:
    """The Secret that the values name instead of letting the chart make one is there."""
    name = subject.setting("hub", "existingSecret")
    if name and subject.cluster.find(subject.path("v1", "secrets", str(name))) is None:
        yield error(
            f"hub.existingSecret: {name!r}: there is no such Secret in namespace {subject.namespace}",
            "the hub's pod waits until there is one",
            "make the Secret before the update, or leave the setting out",
        )


def _is_default(each: Any) -> bool:
    return (each["metadata"].get("annotations") or {}).get(DEFAULT_INGRESS_CLASS) == "true"


def _names(subject: Subject, path: str) -> set[str]:
    return {each["metadata"]["name"] for each in subject.cluster.items(path, metadata_only=True)}
