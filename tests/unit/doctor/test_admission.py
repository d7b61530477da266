"""The doctor's look at admission: it speaks where pods are refused, and says where it cannot ask."""

from __future__ import annotations

from hubstack.doctor import checks_admission
from hubstack.lifecycle.admission import LEVEL
from tests.unit.doctor.fake import NAMESPACE, FakeReader, subject, texts

GPU = {"display_name": "GPU", "kubespawner_override": {"extra_resource_limits": {"nvidia.com/gpu": "1"}}}
NO_RIGHT = f'pods is forbidden: User "d" cannot create resource "pods" in API group "" in the namespace "{NAMESPACE}"'


def found(text: str, status: int, message: str, labels: dict[str, str] | None = None, **values: object):
    """Findings where pods with a text are refused with a message."""
    reader = FakeReader(
        objects={f"/api/v1/namespaces/{NAMESPACE}": {"metadata": {"labels": labels or {}}}},
        admission=lambda pod: (status, message) if text in str(pod) else (201, ""),
    )
    return texts(list(checks_admission.admitted(subject(values, reader=reader))))


def test_silent_where_all_is_admitted() -> None:
    assert found("nothing", 403, "") == []


def test_a_server_that_nobody_gets_is_an_error() -> None:
    """So is a pod of the stack; one profile among others is a warning, and so is what code may change."""
    refusal = f"namespace {NAMESPACE} does not admit a user's server: no"
    assert found("block-cloud-metadata", 403, "no") == [("error", refusal)]
    assert found("'generateName': 'hub-'", 403, "no") == [
        ("error", f"namespace {NAMESPACE} does not admit Deployment hub: no")
    ]
    profiles = {"profileList": [{"display_name": "Small"}, GPU]}
    assert found("nvidia.com/gpu", 403, "no", singleuser=profiles) == [
        ("warning", f"namespace {NAMESPACE} does not admit profile 'GPU': no")
    ]
    code = {"extraConfig": {"a": "c.KubeSpawner.x = 1"}}
    assert found("block-cloud-metadata", 403, "no", hub=code) == [("warning", refusal)]


def test_whoever_may_not_ask_is_told_so_and_what_the_label_says() -> None:
    """Not green: a note; and an error where the namespace's level forbids the privileged container in any case."""
    ((severity, what),) = found("", 403, NO_RIGHT)
    assert severity == "note"
    assert what.endswith("this account may not create pods, so the cluster does not say what it would refuse")
    level = {LEVEL: "baseline"}
    assert [severity for severity, _ in found("", 403, NO_RIGHT, level)] == ["error", "note"]
    unblocked = {"cloudMetadata": {"blockWithIptables": False}}
    assert [severity for severity, _ in found("", 403, NO_RIGHT, level, singleuser=unblocked)] == ["note"]


def test_a_namespace_that_is_not_there_has_no_rules_yet() -> None:
    reader = FakeReader(admission=lambda _: (404, "namespaces not found"))
    assert list(checks_admission.admitted(subject(reader=reader))) == []
