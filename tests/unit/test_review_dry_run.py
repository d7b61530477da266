"""What an API server's refusals are taken to mean; the messages are those of kube-apiserver 1.36."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hubstack.review.dry_run import answers, leads
from hubstack.review.dry_run.answers import Complaint, Judgement
from hubstack.review.rendering import Rendered

HUB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "hub"},
    "spec": {
        "template": {
            "spec": {
                "containers": [
                    {"name": "hub", "env": [{"name": "A", "value": 1}], "resources": {"limits": {"memory": "1 G"}}},
                    {"name": "side", "ports": [{"containerPort": "http"}]},
                ]
            }
        }
    },
}
APPLY = "failed to create typed patch object (/hub; apps/v1, Kind=Deployment): "
LONG = "b" * 200
CONTAINERS = "spec.template.spec.containers"


def status(message: str, *causes: tuple[str, str]) -> bytes:
    details = {"causes": [{"field": field, "message": text} for field, text in causes]} if causes else {}
    return json.dumps({"kind": "Status", "message": message, "details": details}).encode()


REFUSALS: list[tuple[int, bytes, list[tuple[str, str]]]] = [
    (
        500,
        status(f'{APPLY}errors:\n  .{CONTAINERS}[name="hub"].comand: field not declared in schema\n  .spec.replicas: '
               "expected numeric (int or float), got string"),
        [(f'{CONTAINERS}[name="hub"].comand', "there is no such field"),
         ("spec.replicas", "must be a number, and is something else")],
    ),
    (
        500,
        status(f'{APPLY}.{CONTAINERS}[name="hub"].env[name="A"].value: expected string, got '
               "&value.valueUnstructured{Value:1}"),
        [(f'{CONTAINERS}[name="hub"].env[name="A"].value', "must be a text, and is a number")],
    ),
    (
        400,
        status('strict decoding error: unknown field "spec.a", unknown field "spec.b[0].c"'),
        [("spec.a", "there is no such field"), ("spec.b[0].c", "there is no such field")],
    ),
    (
        400,
        status("json: cannot unmarshal string into Go struct field X.spec.ports.containerPort of type int32"),
        [("spec.ports.containerPort", "must be of type int32, and is a text")],
    ),
    (
        422,
        status("invalid", ("spec", "Forbidden: spec is immutable after creation except x\n core.Spec{")),
        [("spec", "the cluster does not change this; the object would have to be deleted and made anew")],
    ),
    (
        422,
        status("invalid", ("spec.template.labels", f"Invalid value: {json.dumps({'a': LONG})}: `selector` differs")),
        [("spec.template.metadata.labels", "`selector` differs")],
    ),
    (
        500,
        status("quantities must match the regular expression '^x$'"),
        [(f"{CONTAINERS}[0].resources.limits.memory",
          '"1 G" is no quantity; one has no blanks, and a unit such as m, M, G, Mi or Gi')],
    ),
    (
        422,
        status("invalid", ("metadata.labels", 'Invalid value: "a: b": a valid label must be x (e.g. \'M\', regex y)')),
        [("metadata.labels", 'Invalid value: "a: b": a valid label must be x')],
    ),
    (403, status('deployments "hub" is forbidden: nobody may'), [("", 'deployments "hub" is forbidden: nobody may')]),
    (400, b"no JSON", [("", "no JSON")]),
]  # fmt: skip


@pytest.mark.parametrize(("code", "body", "expected"), REFUSALS)
def test_refusals(code: int, body: bytes, expected: list[tuple[str, str]]) -> None:
    """Each has the field where one is named or can be found, and a reason without Go's notation."""
    found = answers.judgement(code, body, HUB)
    assert [(each.field, each.reason) for each in found.complaints] == expected
    assert found.unjudged == ""


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (0, "timed out"),
        (429, "too many requests"),
        (500, "etcdserver: leader changed"),
        (403, 'User "u" cannot patch resource "deployments"'),
        (403, "exceeded quota: q"),
        (404, 'namespaces "x" not found'),
        (400, 'admission webhook "w" does not support dry run'),
    ],
)
def test_what_is_no_refusal(code: int, message: str) -> None:
    """Trouble of the server, of the account or of the moment is told as what was not judged."""
    found = answers.judgement(code, status(message), HUB)
    assert found.complaints == ()
    assert found.unjudged


def test_an_object_that_is_taken() -> None:
    """A success is no complaint, but for a port that no server could give out."""
    assert answers.judgement(201, b"", HUB) == Judgement()
    service = {"kind": "Service", "spec": {"ports": [{"nodePort": 30000}, {"nodePort": 65536}]}}
    assert [each.field for each in answers.judgement(200, b"", service).complaints] == ["spec.ports[1].nodePort"]


LEADS: list[tuple[Complaint, list[str]]] = [
    (Complaint("spec.x", "", "later"), ["hub.a (second.yaml)"]),
    (Complaint("spec.replicas", "", 3), ["hub.b[0].replicas (first.yaml)"]),
    (Complaint("spec.ports[0]", "", "3"), ["hub.b[0].replicas (first.yaml)", "hub.c (first.yaml)"]),
    (Complaint("spec.wrong", "", unknown=True), ["hub.d.wrong (first.yaml)"]),
    (Complaint("metadata.name", "", "my-release-hub"), ["hubstack:releaseName (stack file)"]),
    (Complaint("args[1]", "", "entry"), ["hub.e[1] (first.yaml)"]),
    (Complaint("metadata.labels", "", True), []),
    (Complaint("spec.x", "", "first"), []),
    (Complaint("spec.x", ""), []),
    (Complaint("spec.x", "", "often"), []),
]


@pytest.mark.parametrize(("complaint", "expected"), LEADS)
def test_the_setting_that_leads_there(complaint: Complaint, expected: list[str]) -> None:
    """By value or name, with what sets it; of two files the last; none where it is not told, or there are many."""
    first: dict[str, Any] = {
        "a": "first", "b": [{"replicas": 3}], "c": 3, "d": {"wrong": {}}, "e": ["x", "entry"],
        "f": dict.fromkeys("abcd", "often"), "g": 1,
    }  # fmt: skip
    sources = (("first.yaml", {"hub": first}), ("second.yaml", {"hub": {"a": "later"}}))
    assert leads.settings(complaint, Rendered("s", config={"releaseName": "my-release"}, sources=sources)) == expected
