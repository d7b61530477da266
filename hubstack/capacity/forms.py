"""What is a map and what is a list in a pod's spec, as far as it is looked at here; settings may hold anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_EXPRESSIONS: list[Any] = [{"values": []}]
_RESOURCES: dict[str, Any] = {"limits": {}, "requests": {}}
_CONTAINERS: list[Any] = [{"resources": _RESOURCES}]
_TO_PODS = {_REQUIRED: [{"labelSelector": {"matchLabels": {}, "matchExpressions": _EXPRESSIONS}}]}
_TO_NODES = {_REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": _EXPRESSIONS, "matchFields": _EXPRESSIONS}]}}

POD: dict[str, Any] = {
    "affinity": {"nodeAffinity": _TO_NODES, "podAffinity": _TO_PODS, "podAntiAffinity": _TO_PODS},
    "containers": _CONTAINERS,
    "initContainers": _CONTAINERS,
    "nodeSelector": {},
    "overhead": {},
    "resources": _RESOURCES,
    "tolerations": [{}],
    "topologySpreadConstraints": [{}],
    "volumes": [{"persistentVolumeClaim": {}}],
}
"""Maps are maps, lists are lists of what their first entry is; other fields may be anything."""


def misshapen(value: Any, form: Any = POD, where: str = "") -> str:
    """What of a pod's spec is no map or list where one must be; blank if all is right.

    Arguments:
        value: the spec, or a part of it.
        form: what it must be.
        where: its path.
    """
    if value is None:
        return ""
    if isinstance(form, list):
        if not isinstance(value, list):
            return f"{where}: must be a list"
        parts = [(each, form[0], f"{where}[{place}]") for place, each in enumerate(value)] if form else []
        if any(each is None for each, _, _ in parts):
            return f"{where}: has an empty entry"
    else:
        if not isinstance(value, Mapping):
            return f"{where or 'the pod'}: must be a map"
        parts = [(value.get(key), below, f"{where}.{key}".lstrip(".")) for key, below in form.items()]
    return next((wrong for each, below, place in parts if (wrong := misshapen(each, below, place))), "")
