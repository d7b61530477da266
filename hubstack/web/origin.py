"""Which server a URL means, and where an answer may lead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

from hubstack.errors import HubstackError

PORTS = {"http": 80, "https": 443}
REDIRECTS = frozenset({301, 302, 303, 307, 308})
SAME_METHOD = frozenset({307, 308})
"""Redirects after which a request that is no question is sent again as it was (RFC 9110, 15.4)."""
QUESTIONS = frozenset({"GET", "HEAD"})
HARMLESS = frozenset(
    {"accept", "accept-language", "content-type", "if-range", "range", "user-agent", "x-github-api-version"}
)
"""Headers that tell nothing about who asks. Any other one counts as a credential."""


class NoAnswer(HubstackError):
    """There is no answer, or none that may be used; the text is the reason alone, without the URL.

    Arguments:
        reason: what went wrong; what stands in it of a server's is as the server wrote it.
        again: whether another try may help.
    """

    def __init__(self, reason: str, *, again: bool = False) -> None:
        super().__init__(reason)
        self.again = again


@dataclass(frozen=True)
class Origin:
    """Scheme, host and port: what a credential is given for (RFC 6454)."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}" + ("" if self.port == PORTS[self.scheme] else f":{self.port}")


def shown(url: str) -> str:
    """A URL for messages: without user name, password and query, each of which may be a secret."""
    return re.sub(r"(?<=://)[^/?#]*@", "", url).partition("?")[0]


def origin(url: str) -> Origin:
    """The origin of a URL, as the connection will be made.

    Raises:
        NoAnswer: it is no URL of a web server, or it has a name and a password in it, which would end up in logs.
    """
    # the parser that the connection is made by: no second one can be led to see another host
    from urllib3.exceptions import LocationParseError
    from urllib3.util import parse_url

    try:
        parts = parse_url(url)
    except (LocationParseError, ValueError):
        raise NoAnswer("is no URL") from None
    if parts.scheme not in PORTS or not parts.host:
        raise NoAnswer("is no URL that begins with http:// or https:// and names a host")
    if parts.auth is not None:
        raise NoAnswer("has a user name or a password in it; a URL is shown in logs, so neither belongs there")
    return Origin(parts.scheme, parts.host.rstrip(".").lower(), parts.port or PORTS[parts.scheme])


def tied(url: str, headers: Mapping[str, str], *, has_body: bool, has_own_tls: bool) -> str:
    """What of a request is meant for its own server alone, in words; empty where nothing is.

    Arguments:
        url: where it goes; a query may hold a token.
        headers: of the request.
        has_body: whether it carries something.
        has_own_tls: whether it trusts an authority or shows a certificate of its own.
    """
    if names := sorted(name for name in headers if name.lower() not in HARMLESS):
        return f"the header {', '.join(names)}"
    if "?" in url:
        return "the query"
    return "the body" if has_body else "the TLS settings" if has_own_tls else ""


def following(method: str, url: str, status: int, location: str, meant: str) -> str:
    """Where a redirect leads, if it may be followed.

    Arguments:
        method, url: the request.
        status, location: the answer.
        meant: what `tied` says of the first request.

    Raises:
        NoAnswer: it leads from https to http, or to another origin with something that is not for it, or a request that
            changes something is to become another one.
    """
    target = urljoin(url, location)
    here, there = origin(url), origin(target)
    if here != there and meant:
        raise NoAnswer(
            f"{here} sends the request on to {there}, and {meant} is for {here} alone; nothing was sent there. Give "
            "the address that answers itself, if you trust it"
        )
    if here.scheme == "https" and there.scheme == "http":
        raise NoAnswer(f"{here} sends the request on to {there}, which is not encrypted; nothing was sent there")
    if method not in QUESTIONS and status not in SAME_METHOD:
        raise NoAnswer(f"{here} answers {status} to {method} and names {there}, where it would become another request")
    return target
