"""Gates that ask a URL of the hub."""

from __future__ import annotations

from collections.abc import Mapping

from hubstack import web
from hubstack.fleet.gate_settings import HubHealth, ProxyRoute
from hubstack.fleet.gates.target import Shut, Target

VERSION = "X-JupyterHub-Version"
"""Header of every answer of a hub; a proxy's own error pages lack it."""


def ask(
    url: str,
    timeout: float,
    *,
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
    data: bytes | None = None,
) -> web.Answer:
    """What a URL answers, whatever the status is.

    Raises:
        Shut: no answer, or half of one, or it leads where the headers must not go.
    """
    try:
        return web.request(method, url, seconds=timeout, headers=headers, body=data)
    except web.NoAnswer as error:
        raise Shut(f"{web.shown(url)}: no answer: {error}") from None


def hub_health(gate: HubHealth, target: Target) -> str:
    """The hub's health endpoint answers 200. Raises Shut."""
    url = target.address(gate.url) + gate.path.lstrip("/")
    status = ask(url, gate.timeout).status
    if status != 200:
        raise Shut(f"{web.shown(url)}: answers {status}, not 200")
    return f"{web.shown(url)} answers 200"


def proxy_route(gate: ProxyRoute, target: Target) -> str:
    """The proxy's public address leads to a hub. Raises Shut."""
    url = target.address(gate.url) + gate.path.lstrip("/")
    answer = ask(url, gate.timeout)
    if answer.status >= 500 or answer.status == 404:
        raise Shut(f"{web.shown(url)}: answers {answer.status}")
    version = answer.headers.get(VERSION.lower())
    if not version:
        raise Shut(f"{web.shown(url)}: answers {answer.status} without the header {VERSION}: no hub is behind it")
    return f"{web.shown(url)} is answered by hub {version}"
