"""Section ``scheduling``: where pods go, and room kept for the next users."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from hubstack.chart.values.shared import (
    REMOVABLE,
    Count,
    Image,
    Items,
    Mapping,
    NodeAffinity,
    Pdb,
    Section,
    ServiceAccount,
    TextMap,
    restricted_context,
)


def _scoring_plugins() -> dict[str, Any]:
    """Plugins that fill the busiest node first, so that idle nodes can be given back.

    A scoring plugin must be switched off before it can be switched on with another weight.
    """
    weights = {"NodeAffinity": 14631, "InterPodAffinity": 1331, "NodeResourcesFit": 121, "ImageLocality": 11}
    off = ["NodeResourcesBalancedAllocation", *weights]
    return {
        "score": {
            "disabled": [{"name": name} for name in off],
            "enabled": [{"name": name, "weight": weight} for name, weight in weights.items()],
        }
    }


def _scoring_config() -> list[dict[str, Any]]:
    strategy = {"type": "MostAllocated", "resources": [{"name": name, "weight": 1} for name in ("cpu", "memory")]}
    return [{"name": "NodeResourcesFit", "args": {"scoringStrategy": strategy}}]


def _dedicated_to(purpose: str) -> list[dict[str, str]]:
    """Tolerations of nodes reserved for a purpose; the second spelling is for clouds that allow no slash."""
    return [
        {"key": key, "operator": "Equal", "value": purpose, "effect": "NoSchedule"}
        for key in ("hub.jupyter.org/dedicated", "hub.jupyter.org_dedicated")
    ]


class UserScheduler(Section):
    """A scheduler of its own for user pods, which packs them onto few nodes."""

    enabled: bool = Field(True, description="Whether user pods have their own scheduler.")
    revision_history_limit: Count = Field(None, description="Old ReplicaSets to keep.")
    replicas: int | None = Field(2, description="Number of scheduler pods; one of them leads.")
    log_level: int = Field(4, description="Verbosity of the log; 0 is the quietest.")
    plugins: dict[str, Any] = Field(_scoring_plugins(), description="Scheduler plugins, as in its configuration.")
    plugin_config: list[Any] = Field(_scoring_config(), description="Arguments of the scheduler plugins.")
    container_security_context: Mapping = Field(
        restricted_context(), description="Security context of the scheduler container."
    )
    image: Annotated[Image, REMOVABLE] = Field(
        Image(name="registry.k8s.io/kube-scheduler", tag="v1.30.14"),
        description="Image of the scheduler; keep its version close to the cluster's.",
    )
    node_selector: Mapping = Field({}, description="Labels of the nodes on which the scheduler may run.")
    tolerations: Items = Field([], description="Taints that it tolerates, beside those of all core pods.")
    labels: TextMap = Field({}, description="Further labels of the scheduler pods.")
    annotations: TextMap = Field({}, description="Further annotations of the scheduler pods.")
    pdb: Annotated[Pdb, REMOVABLE] = Field(
        Pdb(enabled=True, max_unavailable=1, min_available=None), description="Disruption budget of the scheduler."
    )
    resources: Mapping = Field({}, description="CPU and memory of the scheduler container, as in a pod.")
    service_account: ServiceAccount = Field(ServiceAccount(), description="Account of the scheduler.")
    extra_pod_spec: Mapping = Field({}, description="Further fields of the pod's spec; they replace equal ones.")


class PodPriority(Section):
    """Priorities, so that real users push placeholders away."""

    enabled: bool | None = Field(False, description="Whether to create and use the priority classes.")
    global_default: bool | None = Field(
        False, description="Whether the default class counts for every pod of the cluster that names none."
    )
    default_priority: int | None = Field(0, description="Priority of core and user pods.")
    image_puller_priority: int | None = Field(-5, description="Priority of the image pullers.")
    user_placeholder_priority: int | None = Field(-10, description="Priority of the placeholders.")


class UserPlaceholder(Section):
    """Pods that do nothing but keep room for the next users."""

    enabled: bool | None = Field(True, description="Whether to create the placeholders' StatefulSet.")
    image: Annotated[Image, REMOVABLE] = Field(
        Image(name="registry.k8s.io/pause", tag="3.10.1"), description="Image of the placeholders."
    )
    revision_history_limit: Count = Field(None, description="Old revisions to keep.")
    replicas: int | None = Field(0, description="How many users to keep room for.")
    labels: TextMap = Field({}, description="Further labels of the placeholders.")
    annotations: TextMap = Field({}, description="Further annotations of the placeholders.")
    container_security_context: Mapping = Field(
        restricted_context(), description="Security context of the placeholder container."
    )
    resources: Mapping = Field({}, description="Resources of a placeholder; empty takes those of a user server.")
    extra_pod_spec: Mapping = Field({}, description="Further fields of the pod's spec; they replace equal ones.")


class CorePods(Section):
    """Placement of the hub, the proxy and the other pods that must not move often."""

    tolerations: list[Any] = Field(_dedicated_to("core"), description="Taints that core pods tolerate.")
    node_affinity: NodeAffinity = Field(NodeAffinity(), description="Relation to nodes labelled for core pods.")


class UserPods(Section):
    """Placement of user pods, placeholders and image pullers."""

    tolerations: list[Any] = Field(_dedicated_to("user"), description="Taints that user pods tolerate.")
    node_affinity: NodeAffinity = Field(NodeAffinity(), description="Relation to nodes labelled for user pods.")


class Scheduling(Section):
    """Placement of all pods."""

    user_scheduler: UserScheduler = Field(UserScheduler(), description="The scheduler of user pods.")
    pod_priority: PodPriority = Field(PodPriority(), description="Priority classes.")
    user_placeholder: UserPlaceholder = Field(UserPlaceholder(), description="Room kept for the next users.")
    core_pods: CorePods = Field(CorePods(), description="Placement of core pods.")
    user_pods: UserPods = Field(UserPods(), description="Placement of user pods.")
