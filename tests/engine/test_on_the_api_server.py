"""What mode native makes is to the API server what Helm makes, defaults and all, and passes strict field validation.

Both sides' objects are sent to a real API server in a dry run, and what it would hold is compared. So nothing rests on
our own idea of what it does with a null, a number written as text, or a member that is named twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hubstack import manifests
from hubstack.chart import render
from hubstack.cluster.api import ApiClient, ApiError
from hubstack.parity import compare, helm_documents, normal, rendering
from tests import needs
from tests.engine.conftest import Machine
from tests.parity import harness

NAMESPACE = "dry-run"
PLURALS = {"NetworkPolicy": "networkpolicies", "Ingress": "ingresses"}
NOT_SERVED = {"HTTPRoute": "the Gateway API's own resource definitions are not part of Kubernetes"}
OPTIONS = "fieldValidation=Strict&dryRun=All"
OWN = ("uid", "creationTimestamp", "managedFields", "generation", "namespace")
"""Metadata that the API server gives each object anew, or that follows from where it is."""
AT_ONCE = 4

Object = dict[str, Any]


def path_of(manifest: Mapping[str, Any]) -> str:
    """Path of the collection that the object is made in."""
    version, kind = manifest["apiVersion"], manifest["kind"]
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = "" if kind in manifests.CLUSTER_WIDE else f"/namespaces/{NAMESPACE}"
    return f"{base}{namespace}/{PLURALS.get(kind) or plural(kind)}"


def plural(kind: str) -> str:
    """Regular plural of a kind, as it stands in URLs."""
    return f"{kind.lower()}es" if kind.endswith("ss") else f"{kind.lower()}s"


class Server:
    """An API server that is asked what it would hold; each object once, because most are the same in many hubs."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._answers: dict[str, Object | ApiError] = {}

    def held(self, objects: Iterable[Object]) -> tuple[list[Object], dict[tuple[str, str], str]]:
        """What it would hold, and what it says against the objects that it refuses, by kind and name."""
        found, refused = [], {}
        for manifest in objects:
            text = json.dumps(manifest, sort_keys=True)
            if text not in self._answers:
                self._answers[text] = self._ask(manifest)
            answer = self._answers[text]
            if isinstance(answer, ApiError):
                refused[manifest["kind"], manifest["metadata"]["name"]] = str(answer)
            else:
                found.append(answer)
        return found, refused

    def _ask(self, manifest: Object) -> Object | ApiError:
        if manifest["kind"] in NOT_SERVED:
            return manifest
        try:
            answer = self._client.request("POST", f"{path_of(manifest)}?{OPTIONS}", manifest)
        except ApiError as error:
            return error
        metadata = {key: value for key, value in answer["metadata"].items() if key not in OWN}
        content = {key: value for key, value in answer.items() if key != "status"}
        return {**content, "apiVersion": manifest["apiVersion"], "kind": manifest["kind"], "metadata": metadata}


def verdict(server: Server, file: Path) -> tuple[list[str], int, int]:
    """How the two sides differ on the API server, how many of our objects there are, and how many it refuses."""
    question = harness.question(file)
    target = harness.release(question)
    # The engine sends no nulls.
    native = normal.drop_nulls(render.objects(target, rendering.generated_tokens(target)))
    ours, refused = server.held(native)
    charts, refused_of_chart = server.held(helm_documents.read(harness.helm_template(question)))
    # The awaiter's hook objects are the chart's alone, and the hook's DaemonSet has the same pods as the other.
    wrong = [f"refused: {error}" for name, error in refused.items() if name not in refused_of_chart]
    both = rendering.comparable(charts, ours, target)
    wrong += [f"on one side only: {'/'.join(each)}" for each in sorted(both.chart.keys() ^ both.ours.keys())]
    wrong += compare.report(both.chart, both.ours)
    return [f"{file.name}: {each}" for each in wrong], len(native), len(refused)


@pytest.mark.parametrize(
    "folders", [("dev", "real"), pytest.param(("random",), marks=pytest.mark.long)], ids=" and ".join
)
def test_both_sides_are_the_same_there(machine: Machine, folders: tuple[str, ...]) -> None:
    """Every object of every values file is held as the chart's is.

    Some of the files make the chart itself render what no API server takes (a number as an argument, two limits in one
    budget). Of those files nothing is refused but what is refused of the chart's objects too.
    """
    files = harness.values_files(*folders)
    if not files:
        needs.skip("values", f"none in {harness.mirror() / 'values'}")
    client = machine.cluster.client()
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    client.apply(f"/api/v1/namespaces/{NAMESPACE}", namespace)
    server = Server(client)
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            verdicts = list(pool.map(lambda file: verdict(server, file), files))
    except harness.Missing as missing:
        needs.skip(missing.thing, str(missing))
    assert [place for found, _, _ in verdicts for place in found] == []
    objects, refused = (sum(verdict[index] for verdict in verdicts) for index in (1, 2))
    assert refused < 0.1 * objects
