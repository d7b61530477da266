"""A deadline that no server can stretch, whatever it sends and however slowly."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from hubstack.deadline import within

LONGEST_HEAD = 1 << 16
"""Bytes of everything before the body of an answer."""


class Guard:
    """Ends every connection that it watches when the time is up.

    A time limit of a socket is for one read, so that a byte now and then keeps it waiting for ever. This one shuts the
    connection down from another thread; whoever reads sees its end, and asks `is_over` why.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._watched: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._shut)
        self._timer.daemon = True

    def __enter__(self) -> Guard:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for each in self._watched:
                each.close()
            self._watched.clear()

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self._end

    def left(self) -> float:
        """Seconds that are left; never nothing, which sockets understand as no limit."""
        return max(self._end - time.monotonic(), 0.001)

    def connected(self, connect: Callable[[], socket.socket]) -> socket.socket:
        """The connection that a function makes, watched from now on.

        The look-up of a name knows no time limit at all, so that it is done where it can be left behind.

        Raises:
            TimeoutError: it took longer than there is time.
        """
        made = within(self.left(), connect)
        with self._lock:
            # another descriptor of the same connection: TLS takes the first one's away
            self._watched.append(made.dup())
        return made

    def _shut(self) -> None:
        with self._lock:
            for each in self._watched:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)


class _Head:
    """The lines of an answer up to its body; without an end of theirs, or with too many bytes, they are none."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._came = 0

    def readline(self, limit: int) -> bytes:
        line: bytes = self._file.readline(limit)
        self._came += len(line)
        if not line or self._came > LONGEST_HEAD:
            raise http.client.HTTPException("the head breaks off" if not line else "the head is too long")
        return line

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class _Response(http.client.HTTPResponse):
    """The library takes a head that breaks off for a whole one."""

    def begin(self) -> None:
        file = self.fp
        self.fp = _Head(file)  # type: ignore[assignment]
        super().begin()
        self.fp = file


class _Watched:
    """A connection whose making and whose life a guard watches."""

    guard: Guard

    def _new_conn(self) -> socket.socket:
        connect: Callable[[], socket.socket] = super()._new_conn  # type: ignore[misc]
        return self.guard.connected(connect)


class _Http(_Watched, HTTPConnection):
    response_class: Any = _Response


class _Https(_Watched, HTTPSConnection):
    response_class: Any = _Response


class _Guarded:
    """Connections that the guard of their pool watches."""

    guard: Guard

    def _new_conn(self) -> Any:
        made: Any = super()._new_conn()  # type: ignore[misc]
        made.guard = self.guard
        return made


class HttpPool(_Guarded, HTTPConnectionPool):
    """Connections without encryption."""

    ConnectionCls = _Http


class HttpsPool(_Guarded, HTTPSConnectionPool):
    """The same, encrypted."""

    ConnectionCls = _Https
