"""A pod's spec in the shape that the API knows; values may put anything into one, and everything else relies on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Shape = Mapping[str, Any] | list[Any]
"""A map with the shapes of its members, or a list with that of its items; an empty one says nothing of them."""

_EXPRESSIONS: Shape = [{"values": []}]
_TERM: Shape = {"matchExpressions": _EXPRESSIONS, "matchFields": _EXPRESSIONS}
_SELECTOR: Shape = {"matchLabels": {}, "matchExpressions": _EXPRESSIONS}
_RESOURCES: Shape = {"limits": {}, "requests": {}}
_CONTAINERS: Shape = [{"resources": _RESOURCES}]
_REQUIRED, _PREFERRED = (f"{how}DuringSchedulingIgnoredDuringExecution" for how in ("required", "preferred"))
_PODS: Shape = {
    _REQUIRED: [{"labelSelector": _SELECTOR}],
    _PREFERRED: [{"podAffinityTerm": {"labelSelector": _SELECTOR}}],
}
_POD: Shape = {
    "containers": _CONTAINERS,
    "initContainers": _CONTAINERS,
    "resources": _RESOURCES,
    "overhead": {},
    "nodeSelector": {},
    "tolerations": [{}],
    "volumes": [{"persistentVolumeClaim": {}}],
    "topologySpreadConstraints": [{"labelSelector": _SELECTOR}],
    "affinity": {
        "nodeAffinity": {_REQUIRED: {"nodeSelectorTerms": [_TERM]}, _PREFERRED: [{"preference": _TERM}]},
        "podAffinity": _PODS,
        "podAntiAffinity": _PODS,
    },
}
"""What is read of a pod (Kubernetes: ``core/v1.PodSpec``)."""


def misshapen(spec: Any, shape: Shape = _POD, path: str = "") -> Iterator[str]:
    """What the API server cannot read, by its path."""
    if spec is None:
        return
    if isinstance(shape, Mapping):
        if not isinstance(spec, Mapping):
            yield f"{path} must be a map"
            return
        for key, member in shape.items():
            yield from misshapen(spec.get(key), member, f"{path}.{key}" if path else key)
    elif not isinstance(spec, list):
        yield f"{path} must be a list"
    else:
        for index, item in enumerate(spec if shape else []):
            yield from (
                [f"{path}[{index}] must be a map"] if item is None else misshapen(item, shape[0], f"{path}[{index}]")
            )


def fitted(spec: Any, shape: Shape = _POD) -> Any:
    """The spec without what `misshapen` tells of."""
    if isinstance(shape, Mapping):
        if not isinstance(spec, Mapping):
            return None
        return {key: fitted(member, shape[key]) if key in shape else member for key, member in spec.items()}
    if not isinstance(spec, list):
        return None
    return [fitted(item, shape[0]) for item in spec if isinstance(item, Mapping)] if shape else spec
