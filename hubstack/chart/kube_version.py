"""Which Kubernetes versions the chart supports (chart: ``kubeVersion`` of ``Chart.yaml``)."""

from __future__ import annotations

import re

from hubstack.chart.errors import Problem, SettingsError

OLDEST = (1, 28)
"""Oldest Kubernetes release that chart 4.4.0 installs on."""


def require_supported(version: str, source: str = "--kube-version") -> None:
    """Refuse a Kubernetes version that Helm would refuse the chart for.

    Arguments:
        version: such as ``1.36.1``, ``v1.36`` or ``1.36.1-gke.4``.
        source: where the version was given.

    Raises:
        SettingsError: it is no version, or too old.
    """
    found = re.fullmatch(r"v?(\d+)\.(\d+)(\.\d+)?([-+].*)?", version)
    oldest = ".".join(map(str, OLDEST))
    if not found:
        raise SettingsError([Problem(source, "", f"{version!r} is no Kubernetes version; write it like {oldest}.0")])
    if (int(found[1]), int(found[2])) < OLDEST:
        message = f"Kubernetes {version} is not supported by the chart; it needs {oldest} or newer"
        raise SettingsError([Problem(source, "", message)])
