"""The proxy, configurable-http-proxy, through which every request goes (chart: ``templates/proxy/``)."""

from __future__ import annotations

from typing import Any

from hubstack.chart import objects as small_objects
from hubstack.chart import proxy_services
from hubstack.chart.blocks import clipped
from hubstack.chart.go_template import render
from hubstack.chart.https import HttpsKind, https_kind, require_https
from hubstack.chart.labels import metadata, pod_labels, selector
from hubstack.chart.network_policy import network_policy as shared_network_policy
from hubstack.chart.outputs import apply
from hubstack.chart.pod import (
    core_affinity,
    drop_falsy,
    drop_null,
    extra_env,
    image,
    image_pull_secrets,
    probe,
    strategy,
    tolerations,
)
from hubstack.chart.release import Release, TokenValues
from hubstack.chart.text import base64_text, checksum, go_text, retype, sha256
from hubstack.chart.tokens import effective_tokens

COMPONENT = "proxy"

HTTP_PORT = 8000
HTTPS_PORT = 8443
"""Ports of the container: plain HTTP, and HTTPS where the proxy itself ends TLS."""

TERMINATION_SECONDS = 60
"""Time that open connections get to end when the pod stops."""

TLS_DIRECTORY = "/etc/chp/tls"
TLS_VOLUME = "tls-secret"

CHECKSUM_DIGITS = 4
"""Digits of the token's digest that an annotation shows: enough to notice a change, too few to try tokens against."""

NO_SECRET_CHECKSUM = sha256("\n")
"""What the chart writes for a TLS Secret that does not exist: the digest of an empty line.

It is kept so that taking over a release from Helm does not restart the proxy, which would drop every connection.
"""


def objects(release: Release, tokens: TokenValues) -> list[dict[str, Any]]:
    """All objects of the proxy except those of automatic HTTPS."""
    found = [
        deployment(release, tokens),
        network_policy(release),
        pod_disruption_budget(release),
        tls_secret(release),
        proxy_services.proxy_api(release),
        proxy_services.proxy_public(release),
    ]
    return [manifest for manifest in found if manifest is not None]


def deployment(release: Release, tokens: TokenValues) -> dict[str, Any]:
    """Deployment proxy: a single replica, because the routes live in its memory."""
    proxy = release.values.proxy
    chp = proxy.chp
    spec: dict[str, Any] = {
        "replicas": 1,
        "selector": {"matchLabels": selector(release, COMPONENT)},
        **strategy(release.tree["proxy"]),
        "template": {
            "metadata": {
                "labels": {
                    **pod_labels(release, COMPONENT),
                    "hub.jupyter.org/network-access-hub": "true",
                    "hub.jupyter.org/network-access-singleuser": "true",
                    **(proxy.labels or {}),
                },
                "annotations": {**_checksums(release, tokens), **(proxy.annotations or {})},
            },
            "spec": _pod_spec(release),
        },
    }
    if chp.revision_history_limit is not None:
        spec["revisionHistoryLimit"] = chp.revision_history_limit
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(release, COMPONENT, release.names.proxy),
        "spec": spec,
    }


def network_policy(release: Release) -> dict[str, Any] | None:
    """NetworkPolicy proxy."""
    public = ["http", "https"] if https_kind(release.values).in_proxy else ["http"]
    return shared_network_policy(
        release,
        name=release.names.proxy,
        component=COMPONENT,
        pods=COMPONENT,
        policy=release.values.proxy.chp.network_policy,
        sources=[("proxy-http", public), ("proxy-api", ["api"])],
        destinations=[("hub", [8081]), ("singleuser-server", [8888])],
    )


def pod_disruption_budget(release: Release) -> dict[str, Any] | None:
    """PodDisruptionBudget proxy."""
    return small_objects.pod_disruption_budget(release, COMPONENT, release.names.proxy, release.values.proxy.chp.pdb)


def tls_secret(release: Release) -> dict[str, Any] | None:
    """Secret proxy-public-manual-tls, with the key and certificate from the values.

    Raises:
        SettingsError: one of the two is missing.
    """
    if require_https(release.values) is not HttpsKind.MANUAL:
        return None
    manual = release.values.proxy.https.manual
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(release, COMPONENT, release.names.proxy_public_manual_tls),
        "type": "kubernetes.io/tls",
        "data": {"tls.crt": base64_text(go_text(manual.cert)), "tls.key": base64_text(go_text(manual.key))},
    }


def _checksums(release: Release, tokens: TokenValues) -> dict[str, Any]:
    """Annotations whose change restarts the proxy."""
    token = effective_tokens(release, tokens).proxy_auth
    secret = tls_secret(release)
    return {
        "checksum/auth-token": apply(lambda known: sha256(go_text(known))[:CHECKSUM_DIGITS], token),
        "checksum/proxy-secret": checksum(secret) if secret else NO_SECRET_CHECKSUM,
    }


