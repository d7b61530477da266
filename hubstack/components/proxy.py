"""Proxy: configurable-http-proxy, which every connection of every user goes through."""

from __future__ import annotations

import pulumi

from hubstack.chart import proxy, proxy_services
from hubstack.components.kubernetes import Service
from hubstack.components.part import Part, PartArgs


class Proxy(Part):
    """The proxy Deployment, its API for the hub, and the public Service."""

    def __init__(self, name: str, args: PartArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Proxy", name, args, opts)
        self.tls_secret = self._add(proxy.tls_secret)
        self.network_policy = self._add(proxy.network_policy)
        self.pod_disruption_budget = self._add(proxy.pod_disruption_budget)
        self.api_service = self._add(proxy_services.proxy_api)
        self.public_service: Service = self._add(proxy_services.proxy_public)
        self.deployment = self._add(proxy.deployment, args.tokens, depends_on=[self.tls_secret])
        self.register_outputs({})
