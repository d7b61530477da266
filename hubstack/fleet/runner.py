"""A rollout: wave after wave, each with its limits, its gates and its record in the journal."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil

from hubstack.errors import HubstackError
from hubstack.fleet import duration, gates
from hubstack.fleet.attempt import Deployer, Outcome
from hubstack.fleet.gatekeeper import Gatekeeper
from hubstack.fleet.journal import ATTEMPTS, NOT_ASKED, Journal, JournalError
from hubstack.fleet.model import Fleet, Wave
from hubstack.fleet.plan import ACTIONS, AT_ONCE, Item, Plan, stack_of
from hubstack.fleet.progress import Progress
from hubstack.fleet.watch import watch
from hubstack.fleet.windows import wait_until

POLL_SECONDS = 0.5
"""How often the runner looks for requests."""

RETRY_PAUSE_SECONDS = 10.0
"""How long a cluster that did not answer is left alone before its stacks are tried once more."""

STACK_MEBIBYTES = 400
"""Memory that one stack's engine, plugins and program take."""


class Stopped(Exception):
    """The rollout ends here, for now or for good."""

    def __init__(self, state: str, reason: str, after: float | None = None) -> None:
        self.state = state
        self.reason = reason
        self.after = after
        """From when on it can be gone on with, without a word of anybody; None where somebody has to say so."""
        super().__init__(reason)


