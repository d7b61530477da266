"""Labels and selectors (chart: ``_helpers.tpl``).

An object carries five legacy and five modern labels. A selector uses the legacy three that never change, because a
Deployment's selector cannot be changed later.
"""

from __future__ import annotations

from typing import Any

from hubstack.chart.release import Release
from hubstack.chart.values.shared import TextMap

LABEL_LENGTH = 63
"""Kubernetes' limit for a label value, in characters."""

MANAGED_BY = "pulumi"
"""Value of ``app.kubernetes.io/managed-by``; the chart's objects say ``Helm`` there."""


def object_labels(release: Release, component: str) -> dict[str, str]:
    """Labels of an object's metadata."""
    chart = f"{release.chart_name}-{release.chart_version.replace('+', '_')}"
    return {
        **selector(release, component),
        "chart": chart,
        "heritage": release.service,
        **_modern(release, component),
        "helm.sh/chart": chart,
        "app.kubernetes.io/managed-by": MANAGED_BY,
    }


def pod_labels(release: Release, component: str) -> dict[str, str]:
    """Labels of a pod template; nothing here changes with the chart's version, so an upgrade alone restarts no pod."""
    return {**selector(release, component), **_modern(release, component)}


def selector(release: Release, component: str) -> dict[str, str]:
    """The legacy labels that selectors match."""
    return {"component": component, "app": app(release), "release": release.name}


def app(release: Release) -> str:
    """``nameOverride`` or the chart's name, cut to a label's length."""
    return (release.values.name_override or release.chart_name)[:LABEL_LENGTH].removesuffix("-")


def metadata(
    release: Release, component: str, name: str, *, annotations: TextMap = None, extra_labels: TextMap = None
) -> dict[str, Any]:
    """The metadata of an object: name, labels and, where given, annotations."""
    result: dict[str, Any] = {"name": name, "labels": {**object_labels(release, component), **(extra_labels or {})}}
    if annotations:
        result["annotations"] = annotations
    return result


def _modern(release: Release, component: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/name": app(release),
        "app.kubernetes.io/instance": release.name,
    }
