"""Servers that misbehave on purpose, on addresses of this machine alone; they keep what reaches them."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.certificate import self_signed

Behaviour = Callable[[socket.socket, bytes], None]
"""What a server does with a connection on which a request has come."""
HERE, THERE = "127.0.0.1", "127.0.0.2"


class Server:
    """One listening socket; each connection is read up to the end of its headers and handed to the behaviour."""

    def __init__(self, behaviour: Behaviour, host: str, tls: ssl.SSLContext | None) -> None:
        self.behaviour = behaviour
        self.came: list[bytes] = []
        """The head of each request, and what came along with it."""
        self._tls = tls
        self._listening = socket.create_server((host, 0))
        self.host, self.port = host, self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is, without a slash at its end."""
        return f"http{'s' if self._tls else ''}://{self.host}:{self.port}"

    def close(self) -> None:
        """Listen no more."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # or the thread would wait on, for whatever gets this descriptor
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _handle(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    more = connection.recv(65536)
                    if not more:
                        return
                    head += more
                self.came.append(head)
                self.behaviour(connection, head)


@contextlib.contextmanager
def serve(behaviour: Behaviour, host: str = HERE, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server, until the context ends."""
    server = Server(behaviour, host, tls)
    try:
        yield server
    finally:
        server.close()


def answers(text: str | bytes) -> Behaviour:
    """Sends this, and closes."""
    data = text.encode() if isinstance(text, str) else text
    return lambda connection, _: connection.sendall(data)


def ok(body: str = "fine") -> Behaviour:
    """A small good answer."""
    return answers(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}")


def redirects(location: str, status: int = 302) -> Behaviour:
    """Leads elsewhere."""
    return answers(f"HTTP/1.1 {status} Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")


def drips(before: str, byte: bytes = b"x") -> Behaviour:
    """Sends something at once, and then a byte every 20 ms for as long as anybody reads."""

    def behave(connection: socket.socket, _: bytes) -> None:
        connection.sendall(before.encode())
        while True:
            time.sleep(0.02)
            connection.sendall(byte)

    return behave


def certificate(folder: Path, host: str) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS for a name, and the file with what makes it trusted."""
    key, made = self_signed(host)
    file, private = folder / f"{host}.crt", folder / f"{host}.key"
    file.write_text(made)
    private.write_text(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, private)
    return context, file
