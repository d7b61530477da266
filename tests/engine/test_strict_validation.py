"""The API server's strict field validation accepts what mode native makes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from hubstack import manifests, project
from hubstack.cluster.api import ApiClient, ApiError
from hubstack.parity import helm_documents
from tests.engine.conftest import Machine

NAMESPACE = "strict"
PLURALS = {"NetworkPolicy": "networkpolicies", "Ingress": "ingresses"}
NOT_SERVED = {"HTTPRoute": "the Gateway API's own resource definitions are not part of Kubernetes"}
OPTIONS = "fieldValidation=Strict&dryRun=All"


def path_of(manifest: Mapping[str, Any]) -> str:
    """Path of the collection that the object is made in."""
    version, kind = manifest["apiVersion"], manifest["kind"]
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = "" if kind in manifests.CLUSTER_WIDE else f"/namespaces/{NAMESPACE}"
    return f"{base}{namespace}/{PLURALS.get(kind) or plural(kind)}"


def plural(kind: str) -> str:
    """Regular plural of a kind, as it stands in URLs."""
    return f"{kind.lower()}es" if kind.endswith("ss") else f"{kind.lower()}s"


def refusals(client: ApiClient, objects: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """What the API server says against some objects, in a dry run, by kind and name."""
    found = {}
    for manifest in objects:
        if manifest["kind"] not in NOT_SERVED:
            try:
                client.request("POST", f"{path_of(manifest)}?{OPTIONS}", dict(manifest))
            except ApiError as error:
                found[manifest["kind"], manifest["metadata"]["name"]] = str(error)
    return found


def charts_objects(machine: Machine, file: Path) -> list[dict[str, Any]]:
    """The objects that Helm renders for a values file."""
    command = [machine.tools["helm"], "template", "strict", str(project.mirrored_chart("4.4.0")), "-n", NAMESPACE]
    done = subprocess.run([*command, "-f", str(file)], check=True, capture_output=True, text=True)
    return [document for document in helm_documents.read(done.stdout) if document]


def test_every_object_is_accepted(machine: Machine) -> None:
    """No field is unknown, misspelt or of a wrong type in any object of any values file of the mirror.

    Some of the files make the chart itself render what no API server takes (a number as an argument, two limits in one
    budget). Of those files nothing is refused but what is refused of the chart's objects too.
    """
    mirror = project.mirror()
    if mirror is None or not (mirror / "values").is_dir():
        pytest.skip("the values files are not here; HUBSTACK_MIRROR names a folder that has them")
    client = machine.cluster.client()
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    client.apply(f"/api/v1/namespaces/{NAMESPACE}", namespace)
    files = sorted([*(mirror / "values" / "dev").glob("*.yaml"), *(mirror / "values" / "real").glob("*.yaml")])
    accepted = 0
    for file in files:
        ours = refusals(client, manifests.render_manifests([file], NAMESPACE, "strict", "1.36.1"))
        if ours:
            theirs = refusals(client, charts_objects(machine, file))
            # The awaiter's hook objects are the chart's alone, and the hook's DaemonSet has the same pods as the other.
            assert set(ours) <= set(theirs), file.name
        accepted += not ours
    assert accepted > 0.85 * len(files)
