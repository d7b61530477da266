"""What a person's browser does: follows redirects, keeps cookies, fills in forms."""

from __future__ import annotations

import http.client
import http.cookiejar
import json
import socket
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Page:
    """An answer, after all redirects."""

    status: int
    url: str
    """Path of the page that was reached, with its query."""
    text: str

    def json(self) -> Any:
        """The answer's content as data."""
        return json.loads(self.text)


class Browser:
    """A session of its own with the hub, through its proxy."""

    def __init__(self, door: Path) -> None:
        """Arguments:
        door: unix socket that leads to the proxy's public port.
        """
        self._jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            _UnixHandler(door), urllib.request.HTTPCookieProcessor(self._jar), urllib.request.ProxyHandler({})
        )

    def get(self, path: str) -> Page:
        """Open a page."""
        return self._open("GET", path, None, {})

    def submit(self, path: str, **fields: str) -> Page:
        """Send a form; its anti-forgery field is filled in from the cookie, as the page's own is."""
        form = urllib.parse.urlencode({**fields, "_xsrf": self._xsrf()})
        return self._open("POST", path, form.encode(), {"Content-Type": "application/x-www-form-urlencoded"})

    def api(self, method: str, path: str, body: Any = None) -> Page:
        """A request to the hub's API, as the hub's own pages send it."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "X-XSRFToken": self._xsrf()}
        return self._open(method, f"/hub/api{path}", data, headers)

    def login(self, name: str, password: str) -> Page:
        """Fill in the login form."""
        self.get("/hub/login")
        return self.submit("/hub/login", username=name, password=password)

    def _xsrf(self) -> str:
        return next((each.value or "" for each in self._jar if each.name == "_xsrf" and each.path == "/hub/"), "")

    def _open(self, method: str, path: str, data: bytes | None, headers: dict[str, str]) -> Page:
        request = urllib.request.Request(f"http://hub.localhost{path}", data, headers, method=method)
        try:
            answer = self._opener.open(request, timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            reached = urllib.parse.urlsplit(answer.geturl())
            text = answer.read().decode(errors="replace")
            return Page(answer.status, reached.path + (f"?{reached.query}" if reached.query else ""), text)


class _UnixHandler(urllib.request.HTTPHandler):
    def __init__(self, door: Path) -> None:
        super().__init__()
        self._door = door

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        def connection(host: str, **options: Any) -> http.client.HTTPConnection:
            return _UnixConnection(self._door, host, **options)

        return self.do_open(connection, req)  # type: ignore[arg-type]


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, door: Path, host: str, **options: Any) -> None:
        super().__init__(host, **options)
        self._door = door

    def connect(self) -> None:
        """Connect to the door, whatever the host."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._door))
