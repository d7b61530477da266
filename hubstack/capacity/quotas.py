"""ResourceQuotas: which pods they count, and which pods they would refuse even when nobody else is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from hubstack.capacity import requests
from hubstack.capacity.quantities import Amounts, amounts, base_name, written
from hubstack.capacity.requests import Spec

_SHORT = {"cpu": "requests.cpu", "memory": "requests.memory", "ephemeral-storage": "requests.ephemeral-storage"}
_MUST_BE_SET = ("requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
"""Of these, every container has to have its own amount where a quota counts them."""


@dataclass(frozen=True)
class Quota:
    """One ResourceQuota of a namespace."""

    name: str
    hard: Amounts
    used: Amounts = field(default_factory=dict)
    """What is used already; empty where nobody has looked."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    """Its spec, for the scopes."""


def quota(name: str, spec: Mapping[str, Any], used: Mapping[str, Any] | None = None) -> Quota:
    """A quota from its spec and what is used; a resource under its shorter name counts under its full one."""
    return Quota(name, _full(amounts(spec.get("hard"))), _full(amounts(used)), spec)


def refusals(pod: Spec, quota: Quota, priority_class: str = "") -> Iterator[str]:
    """Why a quota refuses a pod at any time: it counts what the pod does not say, or has too little for it alone."""
    if not _counts(pod, quota, priority_class):
        return
    silent = sorted({f"{name}: {resource}" for resource in _MUST_BE_SET for name in _silent(pod, quota, resource)})
    if silent:
        yield f"ResourceQuota {quota.name} counts what is not set ({', '.join(silent)})"
    for resource, amount in sorted(asked(pod).items()):
        if resource in quota.hard and amount > quota.hard[resource]:
            most = written(resource, quota.hard[resource])
            yield f"ResourceQuota {quota.name} has {most} of {resource}, the pod asks for {written(resource, amount)}"


def _silent(pod: Spec, quota: Quota, resource: str) -> Iterator[str]:
    """Containers that do not say what a quota counts; they need not where the pod as a whole does."""
    kind: requests.Kind = "limits" if resource.startswith("limits.") else "requests"
    short = base_name(resource)
    if resource in quota.hard and short not in requests.asked(pod, kind):
        for each in requests.containers(pod):
            if short not in requests.asked(each, kind):
                yield str(each.get("name"))


def room_now(pod: Spec, quota: Quota, priority_class: str = "") -> Iterator[str]:
    """What a quota has too little of at the moment; pods that end make room."""
    if not _counts(pod, quota, priority_class):
        return
    for resource, amount in sorted(asked(pod).items()):
        if resource in quota.hard and amount > quota.hard[resource] - quota.used.get(resource, Fraction(0)):
            used, hard = quota.used.get(resource, Fraction(0)), quota.hard[resource]
            have = f"{written(resource, used)} of {written(resource, hard)}"
            wanted = written(resource, amount)
            yield f"ResourceQuota {quota.name}: {resource}: {have} is used, the pod asks for {wanted}"


def asked(pod: Spec) -> dict[str, Fraction]:
    """What a pod counts as, by the names that quotas have."""
    found = {"pods": Fraction(1), "count/pods": Fraction(1)}
    for name, amount in requests.of_pod(pod).items():
        found[f"requests.{name}"] = amount
    for name, amount in requests.of_pod(pod, "limits").items():
        found[f"limits.{name}"] = amount
    return found


def _full(short: Amounts) -> dict[str, Fraction]:
    return {_SHORT.get(name, name): amount for name, amount in short.items()}


def _counts(pod: Spec, quota: Quota, priority_class: str) -> bool:
    """Whether a quota's scopes mean a pod."""
    selector = (quota.spec.get("scopeSelector") or {}).get("matchExpressions") or []
    scopes = [{"scopeName": name, "operator": "Exists"} for name in quota.spec.get("scopes") or []]
    return all(_in_scope(pod, each, priority_class) for each in [*scopes, *selector])


def _in_scope(pod: Spec, scope: Mapping[str, Any], priority_class: str) -> bool:
    best_effort = not any(
        requests.asked(each, "requests").get(name) for each in requests.containers(pod) for name in ("cpu", "memory")
    )
    match scope.get("scopeName"):
        case "Terminating":
            return pod.get("activeDeadlineSeconds") is not None
        case "NotTerminating":
            return pod.get("activeDeadlineSeconds") is None
        case "BestEffort":
            return best_effort
        case "NotBestEffort":
            return not best_effort
        case "PriorityClass":
            values = scope.get("values") or []
            return {
                "Exists": bool(priority_class),
                "DoesNotExist": not priority_class,
                "In": priority_class in values,
                "NotIn": priority_class not in values,
            }.get(str(scope.get("operator")), False)
        case "CrossNamespacePodAffinity":
            return False
    return True
