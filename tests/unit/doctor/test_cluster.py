"""Checks of versions, storage classes, prerequisites and permissions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hubstack.doctor import checks_cluster, checks_permissions, checks_prerequisites, checks_storage
from hubstack.doctor.reader import Access
from hubstack.doctor.state import EngineState
from hubstack.engine.state import State
from tests.unit.doctor.fake import NAMESPACE, FakeReader, named, subject, texts

DEFAULT = {"storageclass.kubernetes.io/is-default-class": "true"}


def storage_class(name: str, policy: str = "Retain", *, grows: bool = True, default: bool = False) -> dict[str, Any]:
    """A StorageClass."""
    annotations = DEFAULT if default else {}
    return {**named(name, annotations=annotations), "reclaimPolicy": policy, "allowVolumeExpansion": grows}


def storage(*classes: dict[str, Any], values: dict[str, Any] | None = None, **config: Any) -> list[tuple[str, str]]:
    """What the check says about these classes."""
    return texts(list(checks_storage.storage(subject(values, lists={checks_storage.CLASSES: list(classes)}, **config))))


def test_a_default_class_that_keeps_volumes_is_silence() -> None:
    """Named and unnamed classes that are there, keep data and let it grow; stacks without volumes need none."""
    values = {"hub": {"db": {"pvc": {"storageClassName": "fast"}}}}
    assert storage(storage_class("std", default=True), storage_class("fast"), values=values) == []
    assert storage(values={"hub": {"db": {"type": "sqlite-memory"}}, "singleuser": {"storage": {"type": "none"}}}) == []
    assert storage(storageClass={"name": "own", "provisioner": "x.example"}) == []


def test_a_class_that_is_missing_is_an_error() -> None:
    """Each setting that names one, and a default one that is not there."""
    values = {"singleuser": {"storage": {"dynamic": {"storageClass": "premium"}}}}
    assert storage(storage_class("std"), values=values) == [
        ("error", "singleuser.storage.dynamic.storageClass: 'premium': the cluster has no such StorageClass"),
        ("error", "hub.db.pvc.storageClassName: not set, and no StorageClass of the cluster is the default one"),
    ]


def test_classes_that_lose_data_are_warnings() -> None:
    """Of a stack whose data is protected; notes where it may be thrown away. Classes not in use do not matter."""
    classes = [storage_class("std", "Delete", grows=False, default=True), storage_class("other", "Delete")]
    expected = ["StorageClass std: reclaimPolicy is Delete", "StorageClass std: volumes cannot grow"]
    assert storage(*classes) == [("warning", what) for what in expected]
    assert storage(*classes, protectData=False) == [("note", what) for what in expected]


@pytest.mark.parametrize(
    ("version", "severity"),
    [("v1.36.1", None), ("v1.28.0-eks-1", None), ("v1.27.9", "error"), ("v1.99.0", "note"), ("dirty", "note")],
)
def test_kubernetes_versions(version: str, severity: str | None) -> None:
    """Too old is an error, newer than tested a note, anything between is silence."""
    found = texts(list(checks_cluster.kubernetes_version(replace(subject(), version=version))))
    assert [each for each, _ in found] == ([severity] if severity else [])


def test_tools_that_fit_are_silence() -> None:
    """The packages of this environment are the pinned ones; a misfit on PATH is a note, a newer state a warning."""
    assert list(checks_cluster.tools(subject())) == []
    newer = EngineState(State.read({"manifest": {"version": "v99.0.0"}}))
    other = replace(subject(engine=newer), misfits={"pulumi": "/usr/bin/pulumi is 3.1.0"}, tool_problem="no plugin")
    assert [each for each, _ in texts(list(checks_cluster.tools(other)))] == ["error", "note", "warning"]


def test_a_missing_language_host_is_a_note() -> None:
    """Only who runs `pulumi up` by hand misses it."""
    found = texts(list(checks_cluster.tools(replace(subject(), has_language_host=False))))
    assert found == [("note", "pulumi-language-python is neither on PATH nor beside the engine")]


@pytest.mark.parametrize(
    ("deployed", "severity"), [("4.4.0", None), ("4.3.5", "note"), ("4.5.0", "error"), (None, None), ("mine", None)]
)
def test_the_deployed_chart(deployed: str | None, severity: str | None) -> None:
    """A step back is an error, an upgrade a note."""
    labels = {"app": "jupyterhub", "component": "hub", "helm.sh/chart": f"jupyterhub-{deployed}"}
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/hub"
    found = checks_cluster.chart(subject(objects={path: named("hub", labels=labels)} if deployed else {}))
    assert [each for each, _ in texts(list(found))] == ([severity] if severity else [])


def test_a_chart_that_is_not_modelled() -> None:
    """A known older version is a note, one that nobody knows a warning."""
    for version, severity in (("3.3.8", "note"), ("9.0.0", "warning"), ("main", "warning")):
        found = checks_cluster.chart(subject(mode="helm", chart={"version": version}))
        assert [each for each, _ in texts(list(found))] == [severity]


def test_what_the_values_name_and_the_cluster_lacks() -> None:
    """Priority class, ingress class, nodes and Secret: each named."""
    values = {
        "hub": {"extraPodSpec": {"priorityClassName": "core"}, "existingSecret": "mine"},
        "ingress": {"enabled": True, "ingressClassName": "nginx"},
        "scheduling": {"corePods": {"nodeAffinity": {"matchNodePurpose": "require"}}},
        "singleuser": {"nodeSelector": {"pool": "users"}},
    }
    bare = subject(values, lists={"/api/v1/nodes": [named("one", labels={"pool": "core"})]})
    checks = (
        checks_prerequisites.priority_classes,
        checks_prerequisites.ingress_class,
        checks_prerequisites.existing_secret,
        checks_prerequisites.nodes,
    )
    found = [each for check in checks for each in texts(list(check(bare)))]
    assert found == [
        ("error", "priorityClassName 'core': the cluster has no such PriorityClass"),
        ("error", "ingress.ingressClassName: 'nginx': the cluster has no such IngressClass"),
        ("error", "hub.existingSecret: 'mine': there is no such Secret in namespace jhub"),
        ("warning", "no node has the labels hub.jupyter.org/node-purpose=core"),
        ("warning", "no node has the labels pool=users"),
    ]
    lists = {
        checks_prerequisites.PRIORITIES: [named("core")],
        checks_prerequisites.INGRESS_CLASSES: [named("nginx")],
        "/api/v1/nodes": [
            named("one", labels={"hub.jupyter.org/node-purpose": "core"}),
            named("two", labels={"pool": "users"}),
        ],
    }
    complete = subject(values, lists=lists, objects={f"/api/v1/namespaces/{NAMESPACE}/secrets/mine": named("mine")})
    assert [each for check in checks for each in check(complete)] == []


def test_an_ingress_without_a_class() -> None:
    """A default class, or the annotation of old, is enough."""
    values: dict[str, Any] = {"ingress": {"enabled": True}}
    default = {"ingressclass.kubernetes.io/is-default-class": "true"}
    lists = {checks_prerequisites.INGRESS_CLASSES: [named("nginx", annotations=default)]}
    assert [each for each, _ in texts(list(checks_prerequisites.ingress_class(subject(values))))] == ["warning"]
    assert list(checks_prerequisites.ingress_class(subject(values, lists=lists))) == []
    values["ingress"]["annotations"] = {"kubernetes.io/ingress.class": "nginx"}
    assert list(checks_prerequisites.ingress_class(subject(values))) == []


def test_a_route_needs_its_gateway() -> None:
    """First the API, then the Gateway itself."""
    values = {"httpRoute": {"enabled": True, "gateway": {"name": "shared", "namespace": "infra"}}}
    api = "/apis/gateway.networking.k8s.io/v1"
    there = {api: {}, f"{api}/namespaces/infra/gateways/shared": named("shared")}

    def said(objects: dict[str, Any]) -> list[tuple[str, str]]:
        return texts(list(checks_prerequisites.gateway(subject(values, objects=objects))))

    assert said({}) == [("error", "httpRoute.enabled: the cluster does not know gateway.networking.k8s.io/v1")]
    assert said({api: {}}) == [("error", "httpRoute.gateway: there is no Gateway shared in namespace infra")]
    assert said(there) == []


def test_an_administrator_is_asked_one_question() -> None:
    """Who may do everything is not asked a hundred times."""
    reader = FakeReader()
    assert list(checks_permissions.permissions(subject(reader=reader))) == []
    assert reader.asked == [Access("*", "*", "*")]


def test_missing_permissions_are_listed_together() -> None:
    """One finding for all, by resource, with what is allowed left out."""

    def allowed(access: Access) -> bool:
        return access.verb != "*" and access.resource != "clusterroles" and access.verb != "delete"

    ((severity, what),) = texts(list(checks_permissions.permissions(subject(reader=FakeReader(allowed=allowed)))))
    assert severity == "error"
    assert "clusterroles.rbac.authorization.k8s.io cluster-wide (create, delete, get, list, patch, watch)" in what
    assert "deployments.apps in jhub (delete)" in what
    assert "events" not in what


def test_helm_writes_its_record_anew() -> None:
    """Without the verb update on Secrets, Helm leaves a release pending and says nothing; mode native needs it not."""

    def allowed(access: Access) -> bool:
        return access.verb not in ("*", "update")

    found = checks_permissions.permissions(subject(reader=FakeReader(allowed=allowed), mode="helm"))
    assert texts(list(found)) == [("error", "1 permissions are missing: secrets in jhub (update)")]
    roles = {"rbac": {"create": False}}
    assert list(checks_permissions.permissions(subject(roles, reader=FakeReader(allowed=allowed)))) == []


def test_a_namespace_administrator_may_deploy_without_cluster_wide_objects() -> None:
    """With the user-scheduler off and a namespace that is there, nothing cluster-wide is asked for."""
    reader = FakeReader(allowed=lambda access: access.namespace == NAMESPACE)
    values = {"scheduling": {"userScheduler": {"enabled": False}}}
    assert list(checks_permissions.permissions(subject(values, reader=reader, createNamespace=False))) == []
    assert {each.namespace for each in reader.asked} == {"", NAMESPACE}


def test_roles_that_grant_more_than_one_has() -> None:
    """Nobody may grant what they do not have; `escalate` is enough."""

    def allowed(access: Access) -> bool:
        return access.verb not in ("*", "escalate") and (access.verb, access.resource) != ("create", "pods")

    found = checks_permissions.permissions(subject(reader=FakeReader(allowed=allowed)))
    assert texts(list(found)) == [
        ("error", "the stack makes roles with rights that this user does not have: pods in jhub (create)")
    ]
    reader = FakeReader(allowed=lambda access: allowed(access) or access.verb == "escalate")
    assert list(checks_permissions.permissions(subject(reader=reader))) == []


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        ("Deployment", "deployments"),
        ("NetworkPolicy", "networkpolicies"),
        ("Ingress", "ingresses"),
        ("StorageClass", "storageclasses"),
        ("HTTPRoute", "httproutes"),
        ("PodDisruptionBudget", "poddisruptionbudgets"),
    ],
)
def test_resource_names(kind: str, resource: str) -> None:
    """Kinds become the names that the API has for them."""
    assert checks_permissions.plural(kind) == resource
