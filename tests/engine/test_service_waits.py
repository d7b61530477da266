"""Services are waited for as long as it takes, and a stack that was deployed before that goes on unchanged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hubstack.engine.differences import Field
from hubstack.engine.stack import Report
from hubstack.engine.state import Resource, State
from tests.engine.conftest import Machine
from tests.engine.live import stack

SERVICES = ("hub", "proxy-api", "proxy-public")
MARKS = ("pulumi.com/skipAwait", "pulumi.com/waitFor")


def unmarked(state: State) -> State:
    """The state of a stack that was deployed before Services had annotations for the provider."""

    def without(values: dict[str, Any]) -> dict[str, Any]:
        metadata = values.get("metadata") or {}
        kept = {key: value for key, value in (metadata.get("annotations") or {}).items() if key not in MARKS}
        rest = {key: value for key, value in metadata.items() if key != "annotations"}
        return {**values, "metadata": {**rest, **({"annotations": kept} if kept else {})}}

    def change(each: Resource) -> Resource:
        if each.type != "kubernetes:core/v1:Service":
            return each
        return replace(each, inputs=without(dict(each.inputs)), outputs=without(dict(each.outputs)))

    return state.map(change)


@pytest.mark.long
def test_a_stack_of_an_earlier_version_changes_nothing(machine: Machine) -> None:
    """Every Service has its mark, and the URL its address; without the marks, an update is none, and adds none.

    A load balancer that becomes another type loses the mark that would wait for its address.
    """
    wanted = stack(machine, "waits")
    client = machine.cluster.client()

    def marks() -> dict[str, set[str]]:
        found = {}
        for name in SERVICES:
            service = client.get(f"/api/v1/namespaces/{wanted.namespace}/services/{name}")
            found[name] = {*(service["metadata"].get("annotations") or {})} & {*MARKS}
        return found

    first = machine.updater(wanted).up()
    (address,) = client.get(f"/api/v1/namespaces/{wanted.namespace}/services/proxy-public")["status"]["loadBalancer"][
        "ingress"
    ]
    assert first.outputs["url"] == f"http://{address['ip']}/"
    new = {"hub": {MARKS[0]}, "proxy-api": {MARKS[0]}, "proxy-public": {MARKS[1]}}
    assert marks() == new

    nodeport = {"hubstack:values": {"proxy": {"service": {"type": "NodePort"}}}}
    config = {**wanted.config, **nodeport}
    shown: list[Report] = []

    def approve(found: Any) -> bool:
        shown.append(found)
        return True

    changed = machine.updater(replace(wanted, config=config, document={"config": config})).up(approve)
    (service,) = (each for each in shown[0].differences if each.about.kind == "Service")
    assert (service.operation, service.about.name) == ("update", "proxy-public")
    assert Field("spec.type", "LoadBalancer", "NodePort") in service.fields
    assert ("update", "Service jupyterhub-proxy-proxy-public") in changed.steps
    assert marks() == {**new, "proxy-public": set()}
    back = machine.updater(wanted).up()
    assert ("update", "Service jupyterhub-proxy-proxy-public") in back.steps
    assert marks() == {**new, "proxy-public": set()}

    updater = machine.updater(wanted)
    updater.edit_state(unmarked)
    for name in SERVICES:
        path = f"/api/v1/namespaces/{wanted.namespace}/services/{name}"
        client.merge(path, {"metadata": {"annotations": dict.fromkeys(MARKS)}})
    again = updater.up(approve)
    assert (again.changed, again.outputs["url"], len(shown)) == (0, first.outputs["url"], 1)
    assert marks() == {name: set() for name in SERVICES}
    updater.destroy()
