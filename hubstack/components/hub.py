"""Hub: JupyterHub itself, its settings, its database volume and its rights in the namespace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from hubstack.chart import hub
from hubstack.components import kubernetes
from hubstack.components.chart_component import ChartComponent, ChartComponentArgs


@dataclass(frozen=True, kw_only=True)
class HubArgs(ChartComponentArgs):
    """What the hub is made from."""

    images_pulled: Sequence[pulumi.Resource] = ()
    """The hub changes only after these: the puller that has brought the users' images to every node."""
    protect: bool = True
    """Refuse to delete the database volume, and leave it behind when the stack is destroyed."""


class Hub(ChartComponent):
    """The hub Deployment and everything that it needs."""

    def __init__(self, name: str, args: HubArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        tokens = args.needed_tokens()
        super().__init__("Hub", name, args, opts)
        self.service_account = self._add(kubernetes.ServiceAccount, hub.service_account)
        self.role = self._add(kubernetes.Role, hub.role)
        self.role_binding = self._add(
            kubernetes.RoleBinding, hub.role_binding, depends_on=[self.role, self.service_account]
        )
        self.config_map = self._add_always(kubernetes.ConfigMap, hub.config_map)
        self.secret = self._add_always(kubernetes.Secret, hub.secret, tokens)
        self.pvc = self._add(
            kubernetes.PersistentVolumeClaim, hub.pvc, protect=args.protect, retain_on_delete=args.protect
        )
        self.network_policy = self._add(kubernetes.NetworkPolicy, hub.network_policy)
        self.pod_disruption_budget = self._add(kubernetes.PodDisruptionBudget, hub.pod_disruption_budget)
        self.service = self._add_always(kubernetes.Service, hub.service)
        needed = [self.role_binding, self.service_account, self.config_map, self.secret, self.pvc]
        self.deployment = self._add_always(
            kubernetes.Deployment, hub.deployment, tokens, depends_on=[*needed, *args.images_pulled]
        )
        self._register_object_names()
