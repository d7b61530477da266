"""A tiny client of the Kubernetes API over the standard library.

The official client package costs seconds of import time, more than starting the API server does.
"""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Object = dict[str, Any]
"""A Kubernetes object as it is on the wire."""

MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
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
        self._host, self._port = url.hostname, url.port or 443
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
        connection = http.client.HTTPSConnection(self._host, self._port, context=self._tls, timeout=self._timeout)
        try:
            response = self._send(connection, method, path, body, content_type)
            return response.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"broken answer: {error!r}") from error
        finally:
            connection.close()

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
        connection = http.client.HTTPSConnection(self._host, self._port, context=self._tls, timeout=seconds + 30)
        try:
            response = self._send(connection, "GET", query, None, "application/json")
            while line := response.readline():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    status = event["object"]
                    raise ApiError(status.get("code", 0), status.get("reason", ""), status.get("message", ""))
                if event["type"] != "BOOKMARK":
                    yield event["type"], event["object"]
        except http.client.HTTPException as error:
            raise ConnectionError(f"broken answer: {error!r}") from error
        finally:
            connection.close()

    def _send(
        self, connection: http.client.HTTPSConnection, method: str, path: str, body: Object | None, content_type: str
    ) -> http.client.HTTPResponse:
        headers = {**self._headers, "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = content_type
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        if response.status >= 400:
            text = response.read().decode(errors="replace")
            try:
                status = json.loads(text)
                raise ApiError(response.status, status.get("reason", ""), status.get("message", ""))
            except (ValueError, AttributeError):
                raise ApiError(response.status, "", text[:5000].strip()) from None
        return response