@dataclass
class Runner:
    """Runs one rollout, from wherever it is."""

    rollout: str
    fleet: Fleet
    plan: Plan
    source: Path
    """Folder of the revision that stacks are deployed from, unless the plan names another."""
    deployer: Deployer
    journal: Journal
    progress: Progress
    patient: bool = True
    """Whether to wait for a window to open."""
    during_freeze: str = ""
    """Why stacks are started in spite of a freeze; blank where they are not."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set by whoever wants the rollout to pause."""
    deadline: float | None = None
    """When to pause at the latest, seconds since the epoch: a job of a CI system has its time."""
    lost: Callable[[], str] = lambda: ""
    """Why this process may not go on, although nobody has asked it to stop; blank as long as it may."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def run(self) -> tuple[str, str]:
        """Run every wave that is not done; gives the state and the reason, which are in the journal by then."""
        state, reason, after = "succeeded", "", None
        self.progress.event("rollout", rollout=self.rollout, state="started", reason=self._summary())
        for gone in self.plan.left:
            self.progress.event("note", reason=str(gone))
        try:
            left = {stack: why for name in self.plan.waves for stack, why in self._wave(self._settings(name)).items()}
            if left:
                state, reason = "incomplete", f"not deployed: {', '.join(sorted(left))}"
        except Stopped as stopped:
            state, reason, after = stopped.state, stopped.reason, stopped.after
        except JournalError as error:
            self.progress.event("end", rollout=self.rollout, state="failed", reason=str(error))
            raise
        self.journal.end(self.rollout, state, reason, after)
        self.progress.event("end", rollout=self.rollout, state=state, reason=reason)
        return state, reason

    def _summary(self) -> str:
        words = {"up": "to deploy", "gate": "to ask", "skip": "unchanged", "refused": "refused"}
        counts = ((self.plan.count(action), words[action]) for action in ACTIONS)
        return ", ".join(f"{count} {what}" for count, what in counts if count)

    def _settings(self, name: str) -> Wave:
        return next(wave for wave in self.fleet.waves if wave.name == name)

    def _wave(self, wave: Wave) -> dict[str, str]:
        """Run one wave; gives the stacks that it could not deploy, as far as it bears that, with the reasons."""
        items = self.plan.of(wave.name)
        done = self._done(wave)
        refused = [item for item in items if item.action == "refused"]
        todo = [item for item in items if item.action in ("up", "gate") and item.stack not in done]
        allowed = wave.allowed_failures(len(items))
        if not todo and not refused and self._is_baked(wave):
            skipped = sum(item.action == "skip" for item in items)
            self._tell(wave, "skipped", f"{skipped} unchanged" if not done else f"{len(done)} done already")
            return {}
        failed = {item.stack: item.reason for item in refused}
        for item in refused:
            self.progress.event("stack", wave=wave.name, stack=item.stack, state="refused", reason=item.reason)
        self._judge(wave, failed, allowed)
        if updates := sum(item.action == "up" for item in todo):
            self._thaw(wave)
            self._approve(wave)
            self._open(wave)
        if todo:
            counts = ((updates, "to deploy"), (len(todo) - updates, "to ask"))
            what = ", ".join(f"{count} of {len(items)} stacks {what}" for count, what in counts if count)
            self._tell(wave, "started", what)
        later = self._deploy(wave, todo, failed, allowed)
        if later and len(failed) <= allowed:
            self._rest(RETRY_PAUSE_SECONDS, f"{len(later)} stacks of wave {wave.name} are tried once more")
            later = self._deploy(wave, later, failed, allowed, again=True)
        self._judge(wave, failed, allowed)
        self._bake(wave, failed, allowed)
        self._require(wave, later)
        self._tell(wave, "succeeded", _counted(failed, later))
        return {**failed, **{item.stack: "unreachable" for item in later}}

    def _done(self, wave: Wave) -> set[str]:
        """Stacks of a wave that this rollout has deployed, gates included."""
        passed: dict[str, int] = {}
        for step in self.journal.steps(self.rollout):
            if step.wave != wave.name or not step.stack:
                continue
            if step.state != "succeeded":
                passed.pop(step.stack, None)
            elif step.kind in ATTEMPTS:
                passed[step.stack] = 0
            elif step.stack in passed:
                passed[step.stack] += 1
        return {stack for stack, gates_passed in passed.items() if gates_passed >= len(wave.gates)}

    def _deploy(
        self, wave: Wave, todo: list[Item], failed: dict[str, str], allowed: int, *, again: bool = False
    ) -> list[Item]:
        """Deploy stacks side by side; gives those to try again later. No stack is started once too many have failed."""
        waiting, later = list(todo), []
        limit = parallel(wave.max_parallel)
        with ThreadPoolExecutor(limit) as pool:
            running: dict[Future[Outcome], Item] = {}
            while waiting or running:
                reason = self._asked()
                while waiting and len(running) < limit and not reason and len(failed) <= allowed:
                    if waiting[0].action == "up" and self._shut(wave):
                        break
                    item = waiting.pop(0)
                    running[pool.submit(self._stack, wave, item)] = item
                if not running:
                    if waiting and not reason and len(failed) <= allowed:  # it was shut meanwhile
                        self._thaw(wave)
                        self._open(wave)
                        continue
                    break
                for future in wait(running, POLL_SECONDS, FIRST_COMPLETED).done:
                    item, outcome = running.pop(future), future.result()
                    if outcome.state in (*NOT_ASKED, "transient"):
                        later.append(item)
                        if again and outcome.state == "transient":
                            failed[item.stack] = outcome.reason
                            later.remove(item)
                    elif outcome.state == "failed":
                        failed[item.stack] = outcome.reason
            if reason := self._asked():
                raise Stopped(*reason)
        return later

    def _stack(self, wave: Wave, item: Item) -> Outcome:
        """Deploy one stack and ask its gates, each a step of the journal."""
        started = time.monotonic()

        def doing(text: str) -> None:
            self.progress.event("doing", wave=wave.name, stack=item.stack, doing=text)

        step = self.journal.start(
            self.rollout, wave.name, item.stack, "ask" if item.action == "gate" else "up", before=item.before,
            before_commit=item.before_commit, before_rollout=item.before_rollout, before_program=item.before_program,
            before_revision=item.before_revision,
        )  # fmt: skip
        root = self.plan.source_of(item.stack, self.source)
        outcome = self.deployer.deploy(item, root, doing)
        detail = dict(outcome.detail)
        if outcome.state == "failed" and "log" in detail:
            detail["diagnosis"] = gates.diagnose(stack_of(item.stack, root))
        self.journal.finish(step, outcome.state, outcome.reason, **detail)
        if outcome.state == "succeeded" and (
            problem := self._gatekeeper.ask(wave, item, doing, asked_again=bool(wave.bake_time))
        ):
            outcome = replace(problem, detail=detail)
        if outcome.state == "succeeded" and not wave.bake_time:
            self._pay([item])
        self.progress.event(
            "stack",
            wave=wave.name,
            stack=item.stack,
            state=outcome.state,
            reason=outcome.reason,
            seconds=time.monotonic() - started,
        )
        return outcome

    @functools.cached_property
    def _gatekeeper(self) -> Gatekeeper:
        return Gatekeeper(self.rollout, self.plan, self.source, self.journal, self.progress)

    def _judge(self, wave: Wave, failed: Mapping[str, str], allowed: int) -> None:
        """Stop the rollout if more stacks of the wave have failed than it bears."""
        if len(failed) > allowed:
            names = ", ".join(sorted(failed))
            reason = f"{len(failed)} failed in wave {wave.name}, {allowed} allowed: {names}"
            self._tell(wave, "failed", reason)
            raise Stopped("failed", reason)

    def _approve(self, wave: Wave) -> None:
        """Wait for no one: without an approval the rollout pauses."""
        if wave.approval == "none" or f"approve {wave.name}" in self.journal.requests(self.rollout):
            return
        if self.progress.ask(f"Start wave {wave.name}?"):
            self.journal.request(self.rollout, f"approve {wave.name}")
            return
        how = f"hubstack rollout resume --approve {wave.name}"
        raise Stopped("paused", f"wave {wave.name} waits for approval; give it with: {how}")

    def _thaw(self, wave: Wave) -> None:
        """Pause in a freeze, unless somebody goes on in spite of it: nobody waits for its end with a process."""
        if (held := self.fleet.hold(wave, self.clock())) is None:
            return
        if not self.during_freeze:
            how = "hubstack rollout resume --during-freeze REASON"
            reason = f"wave {wave.name} is {held}; go on after that, or in spite of it with: {how}"
            raise Stopped("paused", reason, held.until.timestamp())
        self._tell(wave, "overridden", f"{held}; deployed all the same: {self.during_freeze}")

    def _shut(self, wave: Wave) -> bool:
        """Whether nothing of a wave that is under way may be started at this moment."""
        now = self.clock()
        frozen = not self.during_freeze and self.fleet.hold(wave, now) is not None
        return frozen or wait_until(wave.windows, now) > now

    def _open(self, wave: Wave) -> None:
        """Wait until one of the wave's windows is open."""
        opens = wait_until(wave.windows, self.clock())
        if opens > self.clock() and not self.patient:
            reason = f"wave {wave.name}: its next window opens {opens:%Y-%m-%d %H:%M} UTC"
            raise Stopped("paused", reason, opens.timestamp())
        self._rest((opens - self.clock()).total_seconds(), f"wave {wave.name}: window opens {opens:%Y-%m-%d %H:%M} UTC")

    def _require(self, wave: Wave, later: list[Item]) -> None:
        """End here if fewer stacks of the wave have what is wanted than the next wave may build on."""
        items = self.plan.of(wave.name)
        good = sum(item.action == "skip" for item in items) + len(self._done(wave))
        if good < (needed := wave.needed_successes(len(items))):
            away = f", unreachable: {', '.join(sorted(item.stack for item in later))}" if later else ""
            reason = f"{good} of {len(items)} succeeded in wave {wave.name}, {needed} needed (minSucceeded){away}"
            self._tell(wave, "incomplete", reason)
            raise Stopped("incomplete", reason)

    def _is_baked(self, wave: Wave) -> bool:
        """Whether the wave has baked since this rollout's last work on it, or has nothing to bake."""
        steps = [step for step in self.journal.steps(self.rollout) if step.wave == wave.name]
        worked = max((step.number for step in steps if step.kind in ATTEMPTS), default=0)
        baked = max((step.number for step in steps if step.kind == "bake" and step.state == "succeeded"), default=0)
        return not wave.bake_time or not self._done(wave) or baked > worked

    def _bake(self, wave: Wave, failed: dict[str, str], allowed: int) -> None:
        """Leave the wave alone for a while, then ask its gates again."""
        changed = sorted(self._done(wave))
        if not wave.bake_time or not changed:
            return
        begun = [step for step in self.journal.steps(self.rollout, "bake") if step.wave == wave.name]
        if begun and begun[-1].state == "started":  # a killed or paused runner has waited for a part of it
            step, until = begun[-1].number, begun[-1].detail["until"]
        else:
            until = time.time() + wave.bake_time
            step = self.journal.start(self.rollout, wave.name, "", "bake", until=until)
        items = {item.stack: item for item in self.plan.of(wave.name)}
        reason = f"wave {wave.name} bakes for {duration.written(wave.bake_time)}"
        if until > time.time():
            self._require_time(until, reason)
        self.progress.event("wait", reason=reason, seconds=round(max(until - time.time(), 0.0), 1))
        watch(
            wave,
            changed,
            until,
            ask=lambda stack, gate: self._gatekeeper.ask_one(wave, items[stack], gate),
            rest=self._rest,
            may_go_on=lambda: len(failed) <= allowed,
            failed=failed,
        )
        if len(failed) > allowed:
            self.journal.finish(step, "failed")
            self._judge(wave, failed, allowed)
        opened = []
        for item in items.values():
            if item.stack not in changed or item.stack in failed:
                continue
            if not (problem := self._gatekeeper.ask(wave, item, lambda _: None)):
                opened.append(item)
            elif problem.state == "failed":  # without credentials nobody knows, and it is still owed
                failed[item.stack] = f"after the bake time: {problem.reason}"
        self._pay(opened)
        self.journal.finish(step, "failed" if len(failed) > allowed else "succeeded")
        self._judge(wave, failed, allowed)

    def _pay(self, items: list[Item]) -> None:
        """Record in the backend that nothing is owed for stacks any more.

        A backend that cannot be written is no failure of the stacks: they are asked again by the next rollout.
        """

        def pay(item: Item) -> None:
            try:
                self.deployer.opened(item)
            except HubstackError as error:
                reason = f"that the gates of {item.stack} have opened could not be recorded: {error}"
                self.progress.event("wait", reason=reason)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(pay, (item for item in items if item.owes)))

    def _rest(self, seconds: float, reason: str = "") -> None:
        """Wait, but not for longer than nobody asks for something else."""
        until = time.monotonic() + seconds
        if seconds > 0 and reason:
            self._require_time(time.time() + seconds, reason)
            self.progress.event("wait", reason=reason, seconds=round(seconds, 1))
        while (left := until - time.monotonic()) > 0:
            if asked := self._asked():
                raise Stopped(*asked)
            self.stop.wait(min(left, POLL_SECONDS))

    def _require_time(self, ends: float, reason: str) -> None:
        """Pause where the time of `--max-time` is over before a wait ends."""
        if self.deadline is not None and ends > self.deadline:
            at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(ends))
            advice = f"until {at}, which --max-time does not wait for; go on then with: hubstack rollout resume"
            raise Stopped("paused", f"{reason}, {advice}", ends)

    def _asked(self) -> tuple[str, str, float | None] | None:
        """State and reason of a request to stop, and from when on it can be gone on with."""
        requests = self.journal.requests(self.rollout)
        if "abort" in requests:
            return "aborted", "by request", None
        if "pause" in requests or self.stop.is_set():
            return "paused", "by request; go on with: hubstack rollout resume", None
        if problem := self.lost():
            return "paused", problem, None
        if self.deadline is not None and time.time() >= self.deadline:
            return "paused", "the time of --max-time is over; go on with: hubstack rollout resume", time.time()
        return None

    def _tell(self, wave: Wave, state: str, reason: str) -> None:
        self.progress.event("wave", wave=wave.name, state=state, reason=reason)


def parallel(wanted: int) -> int:
    """How many stacks may run at once: as many as wanted, as long as the memory suffices."""
    available = psutil.virtual_memory().available / 2**20
    return max(1, min(wanted, int(available * 0.8 / STACK_MEBIBYTES)))


def _counted(failed: Mapping[str, str], later: list[Item]) -> str:
    parts = [f"{len(failed)} failed, as allowed"] if failed else []
    return ", ".join([*parts, *([f"{len(later)} unreachable"] if later else [])])
