"""What a person outside of the cluster sees: addresses of names, and certificates."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from datetime import datetime

from hubstack.deadline import within

TIMEOUT_SECONDS = 4
"""How long a name server or a host may take."""

NO_SUCH_NAME = tuple(
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY") if hasattr(socket, name)
)


class Unknown(Exception):
    """It cannot be seen from here; says why."""


@dataclass(frozen=True)
class Certificate:
    """What matters of a certificate."""

    issuer: str
    names: tuple[str, ...]
    ends: datetime
    problem: str = ""
    """Why a browser would not accept it, in the words of OpenSSL."""


def resolve(host: str) -> list[str] | None:
    """Addresses of a host; None where the name does not exist.

    Raises:
        Unknown: no name server answers.
    """
    try:
        answer = within(TIMEOUT_SECONDS, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
    except socket.gaierror as failure:
        if failure.errno in NO_SUCH_NAME:
            return None
        raise Unknown(str(failure.strerror or failure)) from None
    except (OSError, UnicodeError) as failure:
        raise Unknown(str(failure)) from None
    return sorted({str(each[4][0]) for each in answer})


def served(host: str, port: int = 443) -> Certificate:
    """The certificate that a host shows.

    Raises:
        Unknown: the host cannot be reached or does not speak TLS.
    """
    problem = ""
    context = ssl.create_default_context()
    try:
        within(TIMEOUT_SECONDS, lambda: _handshake(context, host, port))
    except ssl.SSLCertVerificationError as failure:
        problem = failure.verify_message or str(failure)
    except OSError as failure:
        raise Unknown(str(failure.strerror or failure)) from None
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        content = within(TIMEOUT_SECONDS, lambda: _handshake(context, host, port))
        return parse(ssl.DER_cert_to_PEM_cert(content), problem)
    except (OSError, ValueError) as failure:
        raise Unknown(str(failure)) from None


def parse(pem: str, problem: str = "") -> Certificate:
    """The first certificate of a PEM text. Raises ValueError."""
    from cryptography import x509

    found = x509.load_pem_x509_certificate(pem.encode())
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        hosts = tuple(names.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        hosts = ()
    return Certificate(found.issuer.rfc4514_string(), hosts, found.not_valid_after_utc, problem)


def _handshake(context: ssl.SSLContext, host: str, port: int) -> bytes:
    with (
        socket.create_connection((host, port), TIMEOUT_SECONDS) as connection,
        context.wrap_socket(connection, server_hostname=host) as encrypted,
    ):
        return encrypted.getpeercert(binary_form=True) or b""
