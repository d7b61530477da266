"""Objects of the users' servers (chart: ``templates/singleuser``); the hub makes their pods."""

from __future__ import annotations

from typing import Any

from hubstack.chart.extra_files import secret_data
from hubstack.chart.labels import metadata
from hubstack.chart.network_policy import network_policy as shared_network_policy
from hubstack.chart.release import Release

COMPONENT = "singleuser"
PODS = "singleuser-server"
"""Component label of users' pods."""


def objects(release: Release) -> list[dict[str, Any]]:
    """Network policy and files."""
    return [manifest for builder in (network_policy, secret) if (manifest := builder(release)) is not None]


def network_policy(release: Release) -> dict[str, Any] | None:
    """NetworkPolicy of the users' pods."""
    return shared_network_policy(
        release,
        name=release.names.singleuser,
        component=COMPONENT,
        pods=PODS,
        policy=release.values.singleuser.network_policy,
        sources=[("singleuser", ["notebook-port"])],
        destinations=[("hub", [8081]), ("proxy", [8000]), ("autohttps", [8080, 8443])],
    )


def secret(release: Release) -> dict[str, Any] | None:
    """Secret with the files that are mounted into servers."""
    files = release.values.singleuser.extra_files
    if not files:
        return None
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(release, COMPONENT, release.names.singleuser),
        "type": "Opaque",
        "data": secret_data(files),
    }
