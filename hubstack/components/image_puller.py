"""ImagePuller: brings the users' images to every node before a user waits for them.

The chart's pre-upgrade hook (a DaemonSet, and a Job that waits for it) becomes what it means: a DaemonSet whose rollout
the engine awaits, and a hub that changes only afterwards.
"""

from __future__ import annotations

import pulumi

from hubstack.chart import image_puller
from hubstack.components.part import Part, PartArgs, resources


class ImagePuller(Part):
    """The DaemonSets that pull: one before the hub changes, one for nodes that join later."""

    def __init__(self, name: str, args: PartArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ImagePuller", name, args, opts)
        priority = self._add(image_puller.priority_class)
        hook_account = self._add(image_puller.hook_service_account)
        self.hook_daemon_set = self._add(image_puller.hook_daemon_set, depends_on=[priority, hook_account])
        account = self._add(image_puller.continuous_service_account)
        self.continuous_daemon_set = self._add(image_puller.continuous_daemon_set, depends_on=[priority, account])
        self.register_outputs({})

    @property
    def before_hub(self) -> list[pulumi.Resource]:
        """What the hub's change waits for."""
        return [*resources(self.hook_daemon_set)]
