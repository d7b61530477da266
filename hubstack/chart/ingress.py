"""Ways in that others provide: an Ingress or a Gateway's HTTPRoute (chart: ``ingress.yaml``, ``httproute.yaml``)."""

from __future__ import annotations

from typing import Any

from hubstack.chart.blocks import clipped
from hubstack.chart.labels import metadata
from hubstack.chart.pod import drop_falsy
from hubstack.chart.release import Release
from hubstack.chart.text import go_text, retype


def objects(release: Release) -> list[dict[str, Any]]:
    """The Ingress and the HTTPRoute, as far as they are switched on."""
    return [manifest for manifest in (ingress(release), http_route(release)) if manifest is not None]


def ingress(release: Release) -> dict[str, Any] | None:
    """Ingress: one rule for each host, or one for all hosts where none is given."""
    settings = release.values.ingress
    if not settings.enabled:
        return None
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata(release, "ingress", release.names.ingress, annotations=settings.annotations),
        "spec": {
            # The chart puts quotes around the text as it is.
            **({"ingressClassName": retype(f'"{name}"')} if (name := settings.ingress_class_name) else {}),
            **drop_falsy({"tls": clipped(settings.tls)}),
            "rules": [_ingress_rule(release, host) for host in settings.hosts or [""]],
        },
    }


def http_route(release: Release) -> dict[str, Any] | None:
    """HTTPRoute: all paths to the proxy; the Gateway named in ``httpRoute.gateway`` belongs to somebody else."""
    settings = release.values.http_route
    if not settings.enabled:
        return None
    # The map goes in as it is written: a blank namespace there is not the same as none.
    gateway = release.tree["httpRoute"].get("gateway") or {}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": metadata(release, "httproute", release.names.http_route, annotations=settings.annotations),
        "spec": {
            "parentRefs": [{"kind": "Gateway", **{key: value for key, value in gateway.items() if value is not None}}],
            **drop_falsy({"hostnames": settings.hostnames}),
            "rules": [{"backendRefs": [{"name": release.names.proxy_public, "port": 80}]}],
        },
    }


def _ingress_rule(release: Release, host: str) -> dict[str, Any]:
    settings = release.values.ingress
    base = (release.values.hub.base_url or "").removesuffix("/")
    path: dict[str, Any] = {
        "path": retype(f"{base}/{go_text(settings.path_suffix)}"),
        "pathType": settings.path_type,
        "backend": {"service": {"name": release.names.proxy_public, "port": {"name": "http"}}},
    }
    paths = [{key: value for key, value in path.items() if value is not None}, *(settings.extra_paths or [])]
    return {"http": {"paths": paths}, **drop_falsy({"host": host})}
