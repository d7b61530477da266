"""Keys, certificates and kubeconfig files of one embedded cluster.

Three authorities: one for the cluster, one for etcd and one for the aggregation of APIs, so that a certificate which
the cluster signs for somebody neither opens the database nor lets its owner speak for others. Elliptic keys, because
making an RSA key takes longer than all of the rest together.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubstack.cluster.process import write_atomically

CONTEXT = "hubstack-sim"
"""Name of the context, and of the cluster and user, in the kubeconfig."""
KUBERNETES_SERVICE_IP = "10.96.0.1"
"""First address of the Service range: the `kubernetes` Service."""
ADVERTISED_IP = "192.0.2.1"
"""Address that the endpoint of the `kubernetes` Service shows: a loopback address is refused there, so it is one of the
documentation range (RFC 5737), which nothing real ever uses."""
FRONT_PROXY = "front-proxy"
"""Common name of the client that may pass requests on for other users."""
_SERVER_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
_VALID_DAYS = 3650
"""Ten years: the cluster is thrown away long before, and never offers its certificates to the outside."""

_CLIENTS: dict[str, tuple[str, str | None]] = {
    "admin": ("hubstack-admin", "system:masters"),
    "kube-controller-manager": ("system:kube-controller-manager", None),
    "kube-scheduler": ("system:kube-scheduler", None),
    "cloud": ("hubstack:cloud", None),
}
"""Client certificates that every cluster has: file name -> user name and group."""


@dataclass(frozen=True)
class Names:
    """Who a cluster's certificates are for."""

    context: str
    """Name of the context, and of the cluster and user, in the kubeconfig."""
    addresses: tuple[str, ...]
    """Addresses of the API server beside 127.0.0.1."""
    clients: Mapping[str, tuple[str, str | None]]
    """Further client certificates: file name -> user name and group."""


SIM = Names(CONTEXT, (KUBERNETES_SERVICE_IP, ADVERTISED_IP), {"kwok": ("hubstack:kwok", None)})
"""The embedded cluster with simulated nodes."""


def ensure_pki(folder: Path, names: Names = SIM) -> None:
    """Make all keys and certificates if they are not there yet; the folder appears complete or not at all."""
    if folder.exists():
        return
    draft = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)  # left by somebody who was killed here
    draft.mkdir(mode=0o700, parents=True)
    _make(draft, names)
    draft.replace(folder)


def _make(folder: Path, names: Names) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    now = datetime.datetime.now(datetime.UTC)

    def save(name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate | None) -> None:
        pem = serialization.Encoding.PEM
        private = key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
        descriptor = os.open(folder / f"{name}.key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(private)
        if certificate is not None:
            (folder / f"{name}.crt").write_bytes(certificate.public_bytes(pem))

    def sign(
        name: str,
        common_name: str,
        issuer: tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None,
        *,
        group: str | None = None,
        hosts: tuple[str, ...] = (),
        client: bool = True,
    ) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
        if group:
            attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
        subject = x509.Name(attributes)
        authority = issuer is None
        signer_key, issuer_name = (key, subject) if issuer is None else (issuer[0], issuer[1].subject)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))  # a clock may be set back a little
            .not_valid_after(now + datetime.timedelta(days=_VALID_DAYS))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True,
                    key_cert_sign=authority,
                    crl_sign=authority,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer_key.public_key()), critical=False)
        )
        if not authority:
            usages = [ExtendedKeyUsageOID.CLIENT_AUTH] if client else []
            usages += [ExtendedKeyUsageOID.SERVER_AUTH] if hosts else []
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        if hosts:
            alternatives = x509.SubjectAlternativeName([_general_name(x509, host) for host in hosts])
            builder = builder.add_extension(alternatives, critical=False)
        certificate = builder.sign(signer_key, hashes.SHA256())
        save(name, key, certificate)
        return key, certificate

    local = ("127.0.0.1", "localhost")
    cluster = sign("ca", f"{names.context}-ca", None)
    store = sign("etcd-ca", f"{names.context}-etcd-ca", None)
    # etcd's own gateway dials its own port with the serving certificate: it needs both usages
    sign("etcd", "etcd", store, hosts=local)
    sign("etcd-client", "kube-apiserver", store)
    api_hosts = (*_SERVER_NAMES, "kubernetes.default.svc.cluster.local", "127.0.0.1", *names.addresses)
    sign("apiserver", "kube-apiserver", cluster, hosts=api_hosts, client=False)
    # requests that the API server passes on to an aggregated API; its authority signs nothing else
    front = sign("front-proxy-ca", f"{names.context}-front-proxy-ca", None)
    sign("front-proxy", FRONT_PROXY, front)
    sign("component", f"{names.context}-component", cluster, hosts=local, client=False)
    for name, (user, group) in {**_CLIENTS, **names.clients}.items():
        sign(name, user, cluster, group=group)
    save("service-account", ec.generate_private_key(ec.SECP256R1()), None)


def _general_name(x509: Any, host: str) -> Any:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def write_kubeconfig(path: Path, server: str, pki: Path, client: str, context: str = CONTEXT) -> None:
    """Write a kubeconfig with everything embedded, unless the file already says the same.

    Arguments:
        path: the file.
        server: URL of the API server.
        pki: folder made by `ensure_pki`.
        client: name of the client certificate in that folder.
        context: name of the context.
    """
    import yaml

    def data(name: str) -> str:
        return base64.b64encode((pki / name).read_bytes()).decode()

    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": context, "cluster": {"server": server, "certificate-authority-data": data("ca.crt")}}],
        "users": [
            {
                "name": context,
                "user": {
                    "client-certificate-data": data(f"{client}.crt"),
                    "client-key-data": data(f"{client}.key"),
                },
            }
        ],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context, "namespace": "default"}}],
        "current-context": context,
    }
    text = yaml.safe_dump(config, sort_keys=False)
    if not path.exists() or path.read_text() != text:
        write_atomically(path, text)
