"""UserPlaceholder: pods of a user's size that hold room, and make way when a user comes."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import pulumi

from hubstack.chart import user_placeholder
from hubstack.chart.release import Release
from hubstack.components import kubernetes
from hubstack.components.arguments import ComponentReleaseArgs, arguments
from hubstack.components.awaiting import SKIP_AWAIT
from hubstack.components.chart_component import ChartComponent

if TYPE_CHECKING:
    from hubstack.values import Values


@dataclass(kw_only=True)
class UserPlaceholderArgs(ComponentReleaseArgs):
    """What the placeholders are made from. A placeholder asks for what a user's server asks for: the values of
    ``singleuser``.
    """

    replicas: pulumi.Input[int] | None = None
    """How many placeholders there are; instead of ``scheduling.userPlaceholder.replicas``."""

    def with_replicas(self) -> "UserPlaceholderArgs":
        """The same with the number among the values."""
        if self.replicas is None:
            return self
        values: dict[str, Any] = dict(self.values or {})
        scheduling = dict(values.get("scheduling") or {})
        placeholder = {**(scheduling.get("userPlaceholder") or {}), "enabled": True, "replicas": self.replicas}
        values["scheduling"] = {**scheduling, "userPlaceholder": placeholder}
        return replace(self, values=cast("Values", values), replicas=None)


class UserPlaceholder(ChartComponent):
    """The placeholders' StatefulSet, their low priority and their disruption budget."""

    def __init__(self, name: str, args: UserPlaceholderArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the placeholders.

        Arguments:
            name: logical name.
            args: the settings.
            opts: resource options.

        Raises:
            pulumi.RunError: the settings are wrong; nothing has been registered.
        """
        settings: UserPlaceholderArgs = arguments(UserPlaceholderArgs, args).with_replicas()
        super().__init__("UserPlaceholder", name, settings.component_args(name), opts)
        self.priority_class = self._add(kubernetes.PriorityClass, user_placeholder.priority_class)
        self.pod_disruption_budget = self._add(kubernetes.PodDisruptionBudget, user_placeholder.pod_disruption_budget)
        self.stateful_set = self._add(
            kubernetes.StatefulSet, _unawaited, name="stateful-set", depends_on=[self.priority_class]
        )
        self._register_object_names()


def _unawaited(release: Release) -> dict[str, Any] | None:
    """The StatefulSet, without waiting for its pods.

    Placeholders may stay pending for as long as the cluster has no room: that is how they make an autoscaler add nodes.
    """
    manifest = user_placeholder.stateful_set(release)
    if manifest is None:
        return None
    annotations = {**manifest["metadata"].get("annotations", {}), SKIP_AWAIT: "true"}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}}
