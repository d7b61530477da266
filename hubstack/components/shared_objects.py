"""SharedObjects: what the pods of several parts refer to."""

from __future__ import annotations

import pulumi

from hubstack.chart import image_pull_secret, priority
from hubstack.components.part import Part, PartArgs, resources


class SharedObjects(Part):
    """The default PriorityClass and the Secret with the registry's credentials."""

    def __init__(self, name: str, args: PartArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("SharedObjects", name, args, opts)
        self.priority_class = self._add(priority.priority_class)
        self.image_pull_secret = self._add(image_pull_secret.secret)
        self.register_outputs({})

    @property
    def objects(self) -> list[pulumi.Resource]:
        """Both objects, as far as the values ask for them."""
        return [*resources(self.priority_class, self.image_pull_secret)]
