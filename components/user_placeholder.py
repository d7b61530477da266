"""UserPlaceholder: pods of a user's size that hold room, and make way when a user comes."""

from __future__ import annotations

import pulumi

from chart import user_placeholder
from components.part import Part, PartArgs


class UserPlaceholder(Part):
    """The placeholders' StatefulSet, their low priority and their disruption budget."""

    def __init__(self, name: str, args: PartArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("UserPlaceholder", name, args, opts)
        self.priority_class = self._add(user_placeholder.priority_class)
        self.pod_disruption_budget = self._add(user_placeholder.pod_disruption_budget)
        self.stateful_set = self._add(user_placeholder.stateful_set, depends_on=[self.priority_class])
        self.register_outputs({})
