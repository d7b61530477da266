"""The API server's strict field validation accepts what mode native makes."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hubstack import manifests, project
from hubstack.cluster.api import ApiClient, ApiError
from tests.engine.conftest import Machine

NAMESPACE = "strict"
PLURALS = {"NetworkPolicy": "networkpolicies", "Ingress": "ingresses"}
NOT_SERVED = {"HTTPRoute": "the Gateway API's own resource definitions are not part of Kubernetes"}
REFUSED: dict[str, str] = {}
"""Values files whose objects the API server refuses, as it refuses the chart's, with a part of its answer."""


def path_of(manifest: Mapping[str, Any]) -> str:
    """Path of the collection that the object is made in."""
    version, kind = manifest["apiVersion"], manifest["kind"]
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = "" if kind in manifests.CLUSTER_WIDE else f"/namespaces/{NAMESPACE}"
    return f"{base}{namespace}/{PLURALS.get(kind) or plural(kind)}"


def plural(kind: str) -> str:
    """Regular plural of a kind, as it stands in URLs."""
    return f"{kind.lower()}es" if kind.endswith("ss") else f"{kind.lower()}s"


def refusals(client: ApiClient, files: list[Path]) -> list[str]:
    """What the API server says against the objects of some values files, in a dry run."""
    found = []
    for manifest in manifests.render_manifests(files, NAMESPACE, "strict", "1.36.1"):
        if manifest["kind"] in NOT_SERVED:
            continue
        try:
            client.request("POST", f"{path_of(manifest)}?fieldValidation=Strict&dryRun=All", manifest)
        except ApiError as error:
            found.append(f"{manifest['kind']} {manifest['metadata']['name']}: {error}")
    return found


def test_every_object_is_accepted(machine: Machine) -> None:
    """No field is unknown, misspelt or of a wrong type in any object of any values file of the mirror."""
    mirror = project.mirror()
    if mirror is None or not (mirror / "values").is_dir():
        pytest.skip("the values files are not here; HUBSTACK_MIRROR names a folder that has them")
    client = machine.cluster.client()
    client.apply(
        f"/api/v1/namespaces/{NAMESPACE}", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    )
    files = sorted([*(mirror / "values" / "dev").glob("*.yaml"), *(mirror / "values" / "real").glob("*.yaml")])
    assert len(files) > 50
    with ThreadPoolExecutor(4) as pool:
        answers = dict(
            zip((file.name for file in files), pool.map(lambda file: refusals(client, [file]), files), strict=True)
        )
    unexpected = {name: answer for name, answer in answers.items() if answer and name not in REFUSED}
    assert not unexpected
    for name, part in REFUSED.items():
        assert any(part in line for line in answers[name]), f"{name} is accepted now"
