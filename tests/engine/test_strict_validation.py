"""The API server's strict field validation accepts what mode native makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hubstack import manifests
from hubstack.cluster.api import ApiClient, ApiError
from hubstack.parity import helm_documents
from tests import needs
from tests.engine.conftest import Machine
from tests.parity import harness

NAMESPACE = "jhub"
"""Where the suite parity renders everything."""
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


def charts_objects(file: Path) -> list[dict[str, Any]]:
    """The objects that Helm renders for a values file; skips, with the reason, where nothing tells them."""
    try:
        rendered = harness.helm_template(harness.question(file))
    except harness.Missing as missing:
        needs.skip("chart", str(missing))
    return [document for document in helm_documents.read(rendered) if document]


def test_every_object_is_accepted(machine: Machine) -> None:
    """No field is unknown, misspelt or of a wrong type in any object of any values file of the mirror.

    Some of the files make the chart itself render what no API server takes (a number as an argument, two limits in one
    budget). Of those files nothing is refused but what is refused of the chart's objects too.
    """
    files = [*harness.values_files("dev"), *harness.values_files("real")]
    if not files:
        needs.skip("values", "the values files are not here; HUBSTACK_MIRROR names a folder that has them")
    client = machine.cluster.client()
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    client.apply(f"/api/v1/namespaces/{NAMESPACE}", namespace)
    accepted = 0
    for file in files:
        ours = refusals(client, manifests.render_manifests([file], NAMESPACE, "jhub", "1.36.1"))
        if ours:
            theirs = refusals(client, charts_objects(file))
            # The awaiter's hook objects are the chart's alone, and the hook's DaemonSet has the same pods as the other.
            assert set(ours) <= set(theirs), file.name
        accepted += not ours
    assert accepted > 0.85 * len(files)
