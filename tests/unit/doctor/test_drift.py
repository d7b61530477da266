"""The check whether somebody has changed the stack's objects."""

from __future__ import annotations

from typing import Any

from hubstack.doctor import checks_drift
from hubstack.doctor.state import EngineState
from hubstack.engine.state import State
from tests.unit.doctor.fake import subject, texts

PATH = "/api/v1/namespaces/jhub/configmaps/hub"
OWN = "pulumi-kubernetes-1a2b"


def config_map(value: str, manager: str = "") -> dict[str, Any]:
    """The hub's ConfigMap; with a manager, a live one whose data it has written."""
    entry = {"manager": manager, "operation": "Update", "fieldsV1": {"f:data": {"f:a": {}}}}
    metadata = {"name": "hub", **({"managedFields": [entry]} if manager else {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": value}}


RESOURCE = {"urn": "urn:hub", "type": "kubernetes:core/v1:ConfigMap", "id": "jhub/hub"}
ENGINE = EngineState(
    State.read({"resources": [{**RESOURCE, "inputs": config_map("1"), "outputs": {"__fieldManager": OWN}}]})
)


def test_a_change_is_a_warning_with_its_place_and_its_manager() -> None:
    """What is as it was, and what may differ, is nothing to speak of; nor is a stack without a state."""
    changed = {PATH: config_map("2", "kubectl-edit")}
    (found,) = checks_drift.drift(subject(objects=changed, engine=ENGINE))
    assert texts([found]) == [
        (
            "warning",
            "objects of the stack are not what its last update has made of them: 1 difference in 1 object, by "
            "kubectl-edit: ConfigMap/hub:data.a",
        )
    ]
    for looked in (
        subject(objects={PATH: config_map("1", "kubectl-edit")}, engine=ENGINE),
        subject(objects=changed, engine=ENGINE, acceptDrift=["ConfigMap/hub:data"]),
        subject(objects=changed),
    ):
        assert list(checks_drift.drift(looked)) == []
