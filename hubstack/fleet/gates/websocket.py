"""As much of RFC 6455 as talking to a kernel takes: one connection, text messages, no extensions."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import ssl
import struct
from collections.abc import Mapping
from types import TracebackType
from urllib.parse import urlsplit

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
_LIMIT = 16 << 20
"""Bytes of a message beyond which something is wrong."""


class WebSocketError(Exception):
    """The other side refuses, closes, or does not speak the protocol."""


class WebSocket:
    """A client's connection."""

    def __init__(self, url: str, headers: Mapping[str, str], timeout: float) -> None:
        """Connect.

        Arguments:
            url: ``http`` or ``https`` URL.
            headers: further headers of the opening request.
            timeout: seconds for the connection and for each answer.

        Raises:
            WebSocketError, OSError: there is no connection.
        """
        address = urlsplit(url)
        port = address.port or (443 if address.scheme == "https" else 80)
        self._socket = socket.create_connection((address.hostname or "", port), timeout)
        try:
            if address.scheme == "https":
                self._socket = ssl.create_default_context().wrap_socket(self._socket, server_hostname=address.hostname)
            self._rest = self._open(address.netloc, address.path or "/", headers)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> WebSocket:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._write(_CLOSE, b"")
        except OSError:
            pass
        finally:
            self._socket.close()

    def send(self, text: str) -> None:
        """Send one message."""
        self._write(_TEXT, text.encode())

    def receive(self, timeout: float) -> str:
        """The next message; pings are answered on the way.

        Raises:
            WebSocketError: the other side has closed the connection.
            TimeoutError: nothing came within `timeout` seconds.
        """
        self._socket.settimeout(timeout)
        parts = b""
        while True:
            final, code, data = self._frame()
            if code == _PING:
                self._write(_PONG, data)
            elif code == _CLOSE:
                raise WebSocketError("closed by the other side")
            elif code != _PONG:
                parts += data
                if len(parts) > _LIMIT:
                    raise WebSocketError("a message is too long")
                if final:
                    return parts.decode()

    def _open(self, host: str, path: str, headers: Mapping[str, str]) -> bytes:
        key = base64.b64encode(os.urandom(16))
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key.decode()}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        received = b""
        while b"\r\n\r\n" not in received:
            chunk = self._socket.recv(4096)
            if not chunk or len(received) > 65536:
                raise WebSocketError("no answer to the opening request")
            received += chunk
        head, _, rest = received.partition(b"\r\n\r\n")
        status, *fields = head.decode("latin-1").split("\r\n")
        answered = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        if " 101 " not in f"{status} ":
            raise WebSocketError(f"refused: {status}")
        if answered.get("sec-websocket-accept", "").encode() != base64.b64encode(hashlib.sha1(key + _GUID).digest()):
            raise WebSocketError("the other side does not speak WebSocket")
        return rest

    def _frame(self) -> tuple[bool, int, bytes]:
        first, second = self._read(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", self._read(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self._read(8))
        if length > _LIMIT:
            raise WebSocketError("a message is too long")
        mask = self._read(4) if second & 0x80 else b""
        data = self._read(length)
        return bool(first & 0x80), first & 0x0F, _masked(data, mask) if mask else data

    def _read(self, length: int) -> bytes:
        while len(self._rest) < length:
            chunk = self._socket.recv(65536)
            if not chunk:
                raise WebSocketError("the connection broke off")
            self._rest += chunk
        data, self._rest = self._rest[:length], self._rest[length:]
        return data

    def _write(self, code: int, data: bytes) -> None:
        size = len(data)
        head = bytes([0x80 | code])
        if size < 126:
            head += bytes([0x80 | size])
        else:
            head += (
                bytes([0x80 | 126]) + struct.pack(">H", size)
                if size < 1 << 16
                else bytes([0xFF]) + struct.pack(">Q", size)
            )
        mask = os.urandom(4)
        self._socket.sendall(head + mask + _masked(data, mask))


def _masked(data: bytes, mask: bytes) -> bytes:
    return bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))
