"""UserScheduler: a kube-scheduler that packs users' pods on few nodes, so that the others can be given back."""

from __future__ import annotations

import pulumi

from hubstack.chart import user_scheduler
from hubstack.components.part import Part, PartArgs


class UserScheduler(Part):
    """The scheduler's Deployment, settings and cluster-wide rights."""

    def __init__(self, name: str, args: PartArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("UserScheduler", name, args, opts)
        self.service_account = self._add(user_scheduler.service_account)
        self.cluster_role = self._add(user_scheduler.cluster_role)
        self.cluster_role_binding = self._add(
            user_scheduler.cluster_role_binding, depends_on=[self.cluster_role, self.service_account]
        )
        self.config_map = self._add(user_scheduler.config_map)
        self.pod_disruption_budget = self._add(user_scheduler.pod_disruption_budget)
        needed = [self.cluster_role_binding, self.service_account, self.config_map]
        self.deployment = self._add(user_scheduler.deployment, depends_on=needed)
        self.register_outputs({})
