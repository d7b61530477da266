"""User placeholders (chart: ``templates/scheduling/user-placeholder``)."""

from __future__ import annotations

from typing import Any

from hubstack.chart import pod, priority
from hubstack.chart.blocks import clipped
from hubstack.chart.labels import metadata, pod_labels, selector
from hubstack.chart.release import Release

COMPONENT = "user-placeholder"

DESCRIPTION = (
    "With a priority higher or eqaul to a cluster autoscalers priority cutoff, a pod can trigger a cluster scale up. "
    "At the same time, placeholder pods priority should be lower than other pods to make them evictable."
)
"""The PriorityClass's description; part of the object, so it is the chart's to the letter."""


def objects(release: Release) -> list[dict[str, Any]]:
    """All objects of the placeholders."""
    builders = (priority_class, pod_disruption_budget, stateful_set)
    return [manifest for builder in builders if (manifest := builder(release)) is not None]


def priority_class(release: Release) -> dict[str, Any] | None:
    """The PriorityClass below every other pod's, so that a user's pod evicts a placeholder."""
    settings = release.values.scheduling
    if not (settings.pod_priority.enabled and settings.user_placeholder.enabled):
        return None
    return priority.build(
        release,
        component=COMPONENT,
        name=release.names.user_placeholder_priority,
        value=settings.pod_priority.user_placeholder_priority,
        description=DESCRIPTION,
    )


def pod_disruption_budget(release: Release) -> dict[str, Any] | None:
    """A budget that lets a cluster autoscaler evict every placeholder."""
    if not release.values.scheduling.user_placeholder.enabled:
        return None
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(release, COMPONENT, release.names.user_placeholder),
        "spec": {"minAvailable": 0, "selector": {"matchLabels": selector(release, COMPONENT)}},
    }


def stateful_set(release: Release) -> dict[str, Any] | None:
    """StatefulSet user-placeholder; ``kubectl scale`` it to try out a cluster autoscaler."""
    settings = release.values.scheduling.user_placeholder
    if not settings.enabled:
        return None
    pod_metadata: dict[str, Any] = {"labels": {**pod_labels(release, COMPONENT), **(settings.labels or {})}}
    if settings.annotations:
        pod_metadata["annotations"] = settings.annotations
    spec: dict[str, Any] = {
        "podManagementPolicy": "Parallel",
        "replicas": settings.replicas,
        "selector": {"matchLabels": selector(release, COMPONENT)},
        "serviceName": release.names.user_placeholder,
        "template": {"metadata": pod_metadata, "spec": _pod_spec(release)},
    }
    if settings.revision_history_limit is not None:
        spec["revisionHistoryLimit"] = settings.revision_history_limit
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata(release, COMPONENT, release.names.user_placeholder),
        "spec": spec,
    }


def _pod_spec(release: Release) -> dict[str, Any]:
    values = release.values
    settings = values.scheduling.user_placeholder
    container = {
        "name": "pause",
        "image": pod.image(settings.image),
        **pod.drop_falsy(
            {
                "resources": settings.resources or pod.singleuser_resources(release),
                "imagePullPolicy": settings.image.pull_policy,
                "securityContext": settings.container_security_context,
            }
        ),
    }
    prioritised, scheduled = values.scheduling.pod_priority.enabled, values.scheduling.user_scheduler.enabled
    return {
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "containers": [container],
        **pod.drop_falsy(
            {
                "priorityClassName": release.names.user_placeholder_priority if prioritised else None,
                "schedulerName": release.names.user_scheduler if scheduled else None,
                "nodeSelector": values.singleuser.node_selector,
                "tolerations": pod.tolerations(release, "user", values.singleuser.extra_tolerations),
                "affinity": pod.user_affinity(release),
                "imagePullSecrets": pod.image_pull_secrets(release, settings.image),
            }
        ),
        **clipped(settings.extra_pod_spec or {}),
    }
