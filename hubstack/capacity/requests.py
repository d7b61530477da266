"""What a pod asks for, by Kubernetes' rules (k8s.io/component-helpers/resource, ``PodRequests`` and ``PodLimits``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Literal

from hubstack.capacity.quantities import added, amounts, greatest

Spec = Mapping[str, Any]
"""A pod's spec as it is on the wire."""

Kind = Literal["requests", "limits"]

POD_LEVEL = ("cpu", "memory")
"""Resources that a pod may ask for as a whole; hugepages, which it may too, no hub uses."""


def containers(spec: Spec) -> Iterator[Mapping[str, Any]]:
    """Every container, the init containers first."""
    yield from spec.get("initContainers") or []
    yield from spec.get("containers") or []


def is_sidecar(container: Mapping[str, Any]) -> bool:
    """Whether an init container keeps running beside the others."""
    return container.get("restartPolicy") == "Always"


def asked(container: Mapping[str, Any], kind: Kind) -> dict[str, Fraction]:
    """What a container asks for; a limit is also a request where that is not set, as the API server sets it."""
    resources = container.get("resources") or {}
    if kind == "limits":
        return amounts(resources.get("limits"))
    return {**amounts(resources.get("limits")), **amounts(resources.get("requests"))}


def of_pod(spec: Spec, kind: Kind = "requests") -> dict[str, Fraction]:
    """What a pod asks for: containers and sidecars together, or one init container if that is more; and the overhead.

    Arguments:
        spec: the pod's spec.
        kind: requests, or limits.
    """
    total = of_containers(spec, kind)
    total.update(_of_the_whole(spec, kind, total))
    overhead = amounts(spec.get("overhead"))
    if kind == "limits":
        # The overhead counts only for what is limited.
        overhead = {name: amount for name, amount in overhead.items() if total.get(name)}
    return added([total, overhead])


def of_containers(spec: Spec, kind: Kind = "requests") -> dict[str, Fraction]:
    """What a pod's containers ask for, whatever the pod asks for as a whole."""
    running = [asked(each, kind) for each in spec.get("containers") or []]
    sidecars: list[dict[str, Fraction]] = []
    starting: list[dict[str, Fraction]] = []
    for each in spec.get("initContainers") or []:
        if is_sidecar(each):
            sidecars.append(asked(each, kind))
            starting.append(added(sidecars))
        else:
            starting.append(added([*sidecars, asked(each, kind)]))
    return greatest([added([*running, *sidecars]), *starting])


def _of_the_whole(spec: Spec, kind: Kind, total: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """What a pod asks for as a whole, in place of what its containers do.

    Its limit is also its request where neither the pod nor one of its containers has a request.
    """
    resources = spec.get("resources") or {}
    whole = amounts(resources.get(kind))
    if kind == "requests":
        for name, amount in amounts(resources.get("limits")).items():
            if name not in total:
                whole.setdefault(name, amount)
    return {name: whole[name] for name in POD_LEVEL if name in whole}
