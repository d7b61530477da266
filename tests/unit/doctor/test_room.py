"""Checks of disruption budgets, quotas and limits."""

from __future__ import annotations

from typing import Any

import pytest

from hubstack.doctor import checks_disruption, checks_quota
from hubstack.doctor.quantity import number, spawner_bytes
from tests.unit.doctor.fake import CORE, NAMESPACE, named, subject, texts

BUDGETS = f"/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets"
RESOURCES = {"requests": {"cpu": "100m", "memory": "256Mi"}}


def budget(name: str, allowed: int, expected: int) -> dict[str, Any]:
    """A live PodDisruptionBudget."""
    status = {"disruptionsAllowed": allowed, "expectedPods": expected, "currentHealthy": 1, "desiredHealthy": 1}
    return {**named(name), "status": status}


def quota(hard: dict[str, str], used: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """A ResourceQuota."""
    return {**named("team"), "spec": {"hard": hard, **spec}, "status": {"hard": hard, "used": used or {}}}


def room(
    *quotas: dict[str, Any], limits: list[dict[str, Any]] | None = None, values: Any = None
) -> list[tuple[str, str]]:
    """What the check says about quotas and the limits of one LimitRange."""
    ranges = [{**named("sizes"), "spec": {"limits": limits}}] if limits else []
    lists = {f"{CORE}/resourcequotas": list(quotas), f"{CORE}/limitranges": ranges}
    return texts(list(checks_quota.quota(subject(values, lists=lists))))


def test_budgets_that_let_a_pod_go_are_silence() -> None:
    """The chart's own ones, live ones with room, and those without pods."""
    live = [budget("user-scheduler", 1, 2), budget("user-placeholder", 0, 0)]
    assert list(checks_disruption.disruption(subject(lists={BUDGETS: live}))) == []
    values = {"hub": {"pdb": {"enabled": True, "maxUnavailable": 1, "minAvailable": None}}}
    assert list(checks_disruption.disruption(subject(values))) == []


def test_a_budget_of_a_single_pod_blocks_for_ever() -> None:
    """Said once, from the settings, also where the live budget shows the same."""
    values = {"hub": {"pdb": {"enabled": True, "minAvailable": 1, "maxUnavailable": None}}}
    found = checks_disruption.disruption(subject(values, lists={BUDGETS: [budget("hub", 0, 1)]}))
    assert texts(list(found)) == [
        ("warning", "PodDisruptionBudget hub allows no disruption, and there is only 1 pod"),
    ]


def test_a_live_budget_without_room_is_a_warning() -> None:
    """Whoever made it."""
    found = texts(list(checks_disruption.disruption(subject(lists={BUDGETS: [budget("db", 0, 1)]}))))
    what = "PodDisruptionBudgets that allow no disruption now: db (1 healthy pods, 1 needed)"
    assert found == [("warning", what)]


def test_a_quota_with_room_is_silence() -> None:
    """Large ones, ones of a scope, ones that count what does not matter, and none at all."""
    assert room() == []
    assert (
        room(quota({"pods": "100", "persistentvolumeclaims": "50", "requests.storage": "1Ti", "secrets": "99"})) == []
    )
    assert room(quota({"pods": "1"}, scopes=["BestEffort"])) == []


def test_a_quota_too_small_for_the_hub_is_an_error() -> None:
    """Pods, volumes and load balancers of the stack itself."""
    found = room(quota({"pods": "3", "services.loadbalancers": "0", "requests.storage": "500Mi"}))
    assert [severity for severity, _ in found] == ["error"] * 3
    assert found[0][1] == "ResourceQuota team: pods is 3, the stack's own pods and volumes need 4"
    assert "requests.storage is 500Mi, the stack's own pods and volumes need 1Gi" in found[1][1]


def test_a_quota_that_is_used_up_is_a_warning() -> None:
    """The next user's server would fail."""
    found = room(quota({"persistentvolumeclaims": "20", "requests.storage": "1Ti"}, {"persistentvolumeclaims": "20"}))
    what = "persistentvolumeclaims is 20, of which 20 is used; a user's server needs 1"
    assert found == [("warning", f"ResourceQuota team: {what}")]


def test_a_quota_of_cpu_refuses_pods_that_say_nothing() -> None:
    """Each container that sets no request is named, unless a LimitRange sets it."""
    ((severity, what),) = room(quota({"requests.cpu": "100"}))
    assert severity == "error"
    assert "hub/hub (requests.cpu)" in what
    assert room(quota({"requests.cpu": "100"}), limits=[{"type": "Container", "defaultRequest": {"cpu": "50m"}}]) == []


def test_a_container_or_a_volume_outside_of_the_limits_is_an_error() -> None:
    """Too large, too small, and just right."""
    values = {"hub": {"resources": RESOURCES}, "singleuser": {"memory": {"guarantee": "8G", "limit": "8G"}}}
    container = {"type": "Container", "max": {"memory": "4Gi"}, "min": {"cpu": "200m"}}
    claim = {"type": "PersistentVolumeClaim", "max": {"storage": "5Gi"}}
    found = room(limits=[container, claim], values=values)
    assert found == [
        ("error", "LimitRange sizes: cpu may be at least 200m, container hub/hub has requests of 0.1"),
        ("error", "LimitRange sizes: memory may be at most 4Gi, container user/notebook has limits of 8Gi"),
        ("error", "LimitRange sizes: memory may be at most 4Gi, container user/notebook has requests of 8Gi"),
        ("error", "LimitRange sizes: storage may be at most 5Gi, volume claim of a user has requests of 10Gi"),
    ]
    assert room(limits=[{"type": "Container", "max": {"memory": "16Gi", "cpu": "8"}}], values=values) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500m", 0.5),
        ("2", 2.0),
        ("1Gi", 2.0**30),
        ("1G", 1e9),
        ("1e3", 1000.0),
        ("12E", 12e18),
        (0.25, 0.25),
        ("x", None),
    ],
)
def test_quantities(text: object, value: float | None) -> None:
    """Kubernetes' own writing of numbers."""
    assert number(text) == value


def test_sizes_of_the_spawner() -> None:
    """JupyterHub counts G as 2 to the 30th, and takes Kubernetes' suffixes as they are."""
    assert [spawner_bytes(each) for each in ("1G", "512M", 1024, "1Gi")] == [2.0**30, 2.0**29, 1024.0, 2.0**30]
