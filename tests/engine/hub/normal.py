"""Objects of the cluster without what is different in every run, or is the cluster's own addition."""

from __future__ import annotations

import copy
from typing import Any

Object = dict[str, Any]

GENERATED = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")
CLUSTER_ANNOTATIONS = ("pv.kubernetes.io/", "volume.kubernetes.io/", "volume.beta.kubernetes.io/storage-provisioner")
CLUSTER_LABELS = ("topology.kubernetes.io/",)
"""Labels of the node that a pod is on."""
TOKENS = ("JPY_API_TOKEN", "JUPYTERHUB_API_TOKEN")


def normal(manifest: Object) -> Object:
    """The object as its maker asked for it, defaults of the API server included."""
    result = copy.deepcopy(manifest)
    result.pop("status", None)
    meta = result["metadata"]
    for name in GENERATED:
        meta.pop(name, None)
    for field, prefixes in (("annotations", CLUSTER_ANNOTATIONS), ("labels", CLUSTER_LABELS)):
        meta[field] = {key: text for key, text in meta.get(field, {}).items() if not key.startswith(prefixes)}
    for name in ("nodeName", "volumeName"):
        result["spec"].pop(name, None)
    for container in result["spec"].get("containers", []):
        for variable in container.get("env", []):
            if variable["name"] in TOKENS:
                assert len(variable["value"]) == 32
                variable["value"] = "a token"
    return result
