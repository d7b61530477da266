"""The Secret with the registry's credentials (chart: ``templates/image-pull-secret.yaml``)."""

from __future__ import annotations

import json
from typing import Any

from hubstack.chart.labels import metadata
from hubstack.chart.release import Release
from hubstack.chart.text import base64_text

DOCKER_HUB = "https://index.docker.io/v1/"
"""The registry that is meant where none is named."""


def objects(release: Release) -> list[dict[str, Any]]:
    """The Secret, where the values ask for one."""
    manifest = secret(release)
    return [manifest] if manifest is not None else []


def secret(release: Release) -> dict[str, Any] | None:
    """Secret image-pull-secret; a hook in the chart, an ordinary object that the pods' parts wait for here."""
    settings = release.values.image_pull_secret
    if not settings.create:
        return None
    credentials = {
        "username": settings.username,
        "password": settings.password,
        "auth": base64_text(f"{settings.username}:{settings.password}"),
    }
    if settings.email:
        credentials["email"] = settings.email
    document = {"auths": {settings.registry or DOCKER_HUB: credentials}}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(release, "image-pull-secret", release.names.image_pull_secret),
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": base64_text(json.dumps(document))},
    }
