"""The user-scheduler (chart: ``templates/scheduling/user-scheduler``)."""

from __future__ import annotations

from typing import Any

from hubstack.chart import helm_yaml, pod
from hubstack.chart.blocks import clipped
from hubstack.chart.labels import metadata, pod_labels, selector
from hubstack.chart.objects import pod_disruption_budget as budget
from hubstack.chart.objects import service_account as account
from hubstack.chart.release import Release
from hubstack.chart.text import checksum, go_text, retype

COMPONENT = "user-scheduler"
CONFIG_FOLDER = "/etc/user-scheduler"

_RULES: tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], ...] = (
    (("", "events.k8s.io"), ("events",), ("create", "patch", "update")),
    (("coordination.k8s.io",), ("leases",), ("create",)),
    (("coordination.k8s.io",), ("leases", "LOCK"), ("get", "update")),
    (("",), ("nodes",), ("get", "list", "watch")),
    (("",), ("pods",), ("delete", "get", "list", "watch")),
    (("",), ("bindings", "pods/binding"), ("create",)),
    (("",), ("pods/status",), ("patch", "update")),
    (("",), ("replicationcontrollers", "services"), ("get", "list", "watch")),
    (("apps", "extensions"), ("replicasets",), ("get", "list", "watch")),
    (("apps",), ("statefulsets",), ("get", "list", "watch")),
    (("policy",), ("poddisruptionbudgets",), ("get", "list", "watch")),
    (("",), ("persistentvolumeclaims", "persistentvolumes"), ("get", "list", "watch")),
    (("authentication.k8s.io",), ("tokenreviews",), ("create",)),
    (("authorization.k8s.io",), ("subjectaccessreviews",), ("create",)),
    (("storage.k8s.io",), ("csinodes",), ("get", "list", "watch")),
    (("",), ("namespaces",), ("get", "list", "watch")),
    (("storage.k8s.io",), ("csidrivers",), ("get", "list", "watch")),
    (("storage.k8s.io",), ("csistoragecapacities",), ("get", "list", "watch")),
    (("",), ("persistentvolumes",), ("get", "list", "patch", "update", "watch")),
    (("storage.k8s.io",), ("storageclasses",), ("get", "list", "watch")),
    (("",), ("persistentvolumeclaims",), ("get", "list", "patch", "update", "watch")),
)
"""What a kube-scheduler 1.30 needs: API groups, resources, verbs. ``LOCK`` narrows a rule to the scheduler's own
lease.
"""


def objects(release: Release) -> list[dict[str, Any]]:
    """All objects of the user-scheduler, in the chart's order."""
    builders = (service_account, cluster_role, cluster_role_binding, config_map, pod_disruption_budget, deployment)
    return [manifest for builder in builders if (manifest := builder(release)) is not None]


def service_account(release: Release) -> dict[str, Any] | None:
    """ServiceAccount user-scheduler."""
    settings = release.values.scheduling.user_scheduler
    if not (settings.enabled and settings.service_account.create):
        return None
    name = release.names.user_scheduler_service_account
    return account(release, COMPONENT, name, clipped(settings.service_account.annotations))


def cluster_role(release: Release) -> dict[str, Any] | None:
    """ClusterRole of the scheduler, under its registered name."""
    if not _has_rights(release):
        return None
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": metadata(release, COMPONENT, release.names.user_scheduler),
        "rules": [_rule(release, *rule) for rule in _RULES],
    }


def cluster_role_binding(release: Release) -> dict[str, Any] | None:
    """ClusterRoleBinding of the scheduler's ServiceAccount."""
    if not _has_rights(release):
        return None
    subject = {
        "kind": "ServiceAccount",
        "name": release.names.user_scheduler_service_account,
        "namespace": release.namespace,
    }
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": metadata(release, COMPONENT, release.names.user_scheduler),
        "subjects": [subject],
        "roleRef": {
            "kind": "ClusterRole",
            "name": release.names.user_scheduler,
            "apiGroup": "rbac.authorization.k8s.io",
        },
    }


