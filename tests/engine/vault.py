"""A stand-in for a key service: as much of Vault's transit engine as the driver ``hashivault`` asks for.

It listens on this machine alone, and its encryption hides nothing from anybody who knows it. It shows that the real
engine encrypts by the key service that a stack's file names, not that Vault is safe.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

TOKEN = "token-of-the-test"
PREFIX = "vault:v1:"


class Vault(ThreadingHTTPServer):
    """The server; it keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        """Operation and key of each request, such as ``encrypt team``."""


class _Handler(BaseHTTPRequestHandler):
    server: Vault

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_PUT(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        *_, operation, key = self.path.split("/")
        self.server.asked.append(f"{operation} {key}")
        is_known = self.headers["X-Vault-Token"] == TOKEN
        if not is_known:
            answer: dict[str, object] = {"errors": ["permission denied"]}
        elif operation == "encrypt":
            answer = {"data": {"ciphertext": PREFIX + _mixed(given["plaintext"])}}
        else:
            answer = {"data": {"plaintext": _mixed(given["ciphertext"].removeprefix(PREFIX))}}
        data = json.dumps(answer).encode()
        self.send_response(200 if is_known else 403)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_PUT


def _mixed(text: str) -> str:
    return base64.b64encode(bytes(each ^ 0x5A for each in base64.b64decode(text))).decode()


@contextlib.contextmanager
def running(patch: pytest.MonkeyPatch) -> Iterator[Vault]:
    """The stand-in, and the variables by which the engine finds it."""
    with Vault() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        patch.setenv("VAULT_SERVER_URL", f"http://127.0.0.1:{server.server_port}")
        patch.setenv("VAULT_SERVER_TOKEN", TOKEN)
        yield server
        server.shutdown()
