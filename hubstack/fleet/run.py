"""One run of a rollout: claimed in the shared journal, run and recorded, with signals and all that is to be closed."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from hubstack.engine.servers import ForkServers
from hubstack.errors import HubstackError
from hubstack.fleet import plan, report
from hubstack.fleet.attempt import Deployer
from hubstack.fleet.begun import Begun
from hubstack.fleet.journal import Journal, Rollout
from hubstack.fleet.lease import Lease
from hubstack.fleet.model import Fleet
from hubstack.fleet.progress import Progress
from hubstack.fleet.publisher import Publisher
from hubstack.fleet.runner import Runner
from hubstack.fleet.shared import Shared
from hubstack.fleet.taken_up import SOURCE

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

CLOCKS_SECONDS = 5
"""How far the clocks of two machines may be apart."""

_LOCK = re.compile(r"the stack is locked by \S+?@(?P<host>\S+) \(process \d+\) since (?P<since>[^\s:]+:\d\d:\d\d)")


@dataclass
class Run:
    """What a rollout runs with."""

    journal: Journal
    shared: Shared
    fleet: Fleet
    plan: plan.Plan
    environment: Mapping[str, str]
    progress: Progress
    lease: Lease

    def begin(self, rollout: str, options: Mapping[str, Any], kind: str = "rollout") -> Rollout:
        """Run a new rollout; gives it as it ends.

        Raises:
            HubstackError: another one is under way on one of the stacks, or a wave is not known.
        """
        self._require_waves(options)
        names = [item.stack for item in self.plan.items]

        def begin() -> Rollout:
            return self.journal.begin(rollout, self.plan.as_dict(), dict(options), kind)

        if self.plan.count("skip") == len(names):  # nothing will be touched, so no other machine has to know
            return self._run(begin(), is_shared=False)
        self.shared.claim(rollout, self.lease, names, begin)
        return self._run(self.journal.rollout(rollout))

    def take_over(self, found: Rollout, options: Mapping[str, Any], *, insist: bool) -> Rollout:
        """Go on with a rollout; gives it as it ends.

        Arguments:
            found: the rollout.
            options: what it runs with from now on.
            insist: whether its runner is known to be dead.

        Raises:
            HubstackError: a living process runs it, or a wave is not known.
        """
        self._require_waves(options)
        names = [item.stack for item in self.plan.items]
        self.shared.claim(
            found.id,
            self.lease,
            names,
            lambda: self.journal.take_over(found.id, options),
            from_runner=found.lease.runner if found.lease else None,
            insist=insist,
        )
        return self._run(self.journal.rollout(found.id))

    def _require_waves(self, options: Mapping[str, Any]) -> None:
        for wave in options.get("approve", ()):
            if wave not in self.plan.waves:
                raise HubstackError(f"--approve {wave}: no such wave; waves: {', '.join(self.plan.waves)}")

    def _run(self, found: Rollout, *, is_shared: bool = True) -> Rollout:
        for wave in found.options.get("approve", ()):
            self.journal.request(found.id, f"approve {wave}")
        servers = ForkServers(self.environment)
        publisher = Publisher(found.id, self.shared, self.lease, lambda text: self.progress.event("wait", reason=text))
        deployer = Deployer(
            rollout=found.id,
            folder=found.folder,
            environment=self.environment,
            servers=servers,
            limits=self.fleet.limits(),
            journal=self.journal,
            runner=self.lease.runner,
            lock_of_dead=partial(self._lock_of_dead, found.id),
            take_fields=bool(found.options.get("takeFields")),
        )
        runner = Runner(
            rollout=found.id,
            fleet=self.fleet,
            plan=self.plan,
            source=found.folder / SOURCE,
            deployer=deployer,
            journal=self.journal,
            progress=self.progress,
            patient=bool(found.options.get("wait", True)),
            deadline=found.options.get("until"),
            during_freeze=str(found.options.get("duringFreeze") or ""),
            lost=lambda: publisher.problem,
        )
        with (
            _signals(runner, servers, self.progress),
            closing(self.progress),
            self._published(publisher) if is_shared else nullcontext(),
            closing(servers),
        ):
            runner.run()
        ended = self.journal.rollout(found.id)
        try:
            report.write(self.journal, ended)
        except OSError as error:
            raise HubstackError(
                f"rollout {ended.id} is {ended.state}, but its report cannot be written: {error}; "
                "the journal has it all: hubstack rollout status"
            ) from None
        return ended

    @contextmanager
    def _published(self, publisher: Publisher) -> Iterator[None]:
        """Keep the shared journal up to date, to the very end."""
        publisher.start()
        try:
            yield
        finally:
            try:
                publisher.close()
            except HubstackError as error:
                reason = f"the end of the rollout could not be put into the shared journal: {error}"
                self.progress.event("wait", reason=reason)

    def _lock_of_dead(self, rollout: str, before: Begun, reason: str) -> bool:
        """Whether an error names the lock of an update that a runner has begun which is dead by now.

        Arguments:
            rollout: the rollout that this process runs.
            before: the update that was begun before ours.
            reason: the error.
        """
        lock, runner = _LOCK.search(reason), self.shared.runners.get(before.runner)
        if not lock or not runner or before.runner == self.lease.runner or lock["host"] != runner["host"]:
            return False
        since = datetime.fromisoformat(f"{lock['since'][:19]}+00:00").timestamp()
        is_its_own = before.time - CLOCKS_SECONDS <= since <= runner["until"] + CLOCKS_SECONDS
        # Whoever ran this very rollout before us is dead, or was said to be, or we could not have claimed it.
        return is_its_own and bool(runner["rollout"] == rollout or time.time() > runner["until"])


@contextmanager
def _signals(runner: Runner, servers: ForkServers, progress: Progress) -> Iterator[None]:
    """The first Ctrl-C lets what runs come to its end, the second one stops it."""

    def handle(*_: object) -> None:
        if runner.stop.is_set():
            progress.event("wait", reason="stopping the engines; they write their state first")
            servers.interrupt()
        else:
            progress.event("wait", reason="stacks that are under way come to their end; again: stop them, too")
            runner.stop.set()

    before = {number: signal.signal(number, handle) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
