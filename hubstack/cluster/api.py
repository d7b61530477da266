"""A tiny client of the Kubernetes API of an embedded cluster.

The official client package costs seconds of import time, more than starting the API server does.
"""

from __future__ import annotations

import contextlib
import json
import ssl
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hubstack import web

Object = dict[str, Any]
"""A Kubernetes object as it is on the wire."""

MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
LONGEST_ANSWER = 1 << 28
"""Bytes; a list of everything in a large fleet's cluster stays far below."""
FIELD_MANAGER = "hubstack-sim"
"""Owner of the fields that `ApiClient.apply` sets."""


class ApiError(Exception):
    """The API server answered with an error."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        self.status = status
        """HTTP status code."""
        self.reason = reason
        """Kubernetes' word for it, such as ``AlreadyExists``; may be empty."""
        super().__init__(f"{status} {reason}: {message}")


class ApiClient:
    """Requests to one API server, each over a connection of its own; threads may share a client."""

    def __init__(
        self,
        server: str,
        ca: Path,
        certificate: Path | None = None,
        *,
        token: str | None = None,
        timeout: float = 10.0,
    ) -> None:
        """Arguments:
        server: ``https://HOST:PORT``.
        ca: the authority that the server's certificate must come from.
        certificate: client certificate; its key lies beside it, with the ending ``.key``.
        token: bearer token, the other way to say who one is.
        timeout: seconds for one request.
        """
        url = urllib.parse.urlsplit(server)
        if url.scheme != "https" or not url.hostname:
            raise ValueError(f"the server must be an https URL, not {server!r}")
        self._server = f"https://{url.netloc}"
        self._tls = ssl.create_default_context(cafile=str(ca))
        if certificate is not None:
            self._tls.load_cert_chain(certificate, certificate.with_suffix(".key"))
        self._timeout = timeout
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def raw(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> bytes:
        """One request, the answer as it came.

        Raises:
            ApiError: the server refused.
            OSError: the server could not be reached, or its certificate is not of the authority.
        """
        with self._sent(method, path, body, content_type, self._timeout) as stream:
            return stream.body(LONGEST_ANSWER)

    def request(
        self, method: str, path: str, body: Object | None = None, content_type: str = "application/json"
    ) -> Object:
        """One request, the answer as an object; errors as for `raw`."""
        answer: Object = json.loads(self.raw(method, path, body, content_type))
        return answer

    def get(self, path: str) -> Object:
        """GET an object or a list."""
        return self.request("GET", path)

    def find(self, path: str) -> Object | None:
        """GET an object, or None if it does not exist."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def apply(self, path: str, body: Object) -> Object:
        """Server-side apply: make the object at `path` what `body` says, created if it is missing."""
        return self.request("PATCH", f"{path}?fieldManager={FIELD_MANAGER}&force=true", body, APPLY_PATCH)

    def merge(self, path: str, body: Object) -> Object:
        """Merge patch of an existing object."""
        return self.request("PATCH", path, body, MERGE_PATCH)

    def watch(self, path: str, version: str, seconds: int = 240) -> Iterator[tuple[str, Object]]:
        """Changes of a list after a resource version: (``ADDED``, ``MODIFIED`` or ``DELETED``, object).

        Ends after `seconds`; then list again and go on. Errors as for `raw`.
        """
        query = f"{path}?watch=true&allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds={seconds}"
        with self._sent("GET", query, None, "application/json", seconds + 30) as stream:
            for line in _lines(stream.chunks()):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    status = event["object"]
                    raise ApiError(status.get("code", 0), status.get("reason", ""), status.get("message", ""))
                if event["type"] != "BOOKMARK":
                    yield event["type"], event["object"]

    @contextlib.contextmanager
    def _sent(
        self, method: str, path: str, body: Object | None, content_type: str, seconds: float
    ) -> Iterator[web.Stream]:
        headers = {**self._headers, "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = content_type
        data = None if body is None else json.dumps(body).encode()
        try:
            with web.opened(
                method,
                f"{self._server}{path}",
                seconds=seconds,
                headers=headers,
                body=data,
                tls=web.Tls(self._tls),
                proxied=False,
                follow=False,
            ) as stream:
                if stream.status >= 300:
                    raise _refusal(stream)
                yield stream
        except web.NoAnswer as error:
            raise ConnectionError(str(error)) from None


def _refusal(stream: web.Stream) -> ApiError:
    text = stream.body().decode(errors="replace")
    try:
        status = json.loads(text)
        return ApiError(stream.status, status.get("reason", ""), status.get("message", ""))
    except (ValueError, AttributeError):
        return ApiError(stream.status, "", text[:5000].strip())


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Lines of a body as soon as they are there."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    if rest:
        yield rest
