"""PriorityClasses (chart: ``templates/scheduling/priorityclass.yaml`` and its siblings)."""

from __future__ import annotations

from typing import Any

from hubstack.chart.labels import metadata
from hubstack.chart.release import Release


def objects(release: Release) -> list[dict[str, Any]]:
    """The default PriorityClass, where priorities are on."""
    manifest = priority_class(release)
    return [manifest] if manifest is not None else []


def priority_class(release: Release) -> dict[str, Any] | None:
    """The PriorityClass of all pods that are no placeholders."""
    settings = release.values.scheduling.pod_priority
    if not settings.enabled:
        return None
    return build(
        release,
        component="default-priority",
        name=release.names.priority,
        value=settings.default_priority,
        is_default=settings.global_default,
        description="A default priority higher than user placeholders priority.",
    )


def build(
    release: Release, *, component: str, name: str, value: Any, description: str, is_default: bool | None = False
) -> dict[str, Any]:
    """A PriorityClass; the annotations tell Helm that a cluster-wide object belongs to this release."""
    annotations = {
        "meta.helm.sh/release-name": release.name,
        "meta.helm.sh/release-namespace": release.namespace,
    }
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": metadata(release, component, name, annotations=annotations),
        "value": value,
        "globalDefault": is_default,
        "description": description,
    }
