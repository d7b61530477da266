"""Gates that ask a URL of the hub."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping

from hubstack.fleet.gate_settings import HubHealth, ProxyRoute
from hubstack.fleet.gates.target import Shut, Target

VERSION = "X-JupyterHub-Version"
"""Header of every answer of a hub; a proxy's own error pages lack it."""


def get(
    url: str,
    timeout: float,
    *,
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
    data: bytes | None = None,
) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers in lower case and body of an answer, whatever its status.

    Raises:
        Shut: no answer.
    """
    request = urllib.request.Request(url, data=data, headers=dict(headers or {}), method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, _lower(answer.headers.items()), answer.read(1 << 20)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _lower(error.headers.items()), error.read(1 << 20)
    except (OSError, http.client.HTTPException) as error:
        raise Shut(f"{_plain(url)}: no answer: {getattr(error, 'reason', None) or error}") from None


def hub_health(gate: HubHealth, target: Target) -> str:
    """The hub's health endpoint answers 200. Raises Shut."""
    url = target.address(gate.url) + gate.path.lstrip("/")
    status, _, _ = get(url, gate.timeout)
    if status != 200:
        raise Shut(f"{url}: answers {status}, not 200")
    return f"{url} answers 200"


def proxy_route(gate: ProxyRoute, target: Target) -> str:
    """The proxy's public address leads to a hub. Raises Shut."""
    url = target.address(gate.url) + gate.path.lstrip("/")
    status, headers, _ = get(url, gate.timeout)
    if status >= 500 or status == 404:
        raise Shut(f"{url}: answers {status}")
    version = headers.get(VERSION.lower())
    if not version:
        raise Shut(f"{url}: answers {status} without the header {VERSION}: no hub is behind it")
    return f"{url} is answered by hub {version}"


def _lower(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}


def _plain(url: str) -> str:
    return url.partition("?")[0]
