"""Checks whether users' servers fit, and whether a pod waits."""

from __future__ import annotations

from typing import Any

from hubstack.doctor import checks_capacity
from tests.unit.doctor.fake import CORE, FakeReader, named, subject, texts

AUTOSCALER = {"/api/v1/namespaces/kube-system/configmaps": [named("cluster-autoscaler-status")]}


def node(name: str, memory: str = "8Gi") -> dict[str, Any]:
    room = {"cpu": "4", "memory": memory, "pods": "110"}
    return {**named(name, labels={"kubernetes.io/hostname": name}), "spec": {}, "status": {"allocatable": room}}


def pod(name: str, node: str = "", memory: str = "1Gi", **more: Any) -> dict[str, Any]:
    container = {"name": "c", "resources": {"requests": {"memory": memory}}}
    return {**named(name), "spec": {"nodeName": node, "containers": [container], **more}, "status": {}}


def server(**singleuser: Any) -> dict[str, Any]:
    return {"singleuser": singleuser}


def lists(nodes: list[dict[str, Any]], pods: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    return {"/api/v1/nodes": nodes, "/api/v1/pods": pods or [], **more}


def test_everything_fits() -> None:
    """A server that fits on a node that is there is nothing to speak of."""
    looked = subject(server(memory={"guarantee": "1G"}), lists=lists([node("a")]))
    assert list(checks_capacity.capacity(looked)) == []


def test_a_profile_that_never_starts() -> None:
    """An error with numbers and the most that would fit."""
    looked = subject(server(memory={"guarantee": "9G"}), lists=lists([node("a"), node("b")]))
    assert texts(list(checks_capacity.capacity(looked))) == [
        (
            "error",
            "A user's server asks for 9 GiB of memory; the only pool that it may use (`nodes`) leaves 8 GiB of memory: "
            "every start would wait for ever (0/2 nodes: 2 Insufficient memory). At most 8 GiB.",
        )
    ]


def test_an_autoscaler_may_have_other_nodes(tmp_path: Any) -> None:
    """Where nodes may come that nobody has described, nothing is said to be impossible, and nothing to fit."""
    looked = subject(server(memory={"guarantee": "9G"}), lists={**lists([node("a")]), **AUTOSCALER})
    (found,) = checks_capacity.capacity(looked)
    assert found.severity.word == "note"
    assert "the autoscaler may have pools without a node" in found.what
    file = tmp_path / "pools.yaml"
    file.write_text("pools: [{name: large, allocatable: {cpu: 4, memory: 16Gi, pods: 9}, maxNodes: 3}]")
    looked = subject(
        server(memory={"guarantee": "9G"}), lists={**lists([node("a")]), **AUTOSCALER}, poolsFile=str(file)
    )
    (found,) = checks_capacity.capacity(looked)
    assert (found.severity.word, "no node has room now" in found.what) == ("note", True)


def test_no_room_now() -> None:
    """A server that fits on an empty node and on none as they are waits; placeholders give way."""
    values = server(memory={"guarantee": "4G"})
    full = [pod("a-user", "a", "5Gi"), pod("b-user", "b", "5Gi")]
    (found,) = checks_capacity.capacity(subject(values, lists=lists([node("a"), node("b")], full)))
    assert (found.severity.word, "no node has room now" in found.what) == ("note", True)
    for each in full:
        each["spec"]["priority"] = -10
    assert list(checks_capacity.capacity(subject(values, lists=lists([node("a"), node("b")], full)))) == []


def test_code_is_a_note() -> None:
    """What cannot be judged is said, and the check is not `ok`."""
    values = {"hub": {"extraConfig": {"a": "c.KubeSpawner.profile_list = f"}}}
    (found,) = checks_capacity.capacity(subject(values, lists=lists([node("a")])))
    assert found.severity.word == "note"
    assert "a user's server: cannot be judged: hub.extraConfig.a, line 1" in found.what


def test_a_broken_pools_file(tmp_path: Any) -> None:
    """A pools file that cannot be used is an error, and the nodes that are there are judged all the same."""
    file = tmp_path / "pools.yaml"
    file.write_text("pools: []")
    looked = subject(server(memory={"guarantee": "9G"}), lists=lists([node("a")]), poolsFile=str(file))
    assert [each.severity.word for each in checks_capacity.capacity(looked)] == ["error", "error"]


def test_pods_that_wait() -> None:
    """A pod without a node is told with what it asks for, and why each node does not take it."""
    waits = pod("jupyter-eve", memory="62Gi")
    message = "0/2 nodes are available: 2 Insufficient memory. preemption: 0/2 nodes are available: 2 x."
    waits["status"] = {"conditions": [{"type": "PodScheduled", "status": "False", "message": message}]}
    reader = FakeReader({f"{CORE}/pods": [pod("hub", "a"), waits]})
    (found,) = checks_capacity.waiting(subject(reader=reader))
    assert (found.severity.word, found.what) == (
        "warning",
        "pod jupyter-eve: it waits for a node, asking for 62 GiB of memory; 2 of 2 nodes have too little memory left. "
        "Ask for less, stop servers, or add nodes or larger ones.",
    )
