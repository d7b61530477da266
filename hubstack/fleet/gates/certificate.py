"""The certificate that people's browsers will see."""

from __future__ import annotations

import socket
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

from hubstack.deadline import within
from hubstack.fleet.duration import written
from hubstack.fleet.gate_settings import Certificate
from hubstack.fleet.gates.target import Shut, Target


def certificate(gate: Certificate, target: Target) -> str:
    """The served certificate is trusted, names the host, comes from the wanted issuer and lasts long enough.

    Raises:
        Shut: it does not.
    """
    address = urlsplit(target.address(gate.url))
    if address.scheme != "https" or not address.hostname:
        raise Shut(f"{address.geturl()}: is not https, so there is no certificate")
    context = ssl.create_default_context(cafile=gate.ca_file)
    host, port = address.hostname, address.port or 443
    try:
        found = within(gate.timeout, lambda: _shown(context, host, port, gate.timeout))
    except ssl.SSLCertVerificationError as error:
        raise Shut(f"{address.hostname}: its certificate is not trusted: {error.verify_message}") from None
    except OSError as error:
        raise Shut(f"{address.hostname}: no TLS connection: {error}") from None
    issuer = ", ".join(value for part in found.get("issuer", ()) for key, value in part if key != "countryName")
    if gate.issuer and gate.issuer.lower() not in issuer.lower():
        raise Shut(f"{address.hostname}: its certificate is by {issuer!r}, not by {gate.issuer!r}")
    left = ssl.cert_time_to_seconds(found["notAfter"]) - time.time()
    if left < gate.valid_for:
        raise Shut(
            f"{address.hostname}: its certificate ends in {written(max(left, 0))}; wanted: {written(gate.valid_for)}"
        )
    return f"certificate by {issuer}, valid for {written(left)}"


def _shown(context: ssl.SSLContext, host: str, port: int, seconds: float) -> dict[str, Any]:
    with (
        socket.create_connection((host, port), seconds) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        found: Any = connection.getpeercert()
        return found or {}
