"""ImagePuller: brings the users' images to every node before a user waits for them.

The chart's pre-upgrade hook (a DaemonSet, and a Job that waits for it) becomes what it means: a DaemonSet whose rollout
the engine awaits, and a hub that changes only afterwards.
"""

from dataclasses import dataclass

import pulumi

from hubstack.chart import image_puller
from hubstack.components import kubernetes
from hubstack.components.arguments import ComponentReleaseArgs, arguments
from hubstack.components.chart_component import ChartComponent


@dataclass(kw_only=True)
class ImagePullerArgs(ComponentReleaseArgs):
    """What the image pullers are made from. Which images they pull follows from the values: the image of
    ``singleuser``, those of the profiles, ``prePuller.extraImages``.
    """


class ImagePuller(ChartComponent):
    """The DaemonSets that pull: one before the hub changes, one for nodes that join later."""

    def __init__(self, name: str, args: ImagePullerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the image pullers.

        Arguments:
            name: logical name.
            args: the settings.
            opts: resource options.

        Raises:
            pulumi.RunError: the settings are wrong; nothing has been registered.
        """
        super().__init__("ImagePuller", name, arguments(ImagePullerArgs, args).component_args(name), opts)
        priority = self._add(kubernetes.PriorityClass, image_puller.priority_class)
        hook_account = self._add(kubernetes.ServiceAccount, image_puller.hook_service_account)
        self.hook_daemon_set = self._add(
            kubernetes.DaemonSet, image_puller.hook_daemon_set, depends_on=[priority, hook_account]
        )
        account = self._add(kubernetes.ServiceAccount, image_puller.continuous_service_account)
        self.continuous_daemon_set = self._add(
            kubernetes.DaemonSet, image_puller.continuous_daemon_set, depends_on=[priority, account]
        )
        self._register_object_names()

    @property
    def before_hub(self) -> list[pulumi.Resource]:
        """What the hub's change waits for."""
        return [self.hook_daemon_set] if self.hook_daemon_set else []
