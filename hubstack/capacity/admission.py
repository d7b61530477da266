"""What the API server makes of a pod before any scheduler sees it: defaults, additions, and refusals.

As the admission plugins LimitRanger, ResourceQuota, RuntimeClass, DefaultTolerationSeconds and
ExtendedResourceToleration do it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from hubstack.capacity import quotas, requests, wellformed
from hubstack.capacity.quantities import amounts, parse, written
from hubstack.capacity.requests import Spec
from hubstack.capacity.scheduling import Reach, node_terms

_LASTING = (
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
    {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
)
_NATIVE = ("cpu", "memory", "ephemeral-storage")


@dataclass(frozen=True)
class Rules:
    """What a cluster and a namespace add to pods, and what they refuse."""

    limit_ranges: Sequence[Mapping[str, Any]] = ()
    """Specs of the namespace's LimitRanges, each with its ``name``."""
    quotas: Sequence[quotas.Quota] = ()
    runtime_classes: Mapping[str, Mapping[str, Any]] | None = field(default_factory=dict)
    """``overhead`` and ``scheduling`` of each RuntimeClass; None where nobody knows."""
    reach: Reach = field(default_factory=dict)
    """Volumes of the namespace of which it is known that not every node reaches them."""
    tolerates_extended_resources: bool = False
    """Whether a pod that asks for a GPU tolerates the taint of that name by itself, as on GKE."""


@dataclass(frozen=True)
class Admitted:
    """A pod as the scheduler will see it."""

    spec: Spec
    refusals: tuple[str, ...] = ()
    """Why the API server refuses it; a pod that is refused never gets to a scheduler."""
    doubts: tuple[str, ...] = ()
    """What cannot be told of it."""


def admit(spec: Spec, rules: Rules, priority_class: str = "") -> Admitted:
    """A pod after admission.

    Arguments:
        spec: the pod's spec as it is sent.
        rules: of the cluster and the namespace.
        priority_class: name of its PriorityClass, which some quotas count by.
    """
    pod: dict[str, Any] = copy.deepcopy(wellformed.fitted(spec))
    doubts: list[str] = []
    refusals = [*wellformed.misshapen(spec), *_invalid(pod), *_invalid_whole(pod), *_invalid_terms(pod)]
    _require_limits_as_requests(pod)
    for each in rules.limit_ranges:
        _apply_defaults(pod, each)
    if name := pod.get("runtimeClassName"):
        known = (rules.runtime_classes or {}).get(name)
        if known is not None:
            refusals += _add_runtime_class(pod, known)
        elif rules.runtime_classes is None:
            doubts.append(f"RuntimeClass {name!r} is not described")
        else:
            refusals.append(f"there is no RuntimeClass {name!r}")
    pod["tolerations"] = [*(pod.get("tolerations") or []), *_LASTING, *_for_extended_resources(pod, rules)]
    for each in rules.limit_ranges:
        refusals += _outside(pod, each)
    for quota in rules.quotas:
        refusals += quotas.refusals(pod, quota, priority_class)
    return Admitted(pod, tuple(dict.fromkeys(refusals)), tuple(doubts))


def _invalid(pod: Mapping[str, Any]) -> Iterator[str]:
    """What the API server's own validation refuses of resources."""
    for container in requests.containers(pod):
        resources = container.get("resources") or {}
        limits, wanted = resources.get("limits") or {}, resources.get("requests") or {}
        for name, quantity in [*limits.items(), *wanted.items()]:
            amount = parse(quantity)
            if amount is None or amount < 0:
                yield f"{name}: {quantity!r} is no quantity"
            elif "/" not in name and name not in _NATIVE and not name.startswith("hugepages-"):
                yield f"{name!r} is no resource: one of a vendor's has a prefix, such as nvidia.com/gpu"
            elif "/" in name and amount.denominator != 1:
                yield f"{name}: {quantity} is not whole"
        for name, amount in amounts(wanted).items():
            limit = amounts(limits).get(name)
            if limit is None and "/" in name:
                yield f"{name}: a request of {written(name, amount)} needs a limit that is equal"
            elif limit is not None and "/" in name and limit != amount:
                yield f"{name}: the request of {written(name, amount)} is not the limit of {written(name, limit)}"
            elif limit is not None and amount > limit:
                yield f"{name}: the guarantee of {written(name, amount)} is above the limit of {written(name, limit)}"


def _invalid_whole(pod: Mapping[str, Any]) -> Iterator[str]:
    """What the API server refuses of resources of the pod as a whole, beside those of its containers."""
    resources = pod.get("resources") or {}
    for name, most in amounts(resources.get("limits")).items():
        for each in pod.get("containers") or []:
            if requests.asked(each, "limits").get(name, most) > most:
                yield f"{name}: container {each.get('name')} has a limit above that of the pod, {written(name, most)}"
    together = requests.of_containers(pod)
    for name, whole in amounts(resources.get("requests")).items():
        if together.get(name, whole) > whole:
            yield f"{name}: the containers ask for {written(name, together[name])}, the pod for {written(name, whole)}"


