"""Do the namespace's quotas and limits leave room for the hub and for a user?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hubstack.chart.values_tree import at, maps
from hubstack.doctor.finding import Finding, error, some, warning
from hubstack.doctor.quantity import number, spawner_bytes
from hubstack.doctor.reader import Object
from hubstack.doctor.subject import Subject

_COMPUTE = ("requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
_ALIASES = {"cpu": "requests.cpu", "memory": "requests.memory", "count/pods": "pods"}


def quota(subject: Subject) -> Iterator[Finding]:
    """Each ResourceQuota has room for the stack's pods and one user, each LimitRange for each of the containers."""
    quotas = subject.cluster.items(subject.path("v1", "resourcequotas"))
    ranges = subject.cluster.items(subject.path("v1", "limitranges"))
    for each in quotas:
        if not (each["spec"].get("scopes") or each["spec"].get("scopeSelector")):
            yield from _quota(subject, each, ranges)
    for each in ranges:
        yield from _limits(subject, each)


def _quota(subject: Subject, each: Object, ranges: list[Object]) -> Iterator[Finding]:
    name = each["metadata"]["name"]
    status = each.get("status") or {}
    hard = _renamed(status.get("hard") or each["spec"].get("hard") or {})
    used = _renamed(status.get("used") or {})
    hub, user = _hub_needs(subject), _user_needs(subject)
    for resource, text in sorted(hard.items()):
        room = number(text)
        if room is None:
            continue
        if hub.get(resource, 0) > room:
            yield error(
                f"ResourceQuota {name}: {resource} is {text}, the stack's own pods and volumes need "
                f"{_written(resource, hub[resource])}",
                "Kubernetes refuses those that come last, such as the hub's new pod during an update",
                "raise the quota, or lower the requests in the values",
            )
        elif user.get(resource, 0) > room - max(number(used.get(resource, 0)) or 0, hub.get(resource, 0)):
            yield warning(
                f"ResourceQuota {name}: {resource} is {text}, of which {used.get(resource, 0)} is used; "
                f"a user's server needs {_written(resource, user[resource])}",
                "the next user who starts a server sees it fail",
                "raise the quota, or lower singleuser.cpu, singleuser.memory or singleuser.storage.capacity",
            )
    asked = [resource for resource in _COMPUTE if resource in hard and not _defaulted(resource, ranges)]
    silent = [f"{pod}/{name} ({resource})" for pod, name, have in _containers(subject) for resource in asked
              if resource not in have]  # fmt: skip
    if silent:
        yield error(
            f"ResourceQuota {name} counts {', '.join(asked)}, and {len(silent)} values are not set: {some(silent, 8)}",
            "under such a quota Kubernetes refuses each pod with a container that does not set them",
            "set the resources in the values, or make a LimitRange with defaults in the namespace",
        )


def _limits(subject: Subject, each: Object) -> Iterator[Finding]:
    name = each["metadata"]["name"]
    for limit in each["spec"].get("limits") or []:
        if limit.get("type") == "Container":
            for pod, container, have in _containers(subject):
                for resource, amount in sorted(have.items()):
                    yield from _outside(name, limit, f"container {pod}/{container}", resource, amount)
        elif limit.get("type") == "PersistentVolumeClaim":
            for claim, amount in _claims(subject).items():
                yield from _outside(name, limit, f"volume claim {claim}", "requests.storage", amount)


def _outside(name: str, limit: Mapping[str, Any], who: str, resource: str, amount: float) -> Iterator[Finding]:
    kind, _, short = resource.partition(".")
    most, least = number((limit.get("max") or {}).get(short)), number((limit.get("min") or {}).get(short))
    broken = None
    if most is not None and amount > most:
        broken = f"at most {limit['max'][short]}"
    elif least is not None and kind == "requests" and amount < least:
        broken = f"at least {limit['min'][short]}"
    if broken:
        yield error(
            f"LimitRange {name}: {short} may be {broken}, {who} has {kind} of {_written(resource, amount)}",
            "Kubernetes refuses it",
            "change the LimitRange, or the resources in the values",
        )


