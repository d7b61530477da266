"""Image pullers (chart: ``templates/image-puller``).

The chart's hook objects become ordinary ones: the DaemonSet ``hook-image-puller`` whose rollout the engine awaits
before the hub changes. The chart's awaiter Job and its rights are not needed for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hubstack.chart import pod, priority, profiles
from hubstack.chart.blocks import clipped
from hubstack.chart.labels import metadata, pod_labels, selector
from hubstack.chart.objects import service_account
from hubstack.chart.release import Release
from hubstack.chart.text import checksum, go_text, retype

COMPONENT = "image-puller"
DESCRIPTION = (
    "Enables [hook|continuous]-image-puller pods to fit on nodes even though they are clogged by user-placeholder "
    "pods, while not evicting normal user pods."
)
"""The PriorityClass's description; part of the object, so it is the chart's to the letter."""

DELETABLE = {"hub.jupyter.org/deletable": "true"}
"""Label of hook objects: nothing is lost when they are deleted."""


def objects(release: Release) -> list[dict[str, Any]]:
    """All objects of the pullers."""
    found = (
        priority_class(release),
        hook_service_account(release),
        hook_daemon_set(release),
        continuous_service_account(release),
        continuous_daemon_set(release),
    )
    return [manifest for manifest in found if manifest is not None]


def priority_class(release: Release) -> dict[str, Any] | None:
    """A PriorityClass between placeholders and users."""
    values = release.values
    pulls = values.pre_puller.hook.enabled or values.pre_puller.continuous.enabled
    if not (values.scheduling.pod_priority.enabled and pulls):
        return None
    return priority.build(
        release,
        component=COMPONENT,
        name=release.names.image_puller_priority,
        value=values.scheduling.pod_priority.image_puller_priority,
        description=DESCRIPTION,
    )


def hook_service_account(release: Release) -> dict[str, Any] | None:
    """ServiceAccount of the DaemonSet that pulls before the hub changes."""
    settings = release.values.pre_puller.hook
    if not (settings.enabled and settings.service_account_image_puller.create):
        return None
    return service_account(
        release,
        COMPONENT,
        release.names.hook_image_puller_service_account,
        clipped(settings.service_account_image_puller.annotations),
        extra_labels=DELETABLE,
    )


def continuous_service_account(release: Release) -> dict[str, Any] | None:
    """ServiceAccount of the DaemonSet that pulls on new nodes; the chart ignores its configured name here."""
    settings = release.values.pre_puller.continuous
    if not (settings.enabled and settings.service_account.create):
        return None
    return service_account(
        release, COMPONENT, release.names.continuous_image_puller, clipped(settings.service_account.annotations)
    )


def hook_daemon_set(release: Release) -> dict[str, Any] | None:
    """DaemonSet that pulls before the hub changes."""
    if not release.values.pre_puller.hook.enabled:
        return None
    return _hook_daemon_set(release)


def continuous_daemon_set(release: Release) -> dict[str, Any] | None:
    """DaemonSet that pulls on nodes which join later."""
    settings = release.values.pre_puller.continuous
    if not settings.enabled:
        return None
    return _daemon_set(
        release,
        component=f"continuous-{COMPONENT}",
        name=release.names.continuous_image_puller,
        account=release.names.continuous_image_puller_service_account,
        annotations=settings.daemonset_annotations,
    )


def hook_checksum(release: Release) -> str:
    """Digest of what the hook pulls and how; also defined where the hook is off.

    The chart's version and the component label do not count, so that an upgrade alone pulls nothing again.
    """
    manifest = _hook_daemon_set(release)
    return checksum({"annotations": manifest["metadata"].get("annotations"), "spec": manifest["spec"]})


def _hook_daemon_set(release: Release) -> dict[str, Any]:
    return _daemon_set(
        release,
        component=f"hook-{COMPONENT}",
        name=release.names.hook_image_puller,
        account=release.names.hook_image_puller_service_account,
        annotations=release.values.pre_puller.hook.daemonset_annotations,
        extra_labels=DELETABLE,
    )


def _daemon_set(
    release: Release,
    *,
    component: str,
    name: str,
    account: str,
    annotations: dict[str, Any] | None,
    extra_labels: dict[str, str] | None = None,
) -> dict[str, Any]:
    settings = release.values.pre_puller
    pod_metadata: dict[str, Any] = {"labels": {**pod_labels(release, component), **(settings.labels or {})}}
    if settings.annotations:
        pod_metadata["annotations"] = settings.annotations
    spec: dict[str, Any] = {
        "selector": {"matchLabels": selector(release, component)},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}},
        "template": {"metadata": pod_metadata, "spec": _pod_spec(release, account)},
    }
    if settings.revision_history_limit is not None:
        spec["revisionHistoryLimit"] = settings.revision_history_limit
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": metadata(release, component, name, annotations=annotations, extra_labels=extra_labels),
        "spec": spec,
    }


def _pod_spec(release: Release, account: str) -> dict[str, Any]:
    values = release.values
    settings = values.pre_puller
    pause = {
        "name": "pause",
        "image": pod.image(settings.pause.image),
        **pod.drop_falsy(
            {"resources": settings.resources, "securityContext": settings.pause.container_security_context}
        ),
    }
    tolerations = pod.tolerations(release, "user", values.singleuser.extra_tolerations, settings.extra_tolerations)
    affinity = None
    if terms := pod.user_node_terms_required(release):
        required = {"nodeSelectorTerms": terms}
        affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    return {
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "serviceAccountName": retype(account),
        "initContainers": [_pull(release, *image) for image in _images(release)],
        "containers": [pause],
        **pod.drop_falsy(
            {
                "priorityClassName": release.names.image_puller_priority
                if values.scheduling.pod_priority.enabled
                else None,
                "nodeSelector": values.singleuser.node_selector,
                "tolerations": tolerations,
                "affinity": affinity,
                "imagePullSecrets": pod.image_pull_secrets(release, values.singleuser.image),
            }
        ),
    }


def _pull(release: Release, name: str, image: Any, policy: str | None = None) -> dict[str, Any]:
    """An init container that does nothing but need its image."""
    settings = release.values.pre_puller
    container = {
        "name": f"image-pull-{name}",
        "image": retype(image),
        "command": ["/bin/sh", "-c", 'echo "Pulling complete"'],
        **pod.drop_falsy(
            {
                "imagePullPolicy": policy,
                "resources": settings.resources,
                "securityContext": settings.container_security_context,
            }
        ),
    }
    return {key: value for key, value in container.items() if value is not None}


def _images(release: Release) -> Iterator[tuple[Any, ...]]:
    """Container name, image and pull policy of everything that a user's pod may need, in the chart's order."""
    values = release.values
    singleuser = values.singleuser
    if singleuser.cloud_metadata.block_with_iptables:
        tools = singleuser.network_tools.image
        yield "metadata-block", pod.image(tools), tools.pull_policy
    yield "singleuser", pod.image(singleuser.image)
    containers = [*(singleuser.init_containers or []), *(singleuser.extra_containers or [])]
    for index, container in enumerate(containers):
        yield f"singleuser-init-and-extra-containers-{index}", container.get("image")
    if values.pre_puller.pull_profile_list_images:
        found = profiles.images(singleuser.profile_list)
        yield from ((each.container, each.image) for each in found if isinstance(each, profiles.ProfileImage))
    for key, extra in sorted((values.pre_puller.extra_images or {}).items()):
        yield key, f"{go_text(_field(extra, 'name'))}:{go_text(_field(extra, 'tag'))}", _field(extra, "pullPolicy")


def _field(extra: Any, key: str) -> Any:
    """A field of an extra image, which is a plain map or a typed one."""
    if isinstance(extra, Mapping):
        return extra.get(key)
    return getattr(extra, "pull_policy" if key == "pullPolicy" else key)
