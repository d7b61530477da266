"""Section ``prePuller``: images are on the nodes before users need them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from hubstack.chart.values.shared import (
    REMOVABLE,
    Count,
    Image,
    Items,
    Mapping,
    PullPolicy,
    Section,
    ServiceAccount,
    TextMap,
    checked_as,
    restricted_context,
)


class ExtraImage(Section):
    """A further image to pull."""

    name: str = Field(description="Image name with its registry, without the tag.")
    tag: str = Field(description="Image tag. Quote tags that look like numbers.")
    pull_policy: PullPolicy = Field(None, description="When the node pulls the image.")


class HookPuller(Section):
    """Pulls new images before the hub changes, so that nobody waits for them afterwards."""

    enabled: bool = Field(True, description="Whether a change of the hub waits for its images.")
    pull_only_on_changes: bool | None = Field(True, description="Whether to pull only when the set of images changed.")
    image: Annotated[Image, REMOVABLE] = Field(
        Image(name="quay.io/jupyterhub/k8s-image-awaiter", tag="4.4.0"),
        description="Image of the awaiter Job.",
    )
    container_security_context: Mapping = Field(
        restricted_context(), description="Security context of the awaiter container."
    )
    pod_scheduling_wait_duration: int | None = Field(
        10, description="Seconds for which to wait for puller pods that find no node; -1 is for ever."
    )
    node_selector: Mapping = Field({}, description="Labels of the nodes on which the awaiter may run.")
    tolerations: Items = Field([], description="Taints that the awaiter tolerates, beside those of core pods.")
    resources: Mapping = Field({}, description="CPU and memory of the awaiter container, as in a pod.")
    service_account: ServiceAccount = Field(ServiceAccount(), description="Account of the awaiter.")
    service_account_image_puller: ServiceAccount = Field(ServiceAccount(), description="Account of the puller pods.")
    daemonset_annotations: TextMap = Field({}, description="Annotations of the puller DaemonSet.")


class ContinuousPuller(Section):
    """Pulls the images onto every new node."""

    enabled: bool = Field(True, description="Whether new nodes get the images at once.")
    service_account: ServiceAccount = Field(ServiceAccount(), description="Account of the puller pods.")
    daemonset_annotations: TextMap = Field({}, description="Annotations of the puller DaemonSet.")


class Pause(Section):
    """The container that stays when all images are there."""

    container_security_context: Mapping = Field(
        restricted_context(), description="Security context of the pause container."
    )
    image: Image = Field(Image(name="registry.k8s.io/pause", tag="3.10.1"), description="Image of the container.")


class PrePuller(Section):
    """The image pullers."""

    revision_history_limit: Count = Field(None, description="Old revisions of the DaemonSets to keep.")
    labels: TextMap = Field({}, description="Further labels of the puller pods.")
    annotations: TextMap = Field({}, description="Further annotations of the puller and awaiter pods.")
    resources: Mapping = Field({}, description="CPU and memory of each puller container, as in a pod.")
    container_security_context: Mapping = Field(
        restricted_context(), description="Security context of the puller containers."
    )
    extra_tolerations: list[Any] = Field([], description="Taints that pullers tolerate, beside those of user pods.")
    hook: HookPuller = Field(HookPuller(), description="The puller that runs before a change.")
    continuous: ContinuousPuller = Field(ContinuousPuller(), description="The puller that always runs.")
    pull_profile_list_images: bool | None = Field(
        True, description="Whether the images of `singleuser.profileList` are pulled too."
    )
    extra_images: Annotated[Mapping, checked_as(dict[str, ExtraImage] | None)] = Field(
        {}, description="Further images to pull, by name."
    )
    pause: Pause = Field(Pause(), description="The container that keeps a puller pod running.")
