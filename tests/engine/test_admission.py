"""The real admission of an API server: Pod Security, a quota, a policy, a missing class; a dry run stores nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack.doctor import run as doctor
from hubstack.errors import HubstackError
from hubstack.lifecycle import admission_guard
from hubstack.project.stacks import Stack
from tests.engine import live
from tests.engine.conftest import Machine

ENFORCE = "pod-security.kubernetes.io/enforce"
HARDENED = {
    "singleuser": {"cloudMetadata": {"blockWithIptables": False}},
    "hub": {
        "config": {
            "KubeSpawner": {
                "container_security_context": {
                    "runAsNonRoot": True,
                    "capabilities": {"drop": ["ALL"]},
                    "seccompProfile": {"type": "RuntimeDefault"},
                }
            }
        }
    },
}
"""What the error recommends."""


@pytest.fixture
def namespace(machine: Machine, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own."""
    name = f"adm-{abs(hash(request.node.name)) % 10**8}"
    client = machine.cluster.client()
    client.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    path = f"/api/v1/namespaces/{name}/serviceaccounts/default"
    while client.find(path) is None:
        pass
    yield name
    assert client.get(f"/api/v1/namespaces/{name}/pods")["items"] == [], "a dry run stores nothing"
    client.request("DELETE", f"/api/v1/namespaces/{name}")


def stack(machine: Machine, namespace: str, values: dict[str, Any] | None = None, **config: Any) -> Stack:
    return live.stack(machine, namespace, values=values or {}, **config)


def label(machine: Machine, namespace: str, **labels: str | None) -> None:
    machine.cluster.client().merge(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": labels}})


@pytest.mark.parametrize("level", ["baseline", "restricted"])
def test_pod_security(machine: Machine, namespace: str, level: str) -> None:
    """No user's pod with the privileged init container is admitted; with what the error recommends, all are."""
    assert admission_guard.refuse(stack(machine, namespace)) == []
    label(machine, namespace, **{ENFORCE: level})
    with pytest.raises(HubstackError, match=f"(?s)any user's server.*violates PodSecurity.*{level}.*blockWithIptables"):
        admission_guard.refuse(stack(machine, namespace))
    with pytest.raises(HubstackError, match="no user's server can start"):
        admission_guard.require_users(stack(machine, namespace))
    assert admission_guard.refuse(stack(machine, namespace, HARDENED)) == []
    admission_guard.require_users(stack(machine, namespace, HARDENED))
    report = doctor.examine(stack(machine, namespace), doctor.Programs(None), ["admission"])
    assert report.outcomes == {"admission": "error"}
    assert doctor.examine(stack(machine, namespace, HARDENED), doctor.Programs(None), ["admission"]).outcomes == {
        "admission": "ok"
    }


def test_quota_policy_class_and_account(machine: Machine, namespace: str) -> None:
    """Whatever else refuses pods: each in the cluster's words."""
    client = machine.cluster.client()
    for values, reason in (
        ({"singleuser": {"serviceAccountName": "none"}}, 'serviceaccount "none" not found'),
        ({"hub": {"config": {"KubeSpawner": {"priority_class_name": "none"}}}}, "no PriorityClass with name none"),
    ):
        with pytest.raises(HubstackError, match=reason):
            admission_guard.refuse(stack(machine, namespace, values))
    policy(client, namespace)
    profiles = [{"display_name": "Small"}, {"display_name": "Root", "kubespawner_override": {"uid": 0}}]
    (warning,) = eventually(
        lambda: admission_guard.refuse(stack(machine, namespace, {"singleuser": {"profileList": profiles}}))
    )
    assert "profile 'Root'" in warning
    assert "nobody is root here" in warning
    for kind in ("validatingadmissionpolicies", "validatingadmissionpolicybindings"):
        client.request("DELETE", f"/apis/admissionregistration.k8s.io/v1/{kind}/{namespace}")
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"limits.cpu": "4"}}}
    client.request("POST", f"/api/v1/namespaces/{namespace}/resourcequotas", quota)
    error = eventually(lambda: refusal(stack(machine, namespace)))
    assert "Deployment hub: failed quota: q: must specify limits.cpu for: hub\n    set hub.resources" in error


def policy(client: Any, namespace: str) -> None:
    """A policy of the cluster, bound to the namespace, by which no container runs as root."""
    rule = "object.spec.containers.all(c, c.?securityContext.?runAsUser.orValue(1) != 0)"
    pods = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": pods},
        "validations": [{"expression": rule, "message": "nobody is root here"}],
    }
    here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    bound = {"policyName": namespace, "validationActions": ["Deny"], "matchResources": here}
    for kind, body in (("validatingadmissionpolicies", spec), ("validatingadmissionpolicybindings", bound)):
        path = f"/apis/admissionregistration.k8s.io/v1/{kind}"
        client.request("POST", path, {"metadata": {"name": namespace}, "spec": body})


def refusal(stack: Stack) -> str:
    try:
        admission_guard.refuse(stack)
    except HubstackError as error:
        return str(error)
    return ""


def eventually(ask: Any) -> Any:
    """The first answer; the API server takes a rule up some moments after it is made."""
    for _ in range(600):
        if answer := ask():
            return answer
    raise AssertionError("never")


@pytest.mark.long
def test_up_refuses_changes_nothing_and_goes_on_once_mended(machine: Machine, namespace: str, tmp_path: Path) -> None:
    """A deployed hub whose namespace gets a level: the next update is refused before it begins; preview and doctor see
    it; with the settings that the error recommends the update goes on."""
    values = tmp_path / "values.yaml"
    small = {"prePuller": {"hook": {"enabled": False}, "continuous": {"enabled": False}}}
    values.write_text(yaml.safe_dump(small))
    created = {"createNamespace": False, "valuesFiles": [str(values)]}
    chosen = live.stack(machine, namespace, **created)
    machine.updater(chosen).up()
    label(machine, namespace, **{ENFORCE: "restricted"})
    before = live.specs(machine, namespace)
    values.write_text(yaml.safe_dump({**small, "cull": {"timeout": 7200}}))
    with pytest.raises(HubstackError, match="would not admit any user's server"):
        machine.updater(chosen).up()
    assert live.specs(machine, namespace) == before
    values.write_text(yaml.safe_dump({**small, **HARDENED}))
    assert machine.updater(chosen).up().changed > 0
    machine.updater(chosen).destroy()
    client = machine.cluster.client()
    while client.get(f"/api/v1/namespaces/{namespace}/pods")["items"]:
        pass
