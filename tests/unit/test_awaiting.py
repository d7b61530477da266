"""What the provider waits for: the chart's objects stay as they are, a type of Service has its own annotation."""

from __future__ import annotations

from typing import Any

import pytest

from hubstack.components import awaiting, existing

ADDRESS = {"pulumi.com/waitFor": "jsonpath={.status.loadBalancer.ingress[0]}"}
NOTHING = {"pulumi.com/skipAwait": "true"}


def service(kind: str | None, **annotations: str) -> dict[str, Any]:
    """A Service of a type; None for the default type."""
    spec = {"type": kind} if kind else {}
    return {"kind": "Service", "metadata": {"name": "a", "annotations": annotations}, "spec": spec}


@pytest.mark.parametrize(
    ("kind", "annotations"),
    [(None, NOTHING), ("ClusterIP", NOTHING), ("NodePort", NOTHING), ("LoadBalancer", ADDRESS)],
)
def test_a_load_balancer_is_waited_for_until_it_has_an_address(
    kind: str | None, annotations: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only that annotation is left alone where the Service is there, so a change of type loses the other one."""
    monkeypatch.delenv(existing.UPSERT, raising=False)
    manifest = service(kind, own="kept")
    assert awaiting.service(manifest) == {"own": "kept", **annotations}
    assert awaiting.unchanged(manifest) == [f'metadata.annotations["{name}"]' for name in annotations]
    assert manifest == service(kind, own="kept")


def test_somebodys_own_annotation_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values may say what to wait for."""
    monkeypatch.delenv(existing.UPSERT, raising=False)
    given = {"pulumi.com/waitFor": "condition=Ready"}
    assert awaiting.service(service("LoadBalancer", **given)) == given


def test_what_is_taken_over_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A take-over changes nothing that Helm has not written."""
    monkeypatch.setenv(existing.UPSERT, "true")
    assert awaiting.service(service("LoadBalancer", own="kept")) == {"own": "kept"}
