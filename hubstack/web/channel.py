"""A WebSocket connection with the rules of this package's requests."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar
from urllib.parse import urljoin

import websocket

from hubstack.deadline import within
from hubstack.web.origin import REDIRECTS, NoAnswer, origin

Result = TypeVar("Result")

LONGEST_TALK = 1 << 24
"""Bytes that the other side may send in all."""
OPENING_SECONDS = 30.0
"""How long the opening may take at most; the library limits the size of its headers by nothing else."""


class _Limited(websocket.WebSocket):  # type: ignore[misc]
    """Gives each read only what is left of the time and of the bytes."""

    deadline = 0.0
    came = 0

    def _recv(self, bufsize: int) -> bytes:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise NoAnswer("the time is up", again=True)
        if self.sock is not None:
            self.sock.settimeout(left)
        data: bytes = super()._recv(bufsize)
        self.came += len(data)
        if self.came > LONGEST_TALK:
            raise NoAnswer(f"the other side sends more than {LONGEST_TALK} bytes")
        return data


class Channel:
    """Text messages to a server and from it, within one deadline."""

    def __init__(self, url: str, *, seconds: float, headers: dict[str, str]) -> None:
        """Open the connection.

        Arguments:
            url: an ``http`` or ``https`` URL; the connection goes to the same place.
            seconds: how long all of it may take, the opening included.
            headers: of the opening. No redirect is followed: they are for this server.

        Raises:
            NoAnswer: it cannot be opened.
        """
        self._where = origin(url)
        if not all(text.isascii() and text.isprintable() for item in headers.items() for text in item):
            raise NoAnswer("a header of the request has characters that HTTP does not allow")
        self._socket = _Limited()
        self._socket.deadline = time.monotonic() + seconds
        try:
            within(min(seconds, OPENING_SECONDS), lambda: self._open(url, headers, seconds))
        except TimeoutError:
            self._close()
            raise NoAnswer("the time is up", again=True) from None
        except BaseException:
            self._close()
            raise

    def __enter__(self) -> Channel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def send(self, text: str) -> None:
        """Send a message.

        Raises:
            NoAnswer: the connection is broken.
        """
        self._try(lambda: self._socket.send(text))

    def receive(self) -> str:
        """The next message.

        Raises:
            NoAnswer: the time is up, the connection is closed or broken, or too much came.
        """
        found = self._try(self._socket.recv)
        if not found:
            raise NoAnswer("closed by the other side", again=True)
        return found if isinstance(found, str) else bytes(found).decode(errors="replace")

    def _open(self, url: str, headers: dict[str, str], seconds: float) -> None:
        self._try(
            lambda: self._socket.connect(
                f"ws{url.removeprefix('http')}",
                timeout=seconds,
                header=headers,
                suppress_origin=True,
                redirect_limit=0,
            )
        )

    def _try(self, step: Callable[[], Result]) -> Result:
        """Do a step. The library's own words are not used: they quote whatever the server has sent."""
        try:
            return step()
        except websocket.WebSocketBadStatusException as error:
            raise NoAnswer(f"the server answers {error.status_code} instead of opening the connection") from None
        except (websocket.WebSocketTimeoutException, TimeoutError):
            raise NoAnswer("the time is up", again=True) from None
        except websocket.WebSocketException as error:
            raise self._led_elsewhere() or NoAnswer(f"broken: {type(error).__name__}", again=True) from None
        except (OSError, ValueError) as error:
            raise NoAnswer(f"broken: {getattr(error, 'strerror', None) or type(error).__name__}", again=True) from None

    def _led_elsewhere(self) -> NoAnswer | None:
        """The refusal of a redirect, where the opening was answered by one."""
        answer = self._socket.handshake_response
        if answer is None or answer.status not in REDIRECTS:
            return None
        location = str((answer.headers or {}).get("location") or "")
        location = f"http{location[2:]}" if location[:2].lower() == "ws" else location
        try:
            there = str(origin(urljoin(f"{self._where}/", location)))
        except NoAnswer:
            there = "somewhere else"
        return NoAnswer(
            f"{self._where} sends the connection on to {there}, and its headers are for {self._where} alone; nothing "
            "was sent there"
        )

    def _close(self) -> None:
        connection = self._socket.sock
        with contextlib.suppress(OSError, websocket.WebSocketException):
            if self._socket.connected:
                self._socket.send_close()
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # also under a thread that is still reading
            connection.close()
