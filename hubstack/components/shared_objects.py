"""SharedObjects: what the pods of several parts refer to."""

from __future__ import annotations

import pulumi

from hubstack.chart import image_pull_secret, priority
from hubstack.components import kubernetes
from hubstack.components.chart_component import ChartComponent, ChartComponentArgs


class SharedObjects(ChartComponent):
    """The default PriorityClass and the Secret with the registry's credentials."""

    def __init__(self, name: str, args: ChartComponentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("SharedObjects", name, args, opts)
        self.priority_class = self._add(kubernetes.PriorityClass, priority.priority_class)
        self.image_pull_secret = self._add(kubernetes.Secret, image_pull_secret.secret)
        self._register_object_names()

    @property
    def objects(self) -> list[pulumi.Resource]:
        """Both objects, as far as the values ask for them."""
        return [each for each in (self.priority_class, self.image_pull_secret) if each is not None]
