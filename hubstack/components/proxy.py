"""Proxy: configurable-http-proxy, which every connection of every user goes through."""

from __future__ import annotations

import pulumi

from hubstack.chart import proxy, proxy_services
from hubstack.components import kubernetes
from hubstack.components.chart_component import ChartComponent, ChartComponentArgs


class Proxy(ChartComponent):
    """The proxy Deployment, its API for the hub, and the public Service."""

    def __init__(self, name: str, args: ChartComponentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        tokens = args.needed_tokens()
        super().__init__("Proxy", name, args, opts)
        self.tls_secret = self._add(kubernetes.Secret, proxy.tls_secret)
        self.network_policy = self._add(kubernetes.NetworkPolicy, proxy.network_policy)
        self.pod_disruption_budget = self._add(kubernetes.PodDisruptionBudget, proxy.pod_disruption_budget)
        self.api_service = self._add_always(kubernetes.Service, proxy_services.proxy_api)
        self.public_service = self._add_always(kubernetes.Service, proxy_services.proxy_public)
        self.deployment = self._add_always(
            kubernetes.Deployment, proxy.deployment, tokens, depends_on=[self.tls_secret]
        )
        self._register_object_names()
