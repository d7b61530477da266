"""Why pods are not created: read from the events of their controllers, said once, and part of the error."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hubstack.engine.stack import OperationError, Report
from hubstack.lifecycle import deploy, pod_failures
from hubstack.migration import access
from hubstack.project.stacks import Stack
from tests import small_api_server

NOW = datetime.now(UTC)
QUOTA = "failed quota: q: must specify limits.cpu for: hub"
SAID = f"ReplicaSet hub-1: {QUOTA}\n    set the part's resources, or let a LimitRange of the namespace give defaults"


def event(kind: str, name: str, message: str, age: timedelta = timedelta()) -> dict[str, Any]:
    stamp = (NOW - age).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"involvedObject": {"kind": kind, "name": name}, "message": message, "lastTimestamp": stamp}


EVENTS = {
    "items": [
        event("ReplicaSet", "hub-1", f'Error creating: pods "hub-1-a" is forbidden: {QUOTA}'),
        event("ReplicaSet", "hub-1", f'Error creating: pods "hub-1-b" is forbidden: {QUOTA}'),
        event("DaemonSet", "puller", "Error creating: the webhook says no"),
        event("ReplicaSet", "proxy-1", "Error creating: long ago", timedelta(hours=1)),
        event("Certificate", "tls", "of another kind"),
    ]
}


def test_each_reason_of_this_update_is_found_once(tmp_path: Path) -> None:
    """Not those of pods' names alone, of earlier days, or of other kinds; nothing where events may not be read."""
    since = NOW - timedelta(minutes=1)
    with small_api_server.serve({"/api/v1/namespaces/jhub/events": EVENTS}, tmp_path) as kubeconfig:
        client = access.client(small_api_server.CONTEXT, kubeconfig)
        first, second = pod_failures.refusals(client, "jhub", since)
        assert first == SAID
        assert second.startswith("DaemonSet puller: Error creating: the webhook says no\n    ")
        assert pod_failures.refusals(client, "others", since) == []


def test_they_are_said_while_the_engine_waits_and_stand_in_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine itself says ten minutes later that a Deployment is not ready."""
    monkeypatch.setattr(pod_failures, "FIRST_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(pod_failures, "LOOK_SECONDS", 0.01)
    # The events are as old as this test run, which may take a while to come to this test.
    monkeypatch.setattr(pod_failures, "_SKEW", datetime.now(UTC) - NOW + timedelta(minutes=1))
    said: list[str] = []
    both = threading.Event()

    class Engine:
        stack = Stack(name="a", base="a", config={"hubstack:namespace": "jhub"}, document={})

        def say(self, text: str) -> None:
            said.append(text)
            if len(said) == 2:
                both.set()

        def update(self, **_: Any) -> Report:
            both.wait(60)
            raise OperationError("Deployment hub: not ready", Report({"create": 1}))

    with small_api_server.serve({"/api/v1/namespaces/jhub/events": EVENTS}, tmp_path) as kubeconfig:
        client = access.client(small_api_server.CONTEXT, kubeconfig)
        monkeypatch.setattr(access, "of", lambda _: client)
        engine: Any = Engine()
        with pytest.raises(OperationError) as raised:
            deploy.run_engine(deploy.Update(engine, deploy.Order()))
    assert said[0] == f"pods are not created: {SAID}"
    assert len(said) == 2
    assert str(raised.value).startswith(f"Deployment hub: not ready\nPods are not created:\n  {SAID}")
    assert raised.value.report == Report({"create": 1})
