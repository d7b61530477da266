"""Requests to a web server."""

from __future__ import annotations

import contextlib
import http.client
import ssl
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from hubstack.web.origin import REDIRECTS, NoAnswer, following, origin, tied

if TYPE_CHECKING:
    import urllib3

    from hubstack.web.guard import Guard

MOST_REDIRECTS = 5
LONGEST_BODY = 1 << 20
"""Bytes of a body that is read as a whole, where nobody asks for another limit."""
_CHUNK = 1 << 18


@dataclass(frozen=True)
class Answer:
    """What a server answers, whatever its status is. Nothing of it is fit to be printed as it is."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True)
class Tls:
    """Another trust than the machine's, or a client certificate: for one server."""

    context: ssl.SSLContext
    name: str | None = None
    """Name that the server's certificate must have, where that is not the host's in the URL."""


class Stream:
    """An answer whose body is still to come."""

    def __init__(self, response: urllib3.BaseHTTPResponse, guard: Guard) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self._response = response
        self._guard = guard

    def chunks(self) -> Iterator[bytes]:
        """The body as it comes, to its very end.

        Raises:
            NoAnswer: the time is up, or the body breaks off.
        """
        while True:
            with _explained(self._guard, "the answer breaks off"):
                chunk: bytes = self._response.read1(_CHUNK, decode_content=False)
            if not chunk:
                return
            yield chunk

    def body(self, limit: int = LONGEST_BODY) -> bytes:
        """The whole body.

        Raises:
            NoAnswer: as for `chunks`, or it is longer than the limit.
        """
        found = bytearray()
        for chunk in self.chunks():
            found += chunk
            if len(found) > limit:
                raise NoAnswer(f"the answer is longer than {limit} bytes")
        return bytes(found)


def request(
    method: str,
    url: str,
    *,
    seconds: float,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    tls: Tls | None = None,
    proxied: bool = True,
    follow: bool = True,
    limit: int = LONGEST_BODY,
) -> Answer:
    """Send a request and read the whole answer, whatever its status is.

    Arguments:
        limit: bytes that the body may have.
        method, url, seconds, headers, body, tls, proxied, follow: as for `opened`.

    Raises:
        NoAnswer: as for `opened`, or the body breaks off or is too long.
    """
    with opened(
        method, url, seconds=seconds, headers=headers, body=body, tls=tls, proxied=proxied, follow=follow
    ) as stream:
        return Answer(stream.status, stream.headers, stream.body(limit))


@contextlib.contextmanager
def opened(
    method: str,
    url: str,
    *,
    seconds: float,
    silence: float | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    tls: Tls | None = None,
    proxied: bool = True,
    follow: bool = True,
) -> Iterator[Stream]:
    """Send a request; the body of the answer can be read until the context ends.

    A redirect is followed where the request has nothing that is for its server alone (no credential, query or body), or
    where it stays on that server; never from https to http.

    Arguments:
        method: ``GET`` or another.
        url: where to, without a user name in it.
        seconds: how long all of it may take: look-up, connection, TLS, headers, body, and every redirect.
        silence: how long the server may say nothing, where that is shorter.
        headers: of the request; all but a few harmless ones count as credentials.
        body: what the request carries.
        tls: another trust than the machine's, or a client certificate.
        proxied: whether to go through the proxy that the environment names.
        follow: whether to follow redirects at all; without, they are answers like others.

    Raises:
        NoAnswer: the server cannot be reached, takes too long, breaks off, or leads where the request must not go.
    """
    from hubstack.web.guard import Guard

    given = dict(headers or {})
    meant = tied(url, given, has_body=body is not None, has_own_tls=tls is not None)
    with Guard(seconds) as guard, contextlib.ExitStack() as stack:
        for _ in range(MOST_REDIRECTS + 1):
            response = _send(method, url, given, body, tls, guard, silence or seconds, proxied)
            stack.callback(response.close)
            location = response.headers.get("Location")
            if not follow or response.status not in REDIRECTS or not location:
                yield Stream(response, guard)
                return
            url = following(method, url, response.status, location, meant)
        raise NoAnswer(f"more than {MOST_REDIRECTS} redirects, the last one to {origin(url)}")


