"""What the scheduler says, in plain words: every reason has its numbers and a way out."""

from __future__ import annotations

import pytest

from hubstack.capacity import pending
from hubstack.engine.events import EventLog
from hubstack.fleet.gates import diagnosis

SPEC = {"containers": [{"name": "notebook", "resources": {"requests": {"memory": "62Gi", "cpu": "2"}}}]}
ONE = (
    "0/3 nodes are available: 1 node(s) had untolerated taint {gpu: true}, 2 Insufficient memory. no new claims to "
    "deallocate, preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption "
    "victims found for incoming pod."
)


def test_numbers_and_a_way_out() -> None:
    """What the pod asks for, how many nodes lack what, and what to do about each."""
    assert pending.explained(ONE, SPEC) == (
        "it waits for a node, asking for 2 CPU and 62 GiB of memory; 1 of 3 nodes has a taint that the pod does not "
        "tolerate (gpu: true), 2 of 3 nodes have too little memory left. "
        "Add a toleration (singleuser.extraTolerations, or tolerations in the profile), or remove the taint; "
        "or ask for less, stop servers, or add nodes or larger ones."
    )


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("1 Insufficient nvidia.com/gpu", "too little nvidia.com/gpu left"),
        ("1 Too many pods", "as many pods as a node may have"),
        ("1 node(s) didn't match Pod's node affinity/selector", "not the labels that the pod requires"),
        ("1 node(s) didn't match Pod's node affinity", "not the labels that the pod requires"),
        ("1 node(s) were unschedulable", "a cordon"),
        ("1 node(s) didn't satisfy plugin(s) [NodeAffinity]", "1 of 1 node has been ruled out beforehand"),
        ("1 node(s) had untolerated taint(s)", "a taint that the pod does not tolerate"),
        ("1 node(s) had volume node affinity conflict", "in another zone"),
        ("1 node(s) didn't match PersistentVolume's node affinity", "in another zone"),
        ("1 node(s) exceed max volume count", "as many volumes attached"),
        ("1 node(s) didn't match pod anti-affinity rules", "other pods"),
        ("1 node(s) didn't match pod affinity rules", "other pods"),
        ("1 node(s) didn't match pod topology spread constraints (missing required label)", "spreads pods"),
        ("1 node(s) didn't have free ports for the requested pod ports", "host port"),
        ("1 something {new} of a later version", "1 of 1 node has: something {new} of a later version"),
    ],
)
def test_every_reason_of_the_scheduler(reason: str, says: str) -> None:
    """Each of its filters is known; what a later version adds is shown as it is."""
    found = pending.explained(f"0/1 nodes are available: {reason}. preemption: 0/1 nodes are available: x.")
    assert found is not None
    assert says in found
    assert "{n}" not in found


def test_no_nodes_at_all() -> None:
    """An empty cluster has its own message."""
    assert "no node at all" in (pending.explained("no nodes available to schedule pods", SPEC) or "")


def test_other_messages_are_left_alone() -> None:
    """A message that is none of the scheduler's is not explained."""
    assert pending.explained("Back-off pulling image") is None
    assert pending.in_text("one\ntwo") == []


def test_what_a_gate_tells_of_a_pod_that_waits() -> None:
    """A gate that is shut shows the scheduler's own words and what they mean."""
    from kubernetes import client

    requests = client.V1ResourceRequirements(requests={"memory": "62Gi"})
    container = client.V1Container(name="c", resources=requests)
    pod = client.V1Pod(
        metadata=client.V1ObjectMeta(name="hub-1"),
        spec=client.V1PodSpec(containers=[container]),
        status=client.V1PodStatus(
            conditions=[client.V1PodCondition(type="PodScheduled", status="False", reason="Unschedulable", message=ONE)]
        ),
    )
    lines = list(diagnosis._conditions([pod]))
    assert lines[0] == f"pod hub-1: not PodScheduled: Unschedulable: {ONE}"
    assert lines[1].startswith("pod hub-1: it waits for a node, asking for 62 GiB of memory; 1 of 3 nodes has a taint")


def test_an_error_of_up_is_explained(tmp_path: object) -> None:
    """The engine's error about a Deployment that waits is followed by what it means, once."""
    log = EventLog(tmp_path)  # type: ignore[arg-type]
    event = {"diagnosticEvent": {"severity": "error", "message": f"2 errors occurred:\n * [Pod hub-1] {ONE}\n * {ONE}"}}
    log._note(event)
    assert len(log.errors) == 2
    assert log.errors[1].startswith("In short: it waits for a node; 1 of 3 nodes has a taint")
