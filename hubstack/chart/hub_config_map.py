"""The hub's ConfigMap: what its pod reads beside the Secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hubstack.chart.image_puller import hook_checksum
from hubstack.chart.labels import metadata
from hubstack.chart.release import Release

FILES = Path(__file__).parent / "files"
"""The hub's Python files."""


def config_map(release: Release) -> dict[str, Any]:
    """ConfigMap hub: the names of all objects, the hub's Python files, and a digest of what the hook pulls."""
    files = {file.name: file.read_text() for file in sorted(FILES.glob("*.py"))}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(release, "hub", release.names.hub),
        "data": {**release.names.for_hub(), **files, "checksum_hook-image-puller": hook_checksum(release)},
    }
