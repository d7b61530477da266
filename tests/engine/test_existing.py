"""What is in the cluster already is never taken over by accident, whatever the provider's version."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubstack.errors import HubstackError
from hubstack.project.stacks import Stack
from tests.engine.conftest import Machine
from tests.engine.live import specs, stack


def state_file(machine: Machine, name: str) -> Path:
    """The stack's state in the backend."""
    return machine.state / "backend" / ".pulumi" / "stacks" / "hubstack" / f"{name}.json"


def kinds_in_state(machine: Machine, name: str) -> set[str]:
    """Types of what the state knows, where there is a state at all."""
    latest = json.loads(state_file(machine, name).read_text())["checkpoint"]["latest"] or {}
    return {each["type"] for each in latest.get("resources") or []}


@pytest.fixture
def lost(machine: Machine, hub: Stack) -> Iterator[Stack]:
    """The hub with its state lost; the state is back afterwards."""
    kept = state_file(machine, hub.name).read_bytes()
    for file in state_file(machine, hub.name).parent.glob(f"{hub.name}.json*"):
        file.unlink()
    yield hub
    state_file(machine, hub.name).write_bytes(kept)


@pytest.fixture(scope="module", params=["native", "helm"])
def hub(machine: Machine, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A deployed hub of each mode."""
    deployed = stack(machine, f"met-{request.param}", request.param)
    machine.updater(deployed).up()
    yield deployed
    machine.updater(deployed).destroy()


def test_an_empty_state_meets_its_hub(machine: Machine, lost: Stack) -> None:
    """`up` is refused before anything is made: the cluster is as it was, no token is drawn. The way on is named."""
    before = specs(machine, lost.namespace)
    with pytest.raises(HubstackError) as error:
        machine.updater(lost).up()
    met = {"native": 'ServiceAccount "hub"', "helm": 'Helm release "met-helm"'}[lost.mode]
    assert met in str(error.value)
    assert f"hubstack recover --stack {lost.name}" in str(error.value)
    assert kinds_in_state(machine, lost.name) == set()
    assert specs(machine, lost.namespace) == before


def test_the_program_itself_refuses(machine: Machine, lost: Stack) -> None:
    """Without hubstack's own look, as with a plain `pulumi up`, each creation fails; the preview says the same."""
    before = specs(machine, lost.namespace)
    updater = machine.updater(lost)
    for operation in (updater.preview, updater.update):
        with pytest.raises(HubstackError, match=rf'Namespace "{lost.namespace}": in the cluster already, and unknown'):
            operation()
    assert not {each for each in kinds_in_state(machine, lost.name) if each.startswith("kubernetes:")}
    assert specs(machine, lost.namespace) == before


def test_a_new_object_meets_somebody_elses(machine: Machine) -> None:
    """A stack that has been deployed for long does not take over an object that a changed setting would create."""
    machine.updater(stack(machine, "met-ingress")).up()
    theirs = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "jupyterhub", "namespace": "met-ingress", "labels": {"owner": "somebody"}},
        "spec": {"defaultBackend": {"service": {"name": "theirs", "port": {"number": 80}}}},
    }
    client = machine.cluster.client()
    client.request("POST", "/apis/networking.k8s.io/v1/namespaces/met-ingress/ingresses", theirs)
    before = specs(machine, "met-ingress")
    wanted = stack(machine, "met-ingress", values={"ingress": {"enabled": True, "hosts": ["a.example.org"]}})
    updater = machine.updater(wanted)
    with pytest.raises(HubstackError, match='Ingress "jupyterhub": in the cluster already'):
        updater.up()
    assert specs(machine, "met-ingress")["ingresses", "jupyterhub"] == before["ingresses", "jupyterhub"]
    client.request("DELETE", "/apis/networking.k8s.io/v1/namespaces/met-ingress/ingresses/jupyterhub")
    assert ("create", "Ingress jupyterhub-ingress-ingress") in updater.up().steps
    updater.destroy()


def test_a_namespace_that_is_there(machine: Machine) -> None:
    """A namespace is made only where there is none; with `createNamespace: false` a hub goes into one that is there."""
    machine.cluster.client().request("POST", "/api/v1/namespaces", {"metadata": {"name": "met-namespace"}})
    with pytest.raises(HubstackError, match='Namespace "met-namespace": in the cluster already'):
        machine.updater(stack(machine, "met-namespace")).up()
    updater = machine.updater(stack(machine, "met-namespace", createNamespace="false"))
    assert updater.up().changes["create"] > 20
    assert updater.up().changed == 0
    updater.destroy()
    assert machine.cluster.client().find("/api/v1/namespaces/met-namespace")
