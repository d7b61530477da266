"""Publishers' hosts: each is tried once, for all files that come from it.

So a machine without a network learns that within seconds, whatever the number of files.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from hubstack import web
from hubstack.toolchain.download import FetchError
from hubstack.toolchain.report import Report

_SECONDS = 5.0
"""Patience with a look-up that does not end, or with a host that does not take the connection."""
_PORTS = {"http": 80, "https": 443}


class Hosts:
    """Which hosts can be reached; threads may share it."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._lock = threading.Lock()
        self._trials: dict[tuple[str, int], _Trial] = {}

    def check(self, url: str) -> None:
        """Make sure that the host of a URL takes connections; who asks second gets the same answer.

        Behind a proxy only the proxy knows, and nothing is tried.

        Raises:
            FetchError: the host has no address, or does not take a connection.
            Interrupted: the answer is no longer wanted.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        if web.goes_through_proxy(url):
            return
        address = (host, parts.port or _PORTS[parts.scheme])
        with self._lock:
            if address not in self._trials:
                self._trials[address] = _Trial(address)
            trial = self._trials[address]
        self._report.wait(trial.over, trial.deadline)
        if trial.problem:
            raise FetchError(f"{host}: {trial.problem}")


class _Trial:
    """One look whether a host takes connections."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.over = threading.Event()
        self.deadline = time.monotonic() + _SECONDS
        self.problem = f"no answer within {_SECONDS:.0f} s"
        self._lock = threading.Lock()
        self._open = 0
        _start(self._look_up, address)

    def _look_up(self, address: tuple[str, int]) -> None:
        try:
            found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
        except OSError as error:
            self._end(f"no address for this host: {error.strerror}")
            return
        # One address of each family, side by side: on many networks IPv6 has addresses and leads nowhere.
        first = {family: sockaddr for family, _, _, _, sockaddr in reversed(found)}
        self._open = len(first)
        for family, sockaddr in first.items():
            _start(self._connect, family, sockaddr)

    def _connect(self, family: int, sockaddr: Any) -> None:
        problem = ""
        try:
            with socket.socket(family, socket.SOCK_STREAM) as connection:
                connection.settimeout(_SECONDS)
                connection.connect(sockaddr)
        except OSError as error:
            problem = self.problem if isinstance(error, TimeoutError) else error.strerror or repr(error)
        with self._lock:
            self._open -= 1
            if not self.over.is_set() and (not problem or not self._open):
                self._end(problem)

    def _end(self, problem: str) -> None:
        self.problem = problem
        self.over.set()


def _start(work: Callable[..., None], *arguments: Any) -> None:
    """Do something that may take as long as it likes: nobody waits for its end, not even this process."""
    threading.Thread(target=work, args=arguments, daemon=True).start()