def config_map(release: Release) -> dict[str, Any] | None:
    """ConfigMap with the scheduler's configuration."""
    settings = release.values.scheduling.user_scheduler
    if not settings.enabled:
        return None
    scoring = pod.drop_falsy({"plugins": settings.plugins, "pluginConfig": settings.plugin_config})
    for last in list(scoring)[-1:]:
        scoring[last] = clipped(scoring[last])
    configuration = {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "leaderElection": {
            "resourceLock": "leases",
            "resourceName": release.names.user_scheduler_lock,
            "resourceNamespace": release.namespace,
        },
        "profiles": [{"schedulerName": release.names.user_scheduler, **scoring}],
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(release, COMPONENT, release.names.user_scheduler_deploy),
        "data": {"config.yaml": helm_yaml.dump(configuration)},
    }


def deployment(release: Release) -> dict[str, Any] | None:
    """Deployment user-scheduler; a change of its configuration restarts it."""
    settings = release.values.scheduling.user_scheduler
    if not settings.enabled:
        return None
    annotations = {"checksum/config-map": checksum(config_map(release)), **(settings.annotations or {})}
    spec: dict[str, Any] = {
        "replicas": settings.replicas,
        "selector": {"matchLabels": selector(release, COMPONENT)},
        "template": {
            "metadata": {
                "labels": {**pod_labels(release, COMPONENT), **(settings.labels or {})},
                "annotations": annotations,
            },
            "spec": _pod_spec(release),
        },
    }
    if settings.revision_history_limit is not None:
        spec["revisionHistoryLimit"] = settings.revision_history_limit
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(release, COMPONENT, release.names.user_scheduler_deploy),
        "spec": spec,
    }


def pod_disruption_budget(release: Release) -> dict[str, Any] | None:
    """PodDisruptionBudget of the scheduler's replicas."""
    settings = release.values.scheduling.user_scheduler
    if not settings.enabled:
        return None
    return budget(release, COMPONENT, release.names.user_scheduler_deploy, settings.pdb)


def _has_rights(release: Release) -> bool:
    return bool(release.values.scheduling.user_scheduler.enabled and release.values.rbac.create)


def _rule(release: Release, groups: tuple[str, ...], kinds: tuple[str, ...], verbs: tuple[str, ...]) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "apiGroups": list(groups),
        "resources": [kind for kind in kinds if kind != "LOCK"],
        "verbs": list(verbs),
    }
    if "LOCK" in kinds:
        rule["resourceNames"] = [release.names.user_scheduler_lock]
    return rule


def _pod_spec(release: Release) -> dict[str, Any]:
    settings = release.values.scheduling.user_scheduler
    health = {"httpGet": {"path": "/healthz", "scheme": "HTTPS", "port": 10259}}
    container = {
        "name": "kube-scheduler",
        "image": pod.image(settings.image),
        "command": [
            "/usr/local/bin/kube-scheduler",
            f"--config={CONFIG_FOLDER}/config.yaml",
            "--authentication-skip-lookup=true",
            f"--v={go_text(settings.log_level)}",
        ],
        "volumeMounts": [{"mountPath": CONFIG_FOLDER, "name": "config"}],
        "livenessProbe": {**health, "initialDelaySeconds": 15},
        "readinessProbe": health,
        **pod.drop_falsy(
            {
                "imagePullPolicy": settings.image.pull_policy,
                "resources": settings.resources,
                "securityContext": settings.container_security_context,
            }
        ),
    }
    priority = release.names.priority if release.values.scheduling.pod_priority.enabled else None
    return {
        "volumes": [{"name": "config", "configMap": {"name": release.names.user_scheduler_deploy}}],
        "containers": [container],
        **pod.drop_falsy(
            {
                "serviceAccountName": retype(release.names.user_scheduler_service_account),
                "priorityClassName": priority,
                "nodeSelector": settings.node_selector,
                "tolerations": pod.tolerations(release, "core", settings.tolerations),
                "affinity": pod.core_affinity(release),
                "imagePullSecrets": pod.image_pull_secrets(release, settings.image),
            }
        ),
        **clipped(settings.extra_pod_spec or {}),
    }
