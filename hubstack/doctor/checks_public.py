"""Do people reach the hub by its name, with a certificate that browsers accept?"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from hubstack.chart.https import HttpsKind, https_kind
from hubstack.doctor.finding import Finding, error, note, some, warning
from hubstack.doctor.outside import Certificate, Unknown, parse, resolve, served
from hubstack.doctor.subject import Subject

SOON = timedelta(days=14)
"""A certificate that ends sooner should have been renewed by now."""


def public_hosts(subject: Subject) -> dict[str, str]:
    """Each host of the hub, without wildcards, and the setting that names it."""
    release = subject.release
    values = release.values
    named: list[tuple[str, Any]] = []
    if https_kind(values).enabled:
        named.append(("proxy.https.hosts", values.proxy.https.hosts))
    if values.ingress.enabled:
        named.append(("ingress.hosts", values.ingress.hosts))
    if values.http_route.enabled:
        named.append(("httpRoute.hostnames", values.http_route.hostnames))
    found: dict[str, str] = {}
    for setting, hosts in named:
        for host in hosts or []:
            if host and "*" not in str(host):
                found.setdefault(str(host), setting)
    return found


def dns(subject: Subject, lookup: Callable[[str], list[str] | None] = resolve) -> Iterator[Finding]:
    """Each public host has an address, and it is the one of the hub's way in."""
    expected = None
    for host, setting in public_hosts(subject).items():
        try:
            addresses = lookup(host)
        except Unknown as reason:
            yield note(
                f"{setting}: {host}: cannot be looked up from here: {reason}",
                "whether people reach the hub by this name is unknown",
                "run the doctor where names of the internet are resolved",
            )
            continue
        if addresses is None:
            acme = https_kind(subject.release.values) is HttpsKind.LETSENCRYPT and setting == "proxy.https.hosts"
            yield warning(
                f"{setting}: {host}: there is no such name",
                "nobody reaches the hub by it"
                + (", and Let's Encrypt gives no certificate: autohttps tries until it is blocked" if acme else ""),
                "make a DNS record that points to the load balancer's address (see `kubectl get service "
                f"{subject.release.names.proxy_public}`)",
            )
            continue
        expected = _entrances(subject) if expected is None else expected
        if expected and not expected & set(addresses):
            yield note(
                f"{setting}: {host} is {some(addresses)}, the hub's way in is {some(sorted(expected))}",
                "with a proxy or a content network in front this is as it should be; else people reach something else",
                "if nothing is in front, point the DNS record to the hub's address",
            )


def certificate(subject: Subject, look: Callable[[str], Certificate] = served) -> Iterator[Finding]:
    """Each public host that is to have HTTPS shows a valid certificate, and configured ones are there."""
    values = subject.release.values
    kind = https_kind(values)
    yield from _configured(subject, kind)
    encrypted = kind.enabled or bool(values.ingress.enabled and values.ingress.tls)
    for host, setting in public_hosts(subject).items() if encrypted else ():
        try:
            found = look(host)
        except Unknown as reason:
            yield note(
                f"{setting}: {host}: its certificate cannot be seen from here: {reason}",
                "whether browsers accept it is unknown",
                "run the doctor again once the hub is deployed, where it can be reached",
            )
            continue
        yield from _judge(subject.now, f"{setting}: {host}", found)


def _configured(subject: Subject, kind: HttpsKind) -> Iterator[Finding]:
    """Certificates that the values hold or name."""
    https = subject.release.values.proxy.https
    pem, where = None, ""
    if kind is HttpsKind.MANUAL:
        pem, where = str(https.manual.cert), "proxy.https.manual.cert"
    elif kind is HttpsKind.SECRET and subject.reader is not None:
        name, key = str(https.secret.name), str(https.secret.crt)
        where = f"Secret {name}, {key}"
        secret = subject.cluster.find(subject.path("v1", "secrets", name))
        if secret is None or key not in (secret.get("data") or {}):
            yield error(
                f"proxy.https.secret.name: there is no {where} in namespace {subject.namespace}",
                "the proxy's pod does not start",
                "make the Secret with the certificate and its key, or correct its name",
            )
        else:
            pem = base64.b64decode(secret["data"][key]).decode(errors="replace")
    if pem is not None:
        try:
            yield from _judge(subject.now, where, parse(pem))
        except ValueError:
            yield error(f"{where}: is no certificate in PEM", "the proxy does not start", "give the whole PEM text")
    ingress = subject.release.values.ingress
    for entry in ingress.tls or [] if ingress.enabled and subject.reader is not None else ():
        wanted = entry.get("secretName") if isinstance(entry, Mapping) else None
        if wanted and subject.cluster.find(subject.path("v1", "secrets", wanted)) is None:
            yield note(
                f"ingress.tls: there is no Secret {wanted} in namespace {subject.namespace} yet",
                "until something such as cert-manager makes it, the controller shows a certificate of its own",
                "make sure that an issuer is set up for it (annotation cert-manager.io/cluster-issuer), or make it",
            )


def _judge(now: datetime, where: str, found: Certificate) -> Iterator[Finding]:
    left = found.ends - now
    by = f"issued by {found.issuer or 'nobody'}"
    if left <= timedelta(0):
        yield error(
            f"{where}: the certificate ended on {found.ends:%Y-%m-%d}, {by}",
            "browsers refuse to show the hub",
            "renew it; with Let's Encrypt look at the logs of autohttps and delete its pod once",
        )
    elif "TRAEFIK DEFAULT CERT" in found.issuer or "STAGING" in found.issuer.upper():
        yield error(
            f"{where}: the certificate is a stand-in, {by}",
            "browsers refuse to show the hub",
            "look at the logs of autohttps: the DNS name must point here and port 80 be open; then delete its pod once",
        )
    elif found.problem:
        yield error(
            f"{where}: browsers would not accept the certificate: {found.problem}, {by}",
            "people see a warning instead of the hub, unless their machines know this issuer",
            "use a certificate for this name from an issuer that browsers know, or hand the issuer's to the machines",
        )
    elif left < SOON:
        yield warning(
            f"{where}: the certificate ends on {found.ends:%Y-%m-%d}, in {left.days} days, {by}",
            "it should have been renewed by now; then browsers refuse to show the hub",
            "renew it; with Let's Encrypt look at the logs of autohttps or cert-manager",
        )


def _entrances(subject: Subject) -> set[str]:
    """IP addresses of the hub's way in, where the cluster knows them."""
    if subject.reader is None:
        return set()
    values = subject.release.values
    paths = [subject.path("v1", "services", subject.release.names.proxy_public)]
    paths += [
        subject.path("networking.k8s.io/v1", "ingresses", each["metadata"]["name"])
        for each in subject.of_kind("Ingress")
    ]
    if values.http_route.enabled:
        return set()  # the Gateway's address is another object's
    found: set[str] = set()
    for path in reversed(paths):
        status = ((subject.cluster.find(path) or {}).get("status") or {}).get("loadBalancer") or {}
        found = {each["ip"] for each in status.get("ingress") or [] if "ip" in each}
        if found:
            break
    return {each for each in found if ipaddress.ip_address(each)}
