"""UserScheduler: a kube-scheduler that packs users' pods on few nodes, so that the others can be given back."""

from __future__ import annotations

import pulumi

from hubstack.chart import user_scheduler
from hubstack.components import kubernetes
from hubstack.components.chart_component import ChartComponent, ChartComponentArgs


class UserScheduler(ChartComponent):
    """The scheduler's Deployment, settings and cluster-wide rights."""

    def __init__(self, name: str, args: ChartComponentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("UserScheduler", name, args, opts)
        self.service_account = self._add(kubernetes.ServiceAccount, user_scheduler.service_account)
        self.cluster_role = self._add(kubernetes.ClusterRole, user_scheduler.cluster_role)
        self.cluster_role_binding = self._add(
            kubernetes.ClusterRoleBinding,
            user_scheduler.cluster_role_binding,
            depends_on=[self.cluster_role, self.service_account],
        )
        self.config_map = self._add(kubernetes.ConfigMap, user_scheduler.config_map)
        self.pod_disruption_budget = self._add(kubernetes.PodDisruptionBudget, user_scheduler.pod_disruption_budget)
        needed = [self.cluster_role_binding, self.service_account, self.config_map]
        self.deployment = self._add(kubernetes.Deployment, user_scheduler.deployment, depends_on=needed)
        self._register_object_names()