def _send(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    tls: Tls | None,
    guard: Guard,
    silence: float,
    proxied: bool,
) -> urllib3.BaseHTTPResponse:
    import urllib3

    where = origin(url)
    with _explained(guard, f"{where} breaks off before it has answered"):
        pools = _pools(where.scheme, where.host, tls, proxied)
        pool: Any = pools.connection_from_url(url)
        pool.guard = guard
        limit = min(silence, guard.left())
        return pools.urlopen(
            method,
            url,
            headers={"User-Agent": "hubstack", **headers},
            body=body,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
            timeout=urllib3.Timeout(connect=limit, read=limit),
        )


def goes_through_proxy(url: str) -> bool:
    """Whether the environment names a proxy for a URL.

    Raises:
        NoAnswer: it is no URL of a web server.
    """
    where = origin(url)
    return bool(_proxy(where.scheme, where.host))


def _proxy(scheme: str, host: str) -> str | None:
    found = urllib.request.getproxies().get(scheme)
    return None if urllib.request.proxy_bypass(host) else found


def _pools(scheme: str, host: str, tls: Tls | None, proxied: bool) -> urllib3.PoolManager:
    """Where connections are made: straight, or through the proxy that the environment names for this host."""
    import urllib3
    from urllib3.util import make_headers, parse_url

    from hubstack.web.guard import HttpPool, HttpsPool

    options: dict[str, Any] = {}
    if scheme == "https":
        # the trust of the standard library, as everything else on this machine has it
        options["ssl_context"] = tls.context if tls else ssl.create_default_context()
        if tls and tls.name:
            options |= {"server_hostname": tls.name, "assert_hostname": tls.name}
        if options["ssl_context"].verify_mode is ssl.CERT_NONE:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # somebody has asked for it
    pools: urllib3.PoolManager
    if proxied and (proxy := _proxy(scheme, host)):
        through = parse_url(proxy if "://" in proxy else f"http://{proxy}")
        if through.scheme not in ("http", "https"):
            raise NoAnswer(f"the proxy for {scheme} that the environment names is one of kind {through.scheme}")
        credentials = make_headers(proxy_basic_auth=unquote(through.auth)) if through.auth else {}
        pools = urllib3.ProxyManager(through._replace(auth=None).url, proxy_headers=credentials, **options)
    else:
        pools = urllib3.PoolManager(**options)
    pools.pool_classes_by_scheme = {"http": HttpPool, "https": HttpsPool}
    return pools


@contextlib.contextmanager
def _explained(guard: Guard, broken: str) -> Iterator[None]:
    """Says in our words what goes wrong in urllib3: its own have the whole URL in them, and headers that it refuses."""
    import urllib3

    late = NoAnswer(f"no complete answer within {guard.seconds:g} s", again=True)
    try:
        yield
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as error:
        raise (late if guard.is_over else _reason(error, broken)) from None
    if guard.is_over:
        raise late  # the connection was shut down under whoever read, and that can look like an answer's end


def _reason(error: Exception, broken: str) -> NoAnswer:
    from urllib3 import exceptions

    system = next((each for each in _causes(error) if isinstance(each, OSError)), None)
    if isinstance(error, exceptions.NameResolutionError):
        return NoAnswer(f"no address for this host: {getattr(system, 'strerror', None) or 'nobody knows it'}")
    if isinstance(error, exceptions.NewConnectionError | exceptions.ProxyError):
        return NoAnswer(getattr(system, "strerror", None) or "no connection")
    if isinstance(error, exceptions.TimeoutError | TimeoutError):
        return NoAnswer("the server says nothing for too long", again=True)
    if isinstance(error, exceptions.SSLError | ssl.SSLError):
        verified = next((each for each in _causes(error) if isinstance(each, ssl.SSLCertVerificationError)), None)
        return NoAnswer(f"no TLS connection: {verified.verify_message if verified else error}")
    if isinstance(error, exceptions.ProtocolError | http.client.HTTPException | ConnectionError):
        return NoAnswer(broken, again=True)
    if isinstance(error, ValueError):
        return NoAnswer("the URL or a header of the request has characters that HTTP does not allow")
    return NoAnswer(getattr(system, "strerror", None) or type(error).__name__)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and what it came from; urllib3 keeps some of that among the arguments."""
    while error is not None:
        yield error
        inner = next((each for each in error.args if isinstance(each, BaseException)), None)
        error = inner or error.__cause__ or error.__context__
