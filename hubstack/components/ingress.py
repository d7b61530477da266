"""Ingress: how HTTP and HTTPS reach the proxy from outside.

A plain Ingress, a Gateway API HTTPRoute, or the chart's own HTTPS: with ``letsencrypt`` a Traefik (autohttps) stands
before the proxy. The kinds ``manual``, ``secret`` and ``offload`` need no object here; they shape the proxy itself.
"""

from __future__ import annotations

import pulumi

from hubstack.chart import autohttps, ingress
from hubstack.chart.https import HttpsKind, https_kind
from hubstack.components.part import Part, PartArgs


class Ingress(Part):
    """Objects for the ways in that the values ask for."""

    def __init__(self, name: str, args: PartArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Ingress", name, args, opts)
        self.ingress = self._add(ingress.ingress)
        self.http_route = self._add(ingress.http_route)
        if https_kind(args.release.values) is HttpsKind.LETSENCRYPT:
            self._add_autohttps()
        self._add(autohttps.pod_disruption_budget, name="autohttps-pod-disruption-budget")
        self.register_outputs({})

    def _add_autohttps(self) -> None:
        """Traefik, which gets certificates and keeps them in a Secret that only it writes."""
        account = self._add(autohttps.service_account, name="autohttps-service-account")
        role = self._add(autohttps.role, name="autohttps-role")
        binding = self._add(autohttps.role_binding, name="autohttps-role-binding", depends_on=[role, account])
        config = self._add(autohttps.config_map, name="autohttps-config-map")
        self._add(autohttps.network_policy, name="autohttps-network-policy")
        self._add(autohttps.service, name="autohttps-service")
        self._add(autohttps.deployment, name="autohttps-deployment", depends_on=[binding, account, config])
