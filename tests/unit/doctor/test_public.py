"""Checks of public names and certificates."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hubstack.doctor import checks_public, outside
from hubstack.doctor.outside import Certificate, Unknown
from tests.unit.doctor.fake import CORE, subject, texts

HOST = "hub.example.org"
ACME = {
    "proxy": {"https": {"enabled": True, "hosts": [HOST], "letsencrypt": {"contactEmail": "jo@example.org"}}},
}
INGRESS = {
    "ingress": {"enabled": True, "hosts": [HOST, "*.example.org"], "tls": [{"hosts": [HOST], "secretName": "tls"}]}
}
SERVICE = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}}


def unknown(_: str) -> Any:
    """What an offline machine sees."""
    raise Unknown("no name server")


def dns(values: Any, lookup: Callable[[str], list[str] | None], **objects: Any) -> list[tuple[str, str]]:
    """What the check says with such a name server."""
    return texts(list(checks_public.dns(subject(values, objects=objects), lookup)))


def shown(certificate: Certificate) -> list[tuple[str, str]]:
    """What the check says where the host shows this."""
    return texts(list(checks_public.certificate(subject(ACME), lambda _: certificate)))


def pem(days: float, keyfile: Path | None = None) -> str:
    """A certificate that ends so many days from now; its key goes to a file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(days=90))
    signed = builder.not_valid_after(now + timedelta(days=days)).sign(key, hashes.SHA256())
    if keyfile:
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        keyfile.write_bytes(key.private_bytes(*form))
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def test_names_that_lead_here_are_silence() -> None:
    """Also for a hub without a public name; wildcards are passed over."""
    service = {f"{CORE}/services/proxy-public": SERVICE}
    assert dns(ACME, lambda _: ["192.0.2.7"], **service) == []
    assert dns(ACME, lambda _: ["192.0.2.7"]) == []
    assert dns({}, unknown) == []
    assert dns(INGRESS, lambda _: ["192.0.2.7"]) == []


def test_names_that_lead_nowhere_or_elsewhere() -> None:
    """No such name is a warning, another address and an offline machine are notes."""
    service = {f"{CORE}/services/proxy-public": SERVICE}
    assert dns(ACME, lambda _: None) == [("warning", f"proxy.https.hosts: {HOST}: there is no such name")]
    assert dns(ACME, lambda _: ["198.51.100.1"], **service) == [
        ("note", f"proxy.https.hosts: {HOST} is 198.51.100.1, the hub's way in is 192.0.2.7")
    ]
    assert dns(INGRESS, unknown) == [("note", f"ingress.hosts: {HOST}: cannot be looked up from here: no name server")]


@pytest.mark.parametrize(
    ("found", "severity"),
    [
        (Certificate("CN=R3", (HOST,), datetime.now(UTC) + timedelta(days=60)), None),
        (Certificate("CN=R3", (HOST,), datetime.now(UTC) + timedelta(days=13)), "warning"),
        (Certificate("CN=R3", (HOST,), datetime.now(UTC) - timedelta(days=1), "certificate has expired"), "error"),
        (Certificate("CN=TRAEFIK DEFAULT CERT", (), datetime.now(UTC) + timedelta(days=60), "self-signed"), "error"),
        (Certificate("CN=(STAGING) Fake", (HOST,), datetime.now(UTC) + timedelta(days=60), "unknown"), "error"),
        (Certificate("CN=R3", ("other",), datetime.now(UTC) + timedelta(days=60), "Hostname mismatch"), "error"),
    ],
)
def test_served_certificates(found: Certificate, severity: str | None) -> None:
    """Valid for long is silence; ending, ended, stand-ins and refused ones are not."""
    assert [each for each, _ in shown(found)] == ([severity] if severity else [])


def test_a_host_that_cannot_be_reached_is_a_note() -> None:
    """And one without HTTPS is not asked at all."""
    found = checks_public.certificate(subject(ACME), unknown)
    assert [each for each, _ in texts(list(found))] == ["note"]
    plain = {"ingress": {"enabled": True, "hosts": [HOST]}}
    assert list(checks_public.certificate(subject(plain), unknown)) == []


def test_configured_certificates() -> None:
    """Those in the values are read, those in a Secret must be there."""
    for days, severity in ((60, []), (5, ["warning"]), (-1, ["error"])):
        manual = {"key": "KEY", "cert": pem(days)}
        values = {"proxy": {"https": {"enabled": True, "type": "manual", "manual": manual}}}
        assert [each for each, _ in texts(list(checks_public.certificate(subject(values))))] == severity
    values = {"proxy": {"https": {"enabled": True, "type": "secret", "secret": {"name": "mine"}}}}
    assert [each for each, _ in texts(list(checks_public.certificate(subject(values))))] == ["error"]
    assert [each for each, _ in texts(list(checks_public.certificate(subject(INGRESS), unknown)))] == ["note", "note"]


@pytest.mark.parametrize(("code", "expected"), [(socket.EAI_NONAME, None), (socket.EAI_AGAIN, Unknown)])
def test_an_offline_machine_is_told_from_a_missing_name(
    monkeypatch: pytest.MonkeyPatch, code: int, expected: type[Exception] | None
) -> None:
    """Only a name server's word makes a name missing."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(code, "said so")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    if expected:
        with pytest.raises(expected):
            outside.resolve(HOST)
    else:
        assert outside.resolve(HOST) is None


def test_a_certificate_is_read_from_a_real_handshake(tmp_path: Path) -> None:
    """One that is not trusted is read all the same, with the reason why it is not; a silent host is unknown."""
    (tmp_path / "cert").write_text(pem(30, tmp_path / "key"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for _ in range(2):
                with contextlib.suppress(OSError):
                    context.wrap_socket(listening.accept()[0], server_side=True).close()

        thread = threading.Thread(target=serve)
        thread.start()
        port = listening.getsockname()[1]
        found = outside.served("127.0.0.1", port)
        thread.join()
    assert (found.issuer, found.names) == ("CN=test", ())
    assert "self-signed" in found.problem or "self signed" in found.problem
    with pytest.raises(Unknown):
        outside.served("127.0.0.1", port)
