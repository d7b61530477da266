"""StorageClass: where volumes come from, with defaults that do not lose data."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import pulumi
from pydantic import ValidationError

from hubstack.chart import samples, wording
from hubstack.chart.errors import Problem
from hubstack.chart.storage_class import StorageClassSettings, storage_class
from hubstack.components import dependence, kubernetes


@dataclass(kw_only=True)
class StorageClassArgs:
    """Settings of a StorageClass (Kubernetes: ``storage.k8s.io/v1``)."""

    provisioner: pulumi.Input[str]
    """The driver that makes volumes, such as ``ebs.csi.aws.com``."""
    name: str | None = None
    """Name of the StorageClass; ``jupyterhub`` by default."""
    parameters: Mapping[str, pulumi.Input[str]] | None = None
    """Parameters of the driver."""
    reclaim_policy: str | None = None
    """What happens to a volume whose claim is deleted. ``Retain``, the default, keeps the data; ``Delete`` does not."""
    allow_volume_expansion: bool | None = None
    """Whether claims may grow later; they may by default."""
    volume_binding_mode: str | None = None
    """``WaitForFirstConsumer``, the default, makes a volume where its pod is; ``Immediate`` does not wait for a pod."""
    mount_options: list[str] | None = None
    """Mount options of the volumes."""
    allowed_topologies: list[dict[str, Any]] | None = None
    """Zones that volumes may be in."""
    default: bool | None = None
    """Whether claims that name no class use this one."""
    protect: bool | None = None
    """Unless false: refuse to delete the class, and leave it behind when the stack is destroyed."""

    @property
    def class_name(self) -> str:
        """The StorageClass's name, with the default in place."""
        return self.name or StorageClassSettings.model_fields["name"].default

    def settings(self) -> dict[str, Any]:
        """The settings that are given, by their names."""
        given = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "protect"}
        return {name: value for name, value in given.items() if value is not None}

    def problems(self, path: str) -> list[Problem]:
        """What is wrong with the settings; an Output is not looked at.

        Arguments:
            path: what the paths of problems begin with.
        """
        settings = self.settings()
        plain = samples.replaced(settings, {place: samples.NAMES[0] for place, _ in dependence.find_outputs(settings)})
        try:
            StorageClassSettings.model_validate(plain)
        except ValidationError as error:
            details = error.errors(include_url=False)
            return [Problem("", samples.dotted((path, *wording.place(each))), wording.wrong(each)) for each in details]
        return []


class StorageClass(pulumi.ComponentResource):
    """A StorageClass of the stack's own."""

    name: pulumi.Output[str]
    """Name of the StorageClass."""

    def __init__(self, name: str, args: StorageClassArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the class.

        Arguments:
            name: logical name.
            args: the settings.
            opts: resource options.

        Raises:
            pulumi.RunError: the settings are wrong; nothing has been registered.
        """
        if isinstance(args, Mapping):
            args = StorageClassArgs(**args)
        if problems := args.problems("StorageClassArgs"):
            raise pulumi.RunError("\n".join(map(str, problems)))
        super().__init__("hubstack:index:StorageClass", name, {}, opts)
        keep = args.protect is not False
        self.storage_class = kubernetes.StorageClass(
            f"{name}-storage-class",
            storage_class(StorageClassSettings.model_construct(**args.settings())),
            pulumi.ResourceOptions(parent=self, protect=keep, retain_on_delete=keep),
        )
        self.name = pulumi.Output.from_input(args.class_name)
        self.register_outputs({"name": self.name})
