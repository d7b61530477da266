"""Who ends TLS for the hub, decided once (chart: the variables atop ``templates/proxy/service.yaml``)."""

from __future__ import annotations

from enum import StrEnum

from hubstack.chart.errors import Problem, SettingsError
from hubstack.chart.values import ChartValues


class HttpsKind(StrEnum):
    """How a connection from a browser is encrypted on its way to the proxy."""

    LETSENCRYPT = "letsencrypt"
    """A Traefik pod (autohttps) in front of the proxy gets its certificates from an ACME server."""
    MANUAL = "manual"
    """The proxy ends TLS with the key and certificate from the values."""
    SECRET = "secret"
    """The proxy ends TLS with the key and certificate of a Secret that the users bring."""
    OFFLOAD = "offload"
    """A load balancer ends TLS and sends plain HTTP to the Service's port 443."""
    NONE = "none"
    """Plain HTTP here; an Ingress or a Gateway in front may still end TLS."""

    @property
    def in_proxy(self) -> bool:
        """Whether the proxy's own container ends TLS."""
        return self in (HttpsKind.MANUAL, HttpsKind.SECRET)

    @property
    def enabled(self) -> bool:
        """Whether the Service proxy-public has a port 443."""
        return self is not HttpsKind.NONE


def https_kind(values: ChartValues) -> HttpsKind:
    """The kind of HTTPS that takes effect; ``letsencrypt`` without hosts is plain HTTP, as in the chart."""
    https = values.proxy.https
    if not https.enabled or not https.type:
        return HttpsKind.NONE
    kind = HttpsKind(https.type)
    if kind is HttpsKind.LETSENCRYPT and not https.hosts:
        return HttpsKind.NONE
    return kind


def https_problems(values: ChartValues) -> list[Problem]:
    """What is missing for the chosen kind of HTTPS, one problem for each setting; empty when all is there."""
    https = values.proxy.https
    match https_kind(values):
        case HttpsKind.LETSENCRYPT:
            required = {"letsencrypt.contactEmail": (https.letsencrypt.contact_email, "an e-mail address")}
        case HttpsKind.MANUAL:
            required = {
                "manual.cert": (https.manual.cert, "a PEM certificate chain"),
                "manual.key": (https.manual.key, "its PEM private key"),
            }
        case _:
            required = {}
    return [
        Problem("", f"proxy.https.{setting}", f"required while proxy.https.type is '{https.type}'; set it to {wanted}")
        for setting, (value, wanted) in required.items()
        if not value
    ]


def require_https(values: ChartValues) -> HttpsKind:
    """The kind of HTTPS, checked.

    Raises:
        SettingsError: settings that this kind needs are missing; names all of them.
    """
    if problems := https_problems(values):
        raise SettingsError(problems)
    return https_kind(values)
