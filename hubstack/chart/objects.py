"""Whole small objects that several parts of the chart have alike."""

from __future__ import annotations

from typing import Any

from hubstack.chart.labels import metadata, selector
from hubstack.chart.release import Release
from hubstack.chart.values.shared import Pdb, TextMap


def service_account(
    release: Release, component: str, name: str, annotations: TextMap, *, extra_labels: TextMap = None
) -> dict[str, Any]:
    """A ServiceAccount."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(release, component, name, annotations=annotations, extra_labels=extra_labels),
    }


def pod_disruption_budget(release: Release, component: str, name: str, settings: Pdb) -> dict[str, Any] | None:
    """A PodDisruptionBudget of a component's pods, or None where it is switched off.

    Both limits are written where both are set, zero included; the API server then refuses the object, as with the
    chart.
    """
    if not settings.enabled:
        return None
    limits = {"maxUnavailable": settings.max_unavailable, "minAvailable": settings.min_available}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(release, component, name),
        "spec": {
            **{key: limit for key, limit in limits.items() if limit is not None},
            "selector": {"matchLabels": selector(release, component)},
        },
    }