def _containers(subject: Subject) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Pod, container and amounts of every container of the stack and of a user's server."""
    for workload in subject.of_kind("Deployment", "StatefulSet", "DaemonSet"):
        if workload["spec"].get("replicas", 1):
            spec = workload["spec"]["template"]["spec"]
            for container in maps([*(spec.get("initContainers") or []), *spec["containers"]]):
                yield workload["metadata"]["name"], str(container.get("name")), _amounts(container.get("resources"))
    yield "user", "notebook", _notebook(subject)


def _amounts(resources: Any) -> dict[str, float]:
    """Requests and limits by the names that a quota has; a request that is not set is the limit."""
    found = {}
    for kind in ("limits", "requests"):
        amounts = at(resources, kind)
        for resource, text in amounts.items() if isinstance(amounts, Mapping) else ():
            if (amount := number(text)) is not None:
                found[f"{kind}.{resource}"] = amount
                if kind == "limits":
                    found[f"requests.{resource}"] = amount
    return found


def _notebook(subject: Subject) -> dict[str, float]:
    """Amounts of a user's container, as KubeSpawner sets them."""
    amounts = {
        "limits.cpu": number(subject.setting("singleuser", "cpu", "limit")),
        "requests.cpu": number(subject.setting("singleuser", "cpu", "guarantee")),
        "limits.memory": spawner_bytes(subject.setting("singleuser", "memory", "limit")),
        "requests.memory": spawner_bytes(subject.setting("singleuser", "memory", "guarantee")),
    }
    found = {resource: amount for resource, amount in amounts.items() if amount}
    for resource in ("cpu", "memory"):
        if f"limits.{resource}" in found:
            found.setdefault(f"requests.{resource}", found[f"limits.{resource}"])
    return found


def _hub_needs(subject: Subject) -> dict[str, float]:
    """What the stack's own pods and volumes take together; placeholders give way and do not count."""
    needs: dict[str, float] = {}
    for workload in subject.of_kind("Deployment"):
        replicas, spec = workload["spec"].get("replicas", 1), workload["spec"]["template"]["spec"]
        needs["pods"] = needs.get("pods", 0) + replicas
        for container in maps(spec["containers"]):
            for resource, amount in _amounts(container.get("resources")).items():
                needs[resource] = needs.get(resource, 0) + amount * replicas
    claims = [name for name in _claims(subject) if name != "of a user"]
    needs["persistentvolumeclaims"] = float(len(claims))
    needs["requests.storage"] = sum(_claims(subject)[name] for name in claims)
    balancers = [each for each in subject.of_kind("Service") if each["spec"].get("type") == "LoadBalancer"]
    needs["services.loadbalancers"] = float(len(balancers))
    return needs


def _user_needs(subject: Subject) -> dict[str, float]:
    claims = _claims(subject)
    home = {"persistentvolumeclaims": 1.0, "requests.storage": claims["of a user"]} if "of a user" in claims else {}
    return {**_notebook(subject), "pods": 1.0, **home}


def _claims(subject: Subject) -> dict[str, float]:
    """Size of each volume claim, in bytes."""
    found = {
        each["metadata"]["name"]: number(each["spec"]["resources"]["requests"]["storage"]) or 0
        for each in subject.of_kind("PersistentVolumeClaim")
    }
    size = number(subject.setting("singleuser", "storage", "capacity"))
    if subject.setting("singleuser", "storage", "type") == "dynamic" and size:
        found["of a user"] = size
    return found


def _defaulted(resource: str, ranges: list[Object]) -> bool:
    """Whether a LimitRange sets this where a container does not."""
    kind, _, short = resource.partition(".")
    limits = [
        limit for each in ranges for limit in each["spec"].get("limits") or [] if limit.get("type") == "Container"
    ]
    keys = ("default",) if kind == "limits" else ("defaultRequest", "default")
    return any(short in (limit.get(key) or {}) for limit in limits for key in keys)


def _renamed(amounts: Mapping[str, Any]) -> dict[str, Any]:
    return {_ALIASES.get(resource, resource): amount for resource, amount in amounts.items()}


def _written(resource: str, amount: float) -> str:
    """An amount for people."""
    if resource.endswith(("memory", "storage")):
        return f"{amount / 2**30:.3g}Gi" if amount >= 2**30 else f"{amount / 2**20:.3g}Mi"
    return f"{amount:.3g}"
