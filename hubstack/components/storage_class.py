"""StorageClass: where volumes come from, with defaults that do not lose data."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from hubstack.chart.storage_class import StorageClassSettings, storage_class
from hubstack.components import kubernetes


@dataclass(frozen=True, kw_only=True)
class StorageClassArgs:
    """What the StorageClass is made from."""

    settings: StorageClassSettings
    protect: bool = True
    """Refuse to delete the class, and leave it behind when the stack is destroyed."""


class StorageClass(pulumi.ComponentResource):
    """A StorageClass of the stack's own."""

    def __init__(self, name: str, args: StorageClassArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hubstack:index:StorageClass", name, {}, opts)
        self.storage_class = kubernetes.StorageClass(
            f"{name}-storage-class",
            storage_class(args.settings),
            pulumi.ResourceOptions(parent=self, protect=args.protect, retain_on_delete=args.protect),
        )
        self.register_outputs({"name": args.settings.name})