def _pod_spec(release: Release) -> dict[str, Any]:
    values = release.values
    chp = values.proxy.chp
    secret_name = _tls_secret_name(release)
    priority = release.names.priority if values.scheduling.pod_priority.enabled else None
    volume = {"name": TLS_VOLUME, "secret": drop_null({"secretName": secret_name})}
    return {
        "terminationGracePeriodSeconds": TERMINATION_SECONDS,
        **drop_falsy(
            {
                "priorityClassName": priority,
                "nodeSelector": chp.node_selector,
                "tolerations": tolerations(release, "core", chp.tolerations),
                "affinity": core_affinity(release),
                "volumes": [volume] if https_kind(values).in_proxy else [],
                "imagePullSecrets": image_pull_secrets(release, chp.image),
            }
        ),
        "containers": [_container(release)],
        **clipped(chp.extra_pod_spec or {}),
    }


def _container(release: Release) -> dict[str, Any]:
    chp = release.values.proxy.chp
    own_tls = https_kind(release.values).in_proxy
    health = {
        "path": "/_chp_healthz",
        "port": "https" if own_tls else "http",
        "scheme": "HTTPS" if own_tls else "HTTP",
    }
    ports: list[dict[str, Any]] = [{"name": "https", "containerPort": HTTPS_PORT}] if own_tls else []
    ports += [{"name": "http", "containerPort": HTTP_PORT}, {"name": "api", "containerPort": proxy_services.API_PORT}]
    return {
        "name": "chp",
        "image": image(chp.image),
        "command": command(release),
        "env": [_auth_token_env(release), *extra_env(chp.extra_env)],
        "ports": ports,
        **drop_falsy(
            {
                "volumeMounts": [{"name": TLS_VOLUME, "mountPath": TLS_DIRECTORY, "readOnly": True}] if own_tls else [],
                "resources": chp.resources,
                "imagePullPolicy": chp.image.pull_policy,
                "livenessProbe": probe(chp.liveness_probe, health),
                "readinessProbe": probe(chp.readiness_probe, health),
                "securityContext": chp.container_security_context,
            }
        ),
    }


def command(release: Release) -> list[Any]:
    """The command line of configurable-http-proxy.

    The chart writes the settings in it without quotes, so YAML decides anew what they are: ``"5"`` in
    ``extraCommandLineFlags`` becomes a number. A flag there is a Go template, too.
    """
    values = release.values
    chp = values.proxy.chp
    hub = release.names.hub
    hub_host = f"http://{hub}:$({hub.upper().replace('-', '_')}_SERVICE_PORT)"
    flags = [
        "configurable-http-proxy",
        "--ip=",
        "--api-ip=",
        f"--api-port={proxy_services.API_PORT}",
        retype(f"--default-target={chp.default_target or hub_host}"),
        retype(f"--error-target={chp.error_target or f'{hub_host}/hub/error'}"),
        *_tls_flags(release),
    ]
    if values.debug.enabled:
        flags.append("--log-level=debug")
    if (values.hub.config.get("JupyterHub") or {}).get("subdomain_host"):
        flags.append("--host-routing")
    return [
        *flags,
        *(
            retype(render(flag, release, "proxy.chp.extraCommandLineFlags"))
            for flag in chp.extra_command_line_flags or []
        ),
    ]


def _tls_flags(release: Release) -> list[Any]:
    kind = https_kind(release.values)
    if not kind.in_proxy:
        return [f"--port={HTTP_PORT}"]
    secret = release.values.proxy.https.secret
    key, certificate = (secret.key, secret.crt) if kind is HttpsKind.SECRET else ("tls.key", "tls.crt")
    return [
        f"--port={HTTPS_PORT}",
        f"--redirect-port={HTTP_PORT}",
        "--redirect-to=443",
        retype(f"--ssl-key={TLS_DIRECTORY}/{go_text(key)}"),
        retype(f"--ssl-cert={TLS_DIRECTORY}/{go_text(certificate)}"),
    ]


def _tls_secret_name(release: Release) -> str | None:
    match https_kind(release.values):
        case HttpsKind.MANUAL:
            return release.names.proxy_public_manual_tls
        case HttpsKind.SECRET:
            name: str | None = retype(release.values.proxy.https.secret.name)
            return name
    return None


def _auth_token_env(release: Release) -> dict[str, Any]:
    # The hub's own Secret even where users bring another one: the token is always there.
    reference = {"name": release.names.hub, "key": "hub.config.ConfigurableHTTPProxy.auth_token"}
    return {"name": "CONFIGPROXY_AUTH_TOKEN", "valueFrom": {"secretKeyRef": reference}}
