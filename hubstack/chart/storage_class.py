"""A StorageClass with defaults that do not lose data."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


class StorageClassSettings(BaseModel):
    """Settings of the stack's own StorageClass (Kubernetes: ``storage.k8s.io/v1``)."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True)

    name: str = Field("jupyterhub", description="Name of the StorageClass.")
    provisioner: str = Field(description="The driver that makes volumes, such as `ebs.csi.aws.com`.")
    parameters: dict[str, str] = Field(default_factory=dict, description="Parameters of the driver.")
    reclaim_policy: Literal["Retain", "Delete"] = Field(
        "Retain", description="What happens to a volume whose claim is deleted. `Retain` keeps the data."
    )
    allow_volume_expansion: bool = Field(True, description="Whether claims may grow later.")
    volume_binding_mode: Literal["WaitForFirstConsumer", "Immediate"] = Field(
        "WaitForFirstConsumer", description="When a volume is made; waiting lets it be where its pod is."
    )
    mount_options: list[str] = Field(default_factory=list, description="Mount options of the volumes.")
    allowed_topologies: list[dict[str, Any]] = Field(default_factory=list, description="Zones that volumes may be in.")
    default: bool = Field(False, description="Whether claims that name no class use this one.")


def storage_class(settings: StorageClassSettings) -> dict[str, Any]:
    """The StorageClass object."""
    metadata: dict[str, Any] = {"name": settings.name}
    if settings.default:
        metadata["annotations"] = {DEFAULT_CLASS: "true"}
    optional = {
        "parameters": settings.parameters,
        "mountOptions": settings.mount_options,
        "allowedTopologies": settings.allowed_topologies,
    }
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": metadata,
        "provisioner": settings.provisioner,
        "reclaimPolicy": settings.reclaim_policy,
        "allowVolumeExpansion": settings.allow_volume_expansion,
        "volumeBindingMode": settings.volume_binding_mode,
        **{key: value for key, value in optional.items() if value},
    }


def storage_class_values(name: str) -> dict[str, Any]:
    """Values with which every volume uses a StorageClass, unless its own setting names another one."""
    return {
        "hub": {"db": {"pvc": {"storageClassName": name}}},
        "singleuser": {"storage": {"dynamic": {"storageClass": name}}},
    }
