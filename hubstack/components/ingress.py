"""Ingress: how HTTP and HTTPS reach the proxy from outside.

A plain Ingress, a Gateway API HTTPRoute, or the chart's own HTTPS: with ``letsencrypt`` a Traefik (autohttps) stands
before the proxy. The kinds ``manual``, ``secret`` and ``offload`` need no object here; they shape the proxy itself.
"""

from __future__ import annotations

import pulumi

from hubstack.chart import autohttps, ingress
from hubstack.chart.https import HttpsKind, https_kind
from hubstack.components import kubernetes
from hubstack.components.chart_component import ChartComponent, ChartComponentArgs


class Ingress(ChartComponent):
    """Objects for the ways in that the values ask for."""

    def __init__(self, name: str, args: ChartComponentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Ingress", name, args, opts)
        self.ingress = self._add(kubernetes.Ingress, ingress.ingress)
        self.http_route = self._add(kubernetes.HTTPRoute, ingress.http_route)
        if https_kind(self.release.values) is HttpsKind.LETSENCRYPT:
            self._add_autohttps()
        self._add(
            kubernetes.PodDisruptionBudget, autohttps.pod_disruption_budget, name="autohttps-pod-disruption-budget"
        )
        self._register_object_names()

    def _add_autohttps(self) -> None:
        """Traefik, which gets certificates and keeps them in a Secret that only it writes."""
        account = self._add(kubernetes.ServiceAccount, autohttps.service_account, name="autohttps-service-account")
        role = self._add(kubernetes.Role, autohttps.role, name="autohttps-role")
        binding = self._add(
            kubernetes.RoleBinding, autohttps.role_binding, name="autohttps-role-binding", depends_on=[role, account]
        )
        config = self._add(kubernetes.ConfigMap, autohttps.config_map, name="autohttps-config-map")
        self._add(kubernetes.NetworkPolicy, autohttps.network_policy, name="autohttps-network-policy")
        self._add(kubernetes.Service, autohttps.service, name="autohttps-service")
        self._add(
            kubernetes.Deployment,
            autohttps.deployment,
            name="autohttps-deployment",
            depends_on=[binding, account, config],
        )
