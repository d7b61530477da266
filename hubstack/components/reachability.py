"""A look at the cluster before anything is registered, so that an unreachable one costs seconds and one clear line."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pulumi

from hubstack import credentials, reading
from hubstack.deadline import within

_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
"""Where a proxy is in the way, only the provider knows how to reach the API server."""

TIMEOUT_SECONDS = 5
"""How long to wait for the API server to accept a connection."""


def check(kubeconfig: str, context: str) -> None:
    """Make sure that the context exists and that its API server accepts connections.

    Raises:
        pulumi.RunError: no kubeconfig, no such context, or no answer; names the context and the server.
    """
    cluster = _cluster(Path(kubeconfig), context)
    if cluster.get("proxy-url") or any(os.environ.get(name) for name in _PROXIES):
        return
    server = str(cluster.get("server") or "")
    address = urlsplit(server)
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        # the look-up of the name has no time limit of its own
        within(
            TIMEOUT_SECONDS, lambda: socket.create_connection((address.hostname or "", port), TIMEOUT_SECONDS).close()
        )
    except OSError as error:
        raise pulumi.RunError(
            f"hubstack:kubeContext: {context!r}: its API server {server} cannot be reached: {error.strerror or error}; "
            "check that the cluster runs and that this machine's network reaches it. Nothing was changed."
        ) from None


def require_credentials(kubeconfig: str, context: str) -> None:
    """Make sure that the kubeconfig gives credentials: the engine's provider waits for them without a limit.

    Raises:
        pulumi.RunError: it gives none.
    """
    try:
        credentials.log_in(Path(kubeconfig), context)
    except credentials.CredentialsError as error:
        raise pulumi.RunError(f"{error}. Nothing was changed.") from None


def _cluster(kubeconfig: Path, context: str) -> dict[str, Any]:
    try:
        document: Any = reading.yaml_file(kubeconfig)
    except reading.Unreadable as error:
        raise pulumi.RunError(
            f"hubstack:kubeconfig: {str(kubeconfig)!r}: {error.message}; "
            "set hubstack:kubeconfig or KUBECONFIG to a kubeconfig file"
        ) from None
    document = document if isinstance(document, dict) else {}
    contexts = {entry["name"]: entry["context"]["cluster"] for entry in document.get("contexts") or []}
    clusters = {entry["name"]: entry["cluster"] for entry in document.get("clusters") or []}
    if context not in contexts:
        raise pulumi.RunError(
            f"hubstack:kubeContext: {context!r}: no such context in {kubeconfig}; "
            f"known contexts: {', '.join(sorted(contexts)) or 'none'}"
        )
    return clusters.get(contexts[context]) or {}
