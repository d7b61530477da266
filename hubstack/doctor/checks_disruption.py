"""Could a node be emptied, for a repair or an upgrade of the cluster?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hubstack.doctor.finding import Finding, some, warning
from hubstack.doctor.reader import Object
from hubstack.doctor.subject import Subject

_WHY = "`kubectl drain` and the cluster's own upgrades wait for these pods, some for an hour and then by force"


def disruption(subject: Subject) -> Iterator[Finding]:
    """No PodDisruptionBudget forbids to move a pod for ever."""
    always = {}
    for budget in subject.of_kind("PodDisruptionBudget"):
        for workload in subject.of_kind("Deployment", "StatefulSet"):
            if _selects(budget, workload) and _forbids(budget["spec"], workload["spec"].get("replicas", 1)):
                always[budget["metadata"]["name"]] = workload["spec"].get("replicas", 1)
    for name, replicas in sorted(always.items()):
        yield warning(
            f"PodDisruptionBudget {name} allows no disruption, and there is only {replicas} pod",
            _WHY,
            "switch it off in the values (such as hub.pdb.enabled, proxy.chp.pdb.enabled), or set maxUnavailable to 1",
        )
    blocking = []
    for budget in subject.cluster.items(subject.path("policy/v1", "poddisruptionbudgets")):
        status = budget.get("status") or {}
        name = budget["metadata"]["name"]
        if name not in always and status.get("expectedPods", 0) > 0 and status.get("disruptionsAllowed") == 0:
            healthy, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
            blocking.append(f"{name} ({healthy} healthy pods, {desired} needed)")
    if blocking:
        yield warning(
            f"PodDisruptionBudgets that allow no disruption now: {some(sorted(blocking))}",
            _WHY,
            "mend the pods that are not healthy; where all are, the budget asks for too many",
        )


def _selects(budget: Object, workload: Object) -> bool:
    wanted = (budget["spec"].get("selector") or {}).get("matchLabels") or {}
    labels = workload["spec"]["template"]["metadata"].get("labels") or {}
    return wanted.items() <= labels.items()


def _forbids(spec: Mapping[str, Any], replicas: int) -> bool:
    """Whether the budget never lets one of so many pods go."""
    if replicas < 1:
        return False
    if (most := spec.get("maxUnavailable")) is not None:
        return str(most) in ("0", "0%")
    least = str(spec.get("minAvailable", 0))
    return float(least[:-1]) >= 100 if least.endswith("%") else float(least) >= replicas
