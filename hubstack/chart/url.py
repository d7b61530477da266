"""Where people find the hub."""

from __future__ import annotations

from collections.abc import Iterable

from hubstack.chart.https import https_kind
from hubstack.chart.release import Release


def public_url(release: Release, load_balancer_address: str | None) -> str:
    """The URL of the hub, with its base URL.

    The first host that the values name decides: of ``proxy.https`` where that is in effect, of the Ingress, of the
    HTTPRoute. Otherwise it is the load balancer's address, and before it has one, or without a load balancer, the
    Service's name inside the cluster. Wildcard hosts are no address and are passed over.

    Arguments:
        load_balancer_address: host name or IP address of the Service proxy-public, if it has one.
    """
    scheme, host = _host(release) or (_service_scheme(release), _address(release, load_balancer_address))
    base = (release.values.hub.base_url or "/").strip("/")
    return f"{scheme}://{host}/{base}/" if base else f"{scheme}://{host}/"


def _host(release: Release) -> tuple[str, str] | None:
    """Scheme and host of the way in that has a host, if there is one."""
    values = release.values
    if https_kind(values).enabled and (host := _first(values.proxy.https.hosts)):
        return "https", host
    if values.ingress.enabled and (host := _first(values.ingress.hosts)):
        return ("https" if values.ingress.tls or https_kind(values).enabled else "http"), host
    if values.http_route.enabled and (host := _first(values.http_route.hostnames)):
        # Whether a Gateway ends TLS is known to its listener alone; by custom the listener's name tells.
        section = (release.tree["httpRoute"].get("gateway") or {}).get("sectionName") or ""
        return ("https" if "https" in section or https_kind(values).enabled else "http"), host
    return None


def _first(hosts: Iterable[str] | None) -> str | None:
    return next((host for host in hosts or [] if host and "*" not in host), None)


def _service_scheme(release: Release) -> str:
    return "https" if https_kind(release.values).enabled else "http"


def _address(release: Release, load_balancer_address: str | None) -> str:
    address = load_balancer_address or f"{release.names.proxy_public}.{release.namespace}.svc"
    return f"[{address}]" if ":" in address else address
