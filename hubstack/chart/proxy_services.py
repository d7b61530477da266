"""The Services in front of the proxy (chart: ``templates/proxy/service.yaml``)."""

from __future__ import annotations

from typing import Any

from hubstack.chart.https import HttpsKind, https_kind
from hubstack.chart.labels import metadata, selector
from hubstack.chart.pod import drop_falsy, unquoted
from hubstack.chart.release import Release

API_PORT = 8001
"""Where the hub tells the proxy its routes."""


def proxy_api(release: Release) -> dict[str, Any]:
    """Service proxy-api: the hub reaches the proxy's API here."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(release, "proxy-api", release.names.proxy_api),
        "spec": {
            "selector": selector(release, "proxy"),
            "ports": [{"port": API_PORT, "targetPort": "api"}],
            **ip_families(release),
        },
    }


def proxy_public(release: Release) -> dict[str, Any]:
    """Service proxy-public: people's browsers come in here, to autohttps where that ends TLS, else to the proxy."""
    service = release.values.proxy.service
    behind_traefik = https_kind(release.values) is HttpsKind.LETSENCRYPT
    spec: dict[str, Any] = {
        "selector": selector(release, "autohttps" if behind_traefik else "proxy"),
        "ports": _public_ports(release) or None,
        "type": service.type,
        **unquoted({"loadBalancerIP": service.load_balancer_ip}),
        **ip_families(release),
        **drop_falsy({"externalIPs": service.external_ips}),
    }
    if service.type == "LoadBalancer" and service.load_balancer_source_ranges:
        spec["loadBalancerSourceRanges"] = service.load_balancer_source_ranges
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(
            release,
            "proxy-public",
            release.names.proxy_public,
            annotations=service.annotations,
            extra_labels=service.labels,
        ),
        "spec": {key: value for key, value in spec.items() if value is not None},
    }


def ip_families(release: Release) -> dict[str, Any]:
    """IPv4 or IPv6, for all Services that lead to the proxy."""
    service = release.values.proxy.service
    return {
        **unquoted({"ipFamilyPolicy": service.ip_family_policy}),
        **drop_falsy({"ipFamilies": service.ip_families}),
    }


def _public_ports(release: Release) -> list[dict[str, Any]]:
    service = release.values.proxy.service
    node_ports = service.node_ports
    kind = https_kind(release.values)
    ports: list[dict[str, Any]] = []
    if kind.enabled:
        # Offloaded TLS arrives as plain HTTP, on the port that says 443.
        target = "http" if kind is HttpsKind.OFFLOAD else "https"
        ports.append({"name": "https", "port": 443, "targetPort": target, **drop_falsy({"nodePort": node_ports.https})})
    if service.disable_http_port is not True:
        ports.append({"name": "http", "port": 80, "targetPort": "http", **drop_falsy({"nodePort": node_ports.http})})
    return ports + list(service.extra_ports or [])
