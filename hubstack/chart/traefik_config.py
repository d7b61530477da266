"""Traefik's two configuration files for automatic HTTPS (chart: ``templates/proxy/autohttps/_configmap-*.yaml``).

The static configuration is read when Traefik starts, so a change of it restarts the pod. The dynamic one is watched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubstack.chart.errors import SettingsError
from hubstack.chart.release import Release
from hubstack.chart.text import retype

HTTP_PORT = 8080
HTTPS_PORT = 8443
"""Unprivileged ports that Traefik listens on; the Service proxy-public maps 80 and 443 to them."""

IDLE_TIMEOUT = "10m0s"
"""How long a connection may be silent; notebooks keep websockets open without saying much. Traefik's default: 3 min."""

CERTIFICATES = "/etc/acme/acme.json"
"""Where Traefik keeps certificates; the sidecar copies this file to a Secret and back."""

REDACTED_HEADERS = ("Authorization", "Cookie", "Set-Cookie", "X-Xsrftoken")
"""Headers that carry credentials, so their values stay out of the access log."""

CIPHER_SUITES = tuple(
    f"TLS_ECDHE_{signature}_WITH_{cipher}"
    for cipher in ("AES_256_GCM_SHA384", "AES_128_GCM_SHA256", "CHACHA20_POLY1305")
    for signature in ("ECDSA", "RSA")
)
"""Forward-secret ciphers of TLS 1.2 (Mozilla's level "intermediate"); those of TLS 1.3 can't be chosen."""

BACKEND = "http://proxy-http:8000/"
"""The proxy behind Traefik. The chart writes this name even where a full name changes the Service's, and so do we."""


def static_config(release: Release) -> dict[str, Any]:
    """Content of ``traefik.yaml``: the chart's, with ``proxy.traefik.extraStaticConfig`` winning."""
    values = release.values
    letsencrypt = values.proxy.https.letsencrypt
    acme: dict[str, Any] = {
        # Without a server Traefik takes Let's Encrypt's own.
        "caServer": _unquoted(letsencrypt.acme_server),
        "email": _unquoted(letsencrypt.contact_email),
        "httpChallenge": {"entryPoint": "http"},
        "storage": CERTIFICATES,
    }
    chart = {
        "accessLog": {
            "fields": {"headers": {"names": dict.fromkeys(REDACTED_HEADERS, "redacted")}},
            "filters": {"statusCodes": ["500-599"]},
        },
        "certificatesResolvers": {"default": {"acme": acme}},
        "entryPoints": {
            "http": {"address": f":{HTTP_PORT}"},
            "https": {
                "address": f":{HTTPS_PORT}",
                "transport": {"respondingTimeouts": {"idleTimeout": IDLE_TIMEOUT}},
            },
        },
        "log": {"level": "DEBUG" if values.debug.enabled else "WARN"},
        "providers": {"file": {"filename": "/etc/traefik/dynamic.yaml"}},
    }
    return merge_filling(values.proxy.traefik.extra_static_config, chart)


def dynamic_config(release: Release) -> dict[str, Any]:
    """Content of ``dynamic.yaml``: the chart's, with ``proxy.traefik.extraDynamicConfig`` winning."""
    proxy = release.values.proxy
    hsts = proxy.traefik.hsts
    every_path = {"rule": "PathPrefix(`/`)", "service": "default"}
    chart = {
        "http": {
            "middlewares": {
                "hsts": {
                    "headers": {
                        "stsIncludeSubdomains": hsts.include_subdomains,
                        "stsPreload": hsts.preload,
                        "stsSeconds": hsts.max_age,
                    }
                },
                "redirect": {"redirectScheme": {"permanent": True, "scheme": "https"}},
                # JupyterHub must know that browsers use https, or it refuses their requests as cross-site.
                "scheme": {"headers": {"customRequestHeaders": {"X-Scheme": "https"}}},
            },
            "routers": {
                "default": {
                    **every_path,
                    "entrypoints": ["https"],
                    "middlewares": ["hsts", "scheme"],
                    "tls": {
                        "certResolver": "default",
                        "domains": [{"main": _unquoted(host)} for host in proxy.https.hosts or []],
                        "options": "default",
                    },
                },
                "insecure": {**every_path, "entrypoints": ["http"], "middlewares": ["redirect"]},
            },
            "services": {"default": {"loadBalancer": {"servers": [{"url": BACKEND}]}}},
        },
        "tls": {
            "options": {
                "default": {"cipherSuites": list(CIPHER_SUITES), "minVersion": "VersionTLS12", "sniStrict": True}
            }
        },
    }
    return merge_filling(proxy.traefik.extra_dynamic_config, chart)


def _unquoted(text: Any) -> Any:
    """What YAML reads where the chart writes a text without quotes; the text itself where that is no YAML.

    The chart then installs the text of an error instead of the file, as it does for a wildcard among the hosts.
    """
    try:
        return retype(text)
    except SettingsError:
        return text


def merge_filling(preferred: Mapping[str, Any] | None, fallback: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two trees; ``preferred`` wins unless its value is empty, as in the chart's ``merge``.

    Empty are false, 0, blank text, empty lists, empty maps and null: ``sniStrict: false`` has no effect. Lists are not
    joined. A map against anything else is not merged: the preferred one stays.
    """
    result = dict(preferred or {})
    for key, chosen in fallback.items():
        own = result.get(key)
        if not own:
            result[key] = chosen
        elif isinstance(own, Mapping) and isinstance(chosen, Mapping):
            result[key] = merge_filling(own, chosen)
    return result
