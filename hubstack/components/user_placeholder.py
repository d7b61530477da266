"""UserPlaceholder: pods of a user's size that hold room, and make way when a user comes."""

from __future__ import annotations

from typing import Any

import pulumi

from hubstack.chart import user_placeholder
from hubstack.chart.release import Release
from hubstack.components.part import Part, PartArgs


class UserPlaceholder(Part):
    """The placeholders' StatefulSet, their low priority and their disruption budget."""

    def __init__(self, name: str, args: PartArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("UserPlaceholder", name, args, opts)
        self.priority_class = self._add(user_placeholder.priority_class)
        self.pod_disruption_budget = self._add(user_placeholder.pod_disruption_budget)
        self.stateful_set = self._add(_unawaited, name="stateful-set", depends_on=[self.priority_class])
        self.register_outputs({})


def _unawaited(release: Release) -> dict[str, Any] | None:
    """The StatefulSet, without waiting for its pods.

    Placeholders may stay pending for as long as the cluster has no room: that is how they make an autoscaler add nodes.
    """
    manifest = user_placeholder.stateful_set(release)
    if manifest is None:
        return None
    annotations = {**manifest["metadata"].get("annotations", {}), "pulumi.com/skipAwait": "true"}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}}
