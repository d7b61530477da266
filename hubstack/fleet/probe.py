"""Whether a stack's cluster answers, asked before anything is touched."""

from __future__ import annotations

import base64
import os
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hubstack import reading, web
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
        timeout: seconds that connection and answer may take together.
    """
    try:
        cluster = _cluster(stack.kubeconfig_path, stack.context)
    except (reading.Unreadable, KeyError, TypeError):
        return f"no usable context {stack.context!r} in {stack.kubeconfig_path}"
    if cluster.get("proxy-url") or any(os.environ.get(name) for name in _PROXIES):
        return None
    server = str(cluster.get("server") or "")
    try:
        # without a credential: any answer will do
        answer = web.request(
            "GET",
            f"{server.rstrip('/')}/readyz",
            seconds=timeout,
            tls=_tls(server, cluster),
            proxied=False,
            follow=False,
        )
    except (web.NoAnswer, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error or "no answer"
        return f"API server {web.shown(server)} does not answer: {reason}"
    if answer.status == 429 or answer.status >= 500:
        return f"API server {web.shown(server)} answers {answer.status}"
    return None


def _tls(server: str, cluster: dict[str, Any]) -> web.Tls | None:
    """What the kubeconfig says about trusting the server."""
    if urlsplit(server).scheme != "https":
        return None
    context = ssl.create_default_context()
    if data := cluster.get("certificate-authority-data"):
        context.load_verify_locations(cadata=base64.b64decode(data).decode())
    elif file := cluster.get("certificate-authority"):
        context.load_verify_locations(cafile=file)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return web.Tls(context, cluster.get("tls-server-name"))


def _cluster(kubeconfig: Path, context: str) -> dict[str, Any]:
    document = reading.yaml_file(kubeconfig)
    contexts = {entry["name"]: entry["context"]["cluster"] for entry in document["contexts"]}
    clusters = {entry["name"]: entry["cluster"] for entry in document["clusters"]}
    found: dict[str, Any] = clusters[contexts[context]]
    return found
