"""Whether a stack's cluster answers, asked before anything is touched."""

from __future__ import annotations

import base64
import http.client
import os
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hubstack import reading
from hubstack.project.stacks import Stack

TIMEOUT_SECONDS = 5
"""How long to wait for the API server."""

_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


def unreachable(stack: Stack, timeout: float = TIMEOUT_SECONDS) -> str | None:
    """Why the stack's cluster cannot be deployed to now, or None.

    Any answer of the API server will do that is no sign of overload; whether we may do what we want is the engine's
    question. Behind a proxy only the provider knows the way, so nothing is asked.

    Arguments:
        stack: the stack.
        timeout: seconds to wait for a connection and for an answer.
    """
    try:
        cluster = _cluster(stack.kubeconfig_path, stack.context)
    except (reading.Unreadable, KeyError, TypeError):
        return f"no usable context {stack.context!r} in {stack.kubeconfig_path}"
    if cluster.get("proxy-url") or any(os.environ.get(name) for name in _PROXIES):
        return None
    server = str(cluster.get("server") or "")
    try:
        status = _status(server, cluster, timeout)
    except (OSError, http.client.HTTPException) as error:
        return f"API server {server} does not answer: {getattr(error, 'strerror', None) or error or 'no answer'}"
    return f"API server {server} answers {status}" if status == 429 or status >= 500 else None


def _status(server: str, cluster: dict[str, Any], timeout: float) -> int:
    address = urlsplit(server)
    connection: http.client.HTTPConnection
    if address.scheme == "https":
        context = ssl.create_default_context()
        if data := cluster.get("certificate-authority-data"):
            context.load_verify_locations(cadata=base64.b64decode(data).decode())
        elif file := cluster.get("certificate-authority"):
            context.load_verify_locations(cafile=file)
        if cluster.get("insecure-skip-tls-verify") or cluster.get("tls-server-name"):
            context.check_hostname = False
        if cluster.get("insecure-skip-tls-verify"):
            context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            address.hostname or "", address.port or 443, timeout=timeout, context=context
        )
    else:
        connection = http.client.HTTPConnection(address.hostname or "", address.port or 80, timeout=timeout)
    try:
        connection.request("GET", f"{address.path.rstrip('/')}/readyz")
        return connection.getresponse().status
    finally:
        connection.close()


def _cluster(kubeconfig: Path, context: str) -> dict[str, Any]:
    document = reading.yaml_file(kubeconfig)
    contexts = {entry["name"]: entry["context"]["cluster"] for entry in document["contexts"]}
    clusters = {entry["name"]: entry["cluster"] for entry in document["clusters"]}
    found: dict[str, Any] = clusters[contexts[context]]
    return found
