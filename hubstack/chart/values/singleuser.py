"""Section ``singleuser``: the pods of the users' servers, which the hub starts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from hubstack.chart.values.shared import (
    READ_WRITE_ONCE,
    REMOVABLE,
    AccessModes,
    EgressAllowRules,
    ExtraFiles,
    Image,
    Items,
    Lifecycle,
    MapOrList,
    Mapping,
    NetworkPolicy,
    Number,
    NumberOrText,
    PodImage,
    Section,
    TextMap,
    TextOrList,
)


class ExtraAffinity(Section):
    """Further affinity terms of the user pods."""

    required: Items = Field([], description="Terms that must hold.")
    preferred: Items = Field([], description="Weighted terms that the scheduler tries to fulfil.")


class NetworkTools(Section):
    """The init container that blocks the metadata server with iptables."""

    image: Annotated[Image, REMOVABLE] = Field(
        Image(name="quay.io/jupyterhub/k8s-network-tools", tag="4.4.0"), description="Image of the init container."
    )
    resources: Mapping = Field({}, description="CPU and memory of the init container, as in a pod.")


class CloudMetadata(Section):
    """The cloud's metadata server, which can hand out the node's credentials."""

    block_with_iptables: bool = Field(
        True, description="Whether a privileged init container blocks the server in each user pod."
    )
    ip: str = Field("169.254.169.254", description="Address of the metadata server.")


class StaticStorage(Section):
    """One volume claim that all users share."""

    pvc_name: str | None = Field(None, description="Name of the existing claim.")
    sub_path: str | None = Field("{username}", description="Folder of a user in the shared volume, as a template.")


class DynamicStorage(Section):
    """One volume claim for each server, made at its first start."""

    storage_class: str | None = Field(None, description="Storage class; null takes the cluster's default class.")
    pvc_name_template: str | None = Field(
        None, description="Template of the claims' names. A change gives everybody a new, empty home."
    )
    volume_name_template: str | None = Field(
        "volume-{user_server}", description="Template of the volume's name in the pod."
    )
    storage_access_modes: AccessModes = Field(READ_WRITE_ONCE, description="Access modes of the claims.")
    sub_path: str | None = Field(None, description="Folder of the volume that is mounted, as a template.")


class Storage(Section):
    """The home volumes and what else is mounted."""

    type: Literal["dynamic", "static", "none"] = Field(
        "dynamic", description="A claim for each server, one shared claim, or no home volume at all."
    )
    extra_labels: TextMap = Field({}, description="Further labels of the claims.")
    extra_volumes: MapOrList = Field(None, description="Further volumes of the user pods, as a list or by name.")
    extra_volume_mounts: MapOrList = Field(None, description="Further mounts of the user container, likewise.")
    static: Annotated[StaticStorage, REMOVABLE] = Field(StaticStorage(), description="For the type `static`.")
    capacity: str | None = Field("10Gi", description="Size of a new home volume, as a Kubernetes quantity.")
    home_mount_path: str = Field("/home/jovyan", description="Where the home volume is mounted.")
    dynamic: Annotated[DynamicStorage, REMOVABLE] = Field(DynamicStorage(), description="For the type `dynamic`.")


class Cpu(Section):
    """CPU of a user server, in cores."""

    limit: Number = Field(None, description="Most that a server may use.")
    guarantee: Number = Field(None, description="What a server has in any case; decides how many fit on a node.")


class Memory(Section):
    """Memory of a user server: bytes, or a number with one of the suffixes K, M, G and T."""

    limit: NumberOrText = Field(None, description="Most that a server may use before it is killed.")
    guarantee: NumberOrText = Field("1G", description="What a server has in any case; decides how many fit on a node.")


class ExtraResource(Section):
    """Further resources, such as GPUs."""

    limits: Mapping = Field({}, description="Limits by resource name.")
    guarantees: Mapping = Field({}, description="Requests by resource name.")


class Singleuser(Section):
    """A user's server: image, resources, home and pod."""

    pod_name_template: str | None = Field(None, description="Template of the pods' names; null is KubeSpawner's.")
    extra_tolerations: list[Any] = Field([], description="Taints that user pods tolerate, beside the usual ones.")
    node_selector: Mapping = Field({}, description="Labels of the nodes on which user pods may run.")
    extra_node_affinity: ExtraAffinity = Field(ExtraAffinity(), description="Further affinity to nodes.")
    extra_pod_affinity: Annotated[ExtraAffinity, REMOVABLE] = Field(
        ExtraAffinity(), description="Further affinity to other pods."
    )
    extra_pod_anti_affinity: Annotated[ExtraAffinity, REMOVABLE] = Field(
        ExtraAffinity(), description="Further distance to other pods."
    )
    network_tools: Annotated[NetworkTools, REMOVABLE] = Field(
        NetworkTools(), description="The init container that sets up iptables."
    )
    cloud_metadata: CloudMetadata = Field(CloudMetadata(), description="Protection of the cloud's metadata server.")
    network_policy: NetworkPolicy = Field(
        NetworkPolicy(egress_allow_rules=EgressAllowRules(cloud_metadata_server=False, private_ips=False)),
        description="Connections of the user pods.",
    )
    events: bool | None = Field(True, description="Whether users see Kubernetes' events while a server starts.")
    extra_annotations: TextMap = Field({}, description="Further annotations of the user pods.")
    extra_labels: TextMap = Field(
        {"hub.jupyter.org/network-access-hub": "true"}, description="Further labels of the user pods."
    )
    extra_files: ExtraFiles = Field({}, description="Files to mount into the user container, by name.")
    extra_env: MapOrList = Field({}, description="Environment of user servers, as a map or as KubeSpawner's list.")
    lifecycle_hooks: Annotated[Lifecycle, REMOVABLE] = Field(
        Lifecycle(), description="Lifecycle handlers of the user container."
    )
    init_containers: list[Any] = Field([], description="Containers that run before the user container.")
    extra_containers: list[Any] = Field([], description="Further containers of the user pods.")
    allow_privilege_escalation: bool | None = Field(
        False, description="Whether a process may gain privileges, as sudo does."
    )
    uid: int | None = Field(1000, description="User id of the server; null is the image's own.")
    fs_gid: int | None = Field(100, description="Group id that owns mounted volumes.")
    service_account_name: str | None = Field(
        None, description="Account of the user pods; without one they get no access to Kubernetes."
    )
    storage: Annotated[Storage, REMOVABLE] = Field(Storage(), description="Home volumes and further mounts.")
    image: PodImage = Field(
        PodImage(name="quay.io/jupyterhub/k8s-singleuser-sample", tag="4.4.0"),
        description="Image of the user container.",
    )
    start_timeout: int | None = Field(300, description="Seconds after which a server that does not start has failed.")
    cpu: Annotated[Cpu, REMOVABLE] = Field(Cpu(), description="CPU of a server.")
    memory: Annotated[Memory, REMOVABLE] = Field(Memory(), description="Memory of a server.")
    extra_resource: Annotated[ExtraResource, REMOVABLE] = Field(
        ExtraResource(), description="Further resources of a server."
    )
    cmd: TextOrList = Field("jupyterhub-singleuser", description="Command of a server; null is the image's own.")
    default_url: str | None = Field(None, description="Page that users come to, such as `/lab`.")
    extra_pod_config: Mapping = Field({}, description="Further fields of the pod's spec, for KubeSpawner.")
    profile_list: Items = Field([], description="Choices that users are offered before a server starts.")
