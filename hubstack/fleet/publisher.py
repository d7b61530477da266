"""Keeps the shared journal up to date while a rollout runs: sends what has happened, fetches what others ask."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hubstack.engine.environment import local_backend
from hubstack.errors import HubstackError
from hubstack.fleet import lease as leases
from hubstack.fleet.lease import Lease
from hubstack.fleet.shared import LostError, Shared, renewed

PUSH_SECONDS = 10.0
"""How often the record is written at most, however much happens: each time costs about half a second of a processor."""

LOCAL_SECONDS, REMOTE_SECONDS = 1.0, 10.0
"""How often requests of other machines are looked for: in a file of this machine, and by a command of the engine."""


@dataclass
class Publisher:
    """A thread beside the runner of one rollout."""

    rollout: str
    shared: Shared
    lease: Lease
    say: Callable[[str], object]
    lost: str = ""
    """Why the rollout must not go on, where another process has it or the backend does not answer."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _now: threading.Event = field(default_factory=threading.Event)
    _sent: int = 0
    _thread: threading.Thread | None = None

    @property
    def problem(self) -> str:
        """Why the rollout must not go on; blank as long as it may. Whose lease is over may have lost it to another."""
        if not self.lost and time.time() > self.lease.until:
            return f"the lease of this process could not be renewed for {self.lease.seconds} s"
        return self.lost

    def start(self) -> None:
        """Begin, once the rollout has been claimed."""
        self._sent = self.shared.journal.changes
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Send the last that has happened, and end.

        Raises:
            HubstackError: the backend does not answer.
        """
        self._stop.set()
        if self._thread:
            self._thread.join()
        if not self.lost:
            self.shared.push(self.rollout, self.lease)

    def _run(self) -> None:
        pause = LOCAL_SECONDS if local_backend(self.shared.record.environment) else REMOTE_SECONDS
        pushed = time.monotonic()
        while not self._stop.wait(pause) and not self.lost:
            passed = time.monotonic() - pushed
            is_news = self.shared.journal.changes != self._sent and passed >= PUSH_SECONDS
            try:
                if is_news or passed >= self.lease.seconds / leases.RENEWALS:
                    self._push()
                    pushed = time.monotonic()
                else:
                    self._fetch()
            except LostError as error:
                self.lost = str(error)
            except HubstackError as error:
                if time.time() > self.lease.until:
                    self.lost = f"the backend could not be reached for {self.lease.seconds} s: {error}"
                elif passed > self.lease.seconds / 2:
                    self.say(f"the shared journal cannot be written: {error}")

    def _push(self) -> None:
        changes, lease = self.shared.journal.changes, renewed(self.lease, time.time())
        self.shared.journal.hold(self.rollout, lease)
        self.shared.push(self.rollout, lease)
        self.lease, self._sent = lease, changes

    def _fetch(self) -> None:
        entry = ((self.shared.record.read() or {}).get("rollouts") or {}).get(self.rollout)
        if not entry:
            return
        if entry["lease"]["runner"] != self.lease.runner:
            raise LostError(f"rollout {self.rollout} was taken over by another process on {entry['lease']['host']}")
        for request in entry["requests"].keys() - self.shared.journal.requests(self.rollout):
            self.shared.journal.request(self.rollout, request)