def _invalid_terms(pod: Mapping[str, Any]) -> Iterator[str]:
    """What the API server refuses of a required node affinity."""
    for term in node_terms(pod) or []:
        for each in [*(term.get("matchExpressions") or []), *(term.get("matchFields") or [])]:
            operator, values = each.get("operator"), each.get("values") or []
            wrong = {
                "In": not values,
                "NotIn": not values,
                "Exists": bool(values),
                "DoesNotExist": bool(values),
                "Gt": len(values) != 1,
                "Lt": len(values) != 1,
            }.get(str(operator))
            if wrong is None:
                yield f"node affinity: {operator!r} is no operator"
            elif wrong:
                yield f"node affinity: {operator} of {each.get('key')} with {len(values)} values"
            elif not all(isinstance(value, str) for value in values):
                yield f"node affinity: the values of {each.get('key')} must be text; write them in quotes"


def _require_limits_as_requests(pod: dict[str, Any]) -> None:
    for container in requests.containers(pod):
        resources = container.get("resources") or {}
        merged = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
        if merged:
            assert isinstance(container, dict)
            container["resources"] = {**resources, "requests": merged}


def _apply_defaults(pod: dict[str, Any], limit_range: Mapping[str, Any]) -> None:
    """What a container does not set, it gets from the LimitRange."""
    limits, wanted = defaults(limit_range)
    for container in requests.containers(pod):
        resources = container.get("resources") or {}
        assert isinstance(container, dict)
        container["resources"] = {
            **resources,
            "limits": {**limits, **(resources.get("limits") or {})},
            "requests": {**wanted, **(resources.get("requests") or {})},
        }


def defaults(limit_range: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Default limits and default requests of a LimitRange, as the API server completes them."""
    limits: dict[str, Any] = {}
    wanted: dict[str, Any] = {}
    for item in limit_range.get("limits") or []:
        if item.get("type") != "Container":
            continue
        item_limits = {**(item.get("max") or {}), **(item.get("default") or {})}
        item_wanted = {**(item.get("min") or {}), **item_limits, **(item.get("defaultRequest") or {})}
        limits = {**item_limits, **limits}
        wanted = {**item_wanted, **wanted}
    return limits, wanted


def _outside(pod: Mapping[str, Any], limit_range: Mapping[str, Any]) -> Iterator[str]:
    name = limit_range.get("name", "")
    for item in limit_range.get("limits") or []:
        if item.get("type") == "Container":
            for each in requests.containers(pod):
                asked = requests.asked(each, "requests"), requests.asked(each, "limits")
                yield from _broken(f"LimitRange {name}: container {each.get('name')}", item, *asked)
        elif item.get("type") == "Pod":
            asked = requests.of_pod(pod), requests.of_pod(pod, "limits")
            yield from _broken(f"LimitRange {name}: the pod", item, *asked)


def _broken(
    who: str, item: Mapping[str, Any], wanted: Mapping[str, Fraction], limits: Mapping[str, Fraction]
) -> Iterator[str]:
    """What a container or pod may not have by one item of a LimitRange."""
    for name, least in amounts(item.get("min")).items():
        have = wanted.get(name)
        if have is None:
            yield f"{who} has no request of {name}, at least {written(name, least)} is asked for"
        elif have < least or limits.get(name, least) < least:
            given = written(name, min(have, limits.get(name, have)))
            yield f"{who} has {given} of {name}, at least {written(name, least)} is asked for"
    for name, most in amounts(item.get("max")).items():
        limit = limits.get(name)
        if limit is None:
            yield f"{who} has no limit of {name}, at most {written(name, most)} is allowed"
        elif max(limit, wanted.get(name, limit)) > most:
            given = written(name, max(limit, wanted.get(name, limit)))
            yield f"{who} has {given} of {name}, at most {written(name, most)} is allowed"
    for name, ratio in amounts(item.get("maxLimitRequestRatio")).items():
        limit, have = limits.get(name), wanted.get(name)
        if not limit or not have:
            yield f"{who} needs a request and a limit of {name}"
        elif limit / have > ratio:
            yield f"{who} has a limit of {name} above {float(ratio):g} times its request"


def _add_runtime_class(pod: dict[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
    overhead = (known.get("overhead") or {}).get("podFixed") or {}
    if overhead:
        pod["overhead"] = dict(overhead)
    scheduling = known.get("scheduling") or {}
    selector = pod.get("nodeSelector") or {}
    for key, value in (scheduling.get("nodeSelector") or {}).items():
        if selector.get(key, value) != value:
            yield f"the RuntimeClass wants nodes with {key}={value}, the pod those with {key}={selector[key]}"
    pod["nodeSelector"] = {**(scheduling.get("nodeSelector") or {}), **selector}
    pod["tolerations"] = [*(pod.get("tolerations") or []), *(scheduling.get("tolerations") or [])]


def _for_extended_resources(pod: Mapping[str, Any], rules: Rules) -> list[dict[str, Any]]:
    if not rules.tolerates_extended_resources:
        return []
    names = {name for each in requests.containers(pod) for name in requests.asked(each, "requests") if "/" in name}
    return [{"key": name, "operator": "Exists", "effect": "NoSchedule"} for name in sorted(names)]
