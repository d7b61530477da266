"""The runner without an engine: limits, order, requests, kills at every step, and the journal that they leave."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from hubstack.errors import HubstackError
from hubstack.fleet import gatekeeper, gates, journal, plan, report, runner, source
from hubstack.fleet.attempt import Outcome
from hubstack.fleet.model import Fleet
from hubstack.fleet.runner import Runner


@dataclass
class FakeDeployer:
    """Deploys by noting it down; some stacks fail, some are unreachable for a number of times."""

    failing: dict[str, str] = field(default_factory=dict)
    absent: dict[str, int] = field(default_factory=dict)
    deployed: list[str] = field(default_factory=list)
    paid: list[str] = field(default_factory=list)
    on_deploy: Callable[[str], None] = lambda _: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def deploy(self, item: plan.Item, root: Path, doing: Callable[[str], None]) -> Outcome:
        self.on_deploy(item.stack)
        with self.lock:
            if self.absent.get(item.stack, 0):
                self.absent[item.stack] -= 1
                return Outcome("unreachable", "no answer")
            if item.stack in self.failing:
                return Outcome(self.failing[item.stack], "broken")
            self.deployed.append(item.stack)
        return Outcome("succeeded", "1 create", {"changes": {"create": 1}})

    def opened(self, item: plan.Item) -> None:
        self.paid.append(item.stack)


class Quiet:
    """Progress that remembers."""

    def __init__(self, answer: bool = False) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.answer = answer

    def event(self, kind: str, **facts: Any) -> None:
        self.events.append((kind, facts))

    def ask(self, question: str) -> bool:
        return self.answer

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own, and no waiting."""
    monkeypatch.setenv("HUBSTACK_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(runner, "RETRY_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(runner, "POLL_SECONDS", 0.01)
    return tmp_path


def fleet_of(sizes: dict[str, int], **settings: Any) -> Fleet:
    """A fleet with waves of some sizes; stacks are named after their wave."""
    stacks = {f"{wave}{n}": {"labels": {"wave": wave}} for wave, size in sizes.items() for n in range(size)}
    waves = [{"name": wave, "select": {"wave": wave}, **settings} for wave in sizes]
    return Fleet.model_validate({"stacks": stacks, "waves": waves})


def plan_of(fleet: Fleet, **actions: str) -> plan.Plan:
    """A plan that deploys everything, but for some stacks."""
    items = tuple(
        plan.Item(stack, wave.name, actions.get(stack, "up"), "because", digest="d", owes=wave.owes)  # type: ignore[arg-type]
        for wave in fleet.waves
        for stack in fleet.members(wave)
    )
    return plan.Plan(source.Revision("c", False), items, tuple(wave.name for wave in fleet.waves))


def make(fleet: Fleet, deployer: FakeDeployer, made: plan.Plan | None = None, **settings: Any) -> Runner:
    """A runner of a rollout ``r``, new or known to the journal."""
    book = journal.Journal()
    made = made or plan_of(fleet)
    if not book.rollouts():
        book.begin("r", made.as_dict(), {})
    else:
        book.take_over("r", {})
    progress = settings.pop("progress", Quiet())
    return Runner("r", fleet, made, Path("/none"), deployer, book, progress, **settings)  # type: ignore[arg-type]


def test_waves_in_order() -> None:
    """Every stack of a wave is deployed before any of the next."""
    deployer = FakeDeployer()
    assert make(fleet_of({"a": 3, "b": 3}, maxParallel=3), deployer).run() == ("succeeded", "")
    assert [stack[0] for stack in deployer.deployed] == ["a"] * 3 + ["b"] * 3


def test_unchanged_stacks_are_not_touched() -> None:
    """A plan without work asks for no approval and no window, and deploys nothing."""
    fleet = fleet_of({"a": 2}, approval="manual", bakeTime="1h")
    deployer = FakeDeployer()
    assert make(fleet, deployer, plan_of(fleet, a0="skip", a1="skip")).run()[0] == "succeeded"
    assert deployer.deployed == []


@pytest.mark.parametrize(
    ("allowed", "end"), [(0, "failed"), ("10%", "failed"), (1, "incomplete"), ("50%", "incomplete")]
)
def test_a_wave_that_fails_stops_the_next(allowed: Any, end: str) -> None:
    """One failure more than a wave bears, and the next one never starts; borne failures are said at the end."""
    deployer = FakeDeployer(failing={"a0": "failed"})
    state, reason = make(fleet_of({"a": 4, "b": 1}, maxFailures=allowed, maxParallel=1), deployer).run()
    assert state == end
    assert "a0" in reason
    assert deployer.deployed == ([] if end == "failed" else ["a1", "a2", "a3", "b0"])


def test_refused_settings_count_before_anything_is_started() -> None:
    """A wave that cannot succeed is not begun."""
    fleet = fleet_of({"a": 3}, maxParallel=1)
    deployer = FakeDeployer()
    assert make(fleet, deployer, plan_of(fleet, a2="refused")).run()[0] == "failed"
    assert deployer.deployed == []


def test_unreachable_is_tried_again_and_is_no_failure() -> None:
    """A cluster that comes back is served at the end of the wave; one that does not leaves the rollout incomplete."""
    deployer = FakeDeployer(absent={"a0": 1, "a1": 9})
    running = make(fleet_of({"a": 3, "b": 1}, maxParallel=1, minSucceeded=1), deployer)
    assert running.run() == ("incomplete", "not deployed: a1")
    assert deployer.deployed == ["a2", "a0", "b0"]
    deployer.absent = {}
    assert make(running.fleet, deployer).run()[0] == "succeeded"
    assert deployer.deployed == ["a2", "a0", "b0", "a1"]


@pytest.mark.parametrize(
    ("settings", "absent", "needed"),
    [
        ({}, 1, 3),
        ({"maxFailures": 1}, 1, None),
        ({"maxFailures": 1}, 2, 2),
        ({"maxFailures": "100%"}, 3, 1),
        ({"minSucceeded": "50%"}, 1, None),
        ({"minSucceeded": "50%"}, 2, 2),
        ({"minSucceeded": 0}, 3, None),
    ],
)
def test_a_wave_that_did_not_succeed_is_none_to_build_on(settings: Any, absent: int, needed: int | None) -> None:
    """The next wave begins only where enough stacks of the one before have succeeded; unreachable ones have not."""
    deployer = FakeDeployer(absent=dict.fromkeys([f"a{n}" for n in range(absent)], 9))
    state, reason = make(fleet_of({"a": 3, "b": 1}, **settings), deployer).run()
    assert state == "incomplete"
    names = ", ".join(f"a{n}" for n in range(absent))
    missing = f"{3 - absent} of 3 succeeded in wave a, {needed} needed (minSucceeded), unreachable: {names}"
    assert reason == (missing if needed else f"not deployed: {names}")
    assert ("b0" in deployer.deployed) == (needed is None)


def test_a_transient_error_is_a_failure_the_second_time() -> None:
    """What looks like a busy API server gets one more try, and then counts."""
    deployer = FakeDeployer(failing={"a0": "transient"})
    running = make(fleet_of({"a": 2}, maxParallel=1), deployer)
    assert running.run()[0] == "failed"
    steps = [(step.stack, step.state) for step in running.journal.steps("r")]
    assert steps == [("a0", "transient"), ("a1", "succeeded"), ("a0", "transient")]


def test_max_parallel() -> None:
    """Never more stacks at once than the wave allows, and as many where there is work."""
    now, most, lock = 0, 0, threading.Lock()
    barrier = threading.Barrier(3, timeout=5)

    def count(_: str) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        barrier.wait()
        with lock:
            now -= 1

    assert make(fleet_of({"a": 6}, maxParallel=3), FakeDeployer(on_deploy=count)).run()[0] == "succeeded"
    assert most == 3


@pytest.mark.parametrize(("mebibytes", "stacks"), [(1100, 2), (50, 1)])
def test_memory_limits_what_runs_at_once(monkeypatch: pytest.MonkeyPatch, mebibytes: int, stacks: int) -> None:
    """Where memory is short fewer stacks run at once, but always one."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=mebibytes * 2**20))
    assert runner.parallel(20) == stacks


def test_pause_and_resume() -> None:
    """A pause lets what runs end and starts nothing more; resume deploys the rest and nothing twice."""
    deployer = FakeDeployer()
    fleet = fleet_of({"a": 3, "b": 1}, maxParallel=1)
    running = make(fleet, deployer)
    deployer.on_deploy = lambda stack: running.journal.request("r", "pause") if stack == "a1" else None
    assert running.run()[0] == "paused"
    assert deployer.deployed == ["a0", "a1"]
    deployer.on_deploy = lambda _: None
    assert make(fleet, deployer).run()[0] == "succeeded"
    assert deployer.deployed == ["a0", "a1", "a2", "b0"]


def test_approval() -> None:
    """Without approval a rollout pauses before the wave; a person's yes or an earlier request lets it go on."""
    fleet = fleet_of({"a": 1}, approval="manual")
    deployer = FakeDeployer()
    state, reason = make(fleet, deployer).run()
    assert (state, deployer.deployed) == ("paused", [])
    assert "resume --approve a" in reason
    running = make(fleet, deployer)
    running.journal.request("r", "approve a")
    assert running.run()[0] == "succeeded"
    journal.Journal().file.unlink()
    assert make(fleet, FakeDeployer(), progress=Quiet(answer=True)).run()[0] == "succeeded"


def test_window() -> None:
    """Outside of a wave's windows an impatient rollout pauses and says when the next one opens."""
    fleet = fleet_of({"a": 1}, windows=[{"days": ["mon"], "hours": "09:00-10:00"}])
    sunday = datetime(2026, 11, 22, 12, tzinfo=UTC)
    state, reason = make(fleet, FakeDeployer(), patient=False, clock=lambda: sunday).run()
    assert (state, reason) == ("paused", "wave a: its next window opens 2026-11-23 09:00 UTC")
    monday = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    assert make(fleet, FakeDeployer(), patient=False, clock=lambda: monday).run()[0] == "succeeded"


def test_what_is_owed_is_asked_without_an_update(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gates of a stack that is deployed are asked without an approval; what has opened is recorded, what has not is a
    failure, and the next wave is not begun."""
    answers = iter([False, True, True])
    monkeypatch.setattr(gates, "check", lambda gate, target: gates.Result(next(answers), 1, "seen"))
    monkeypatch.setattr(gates, "diagnose", lambda _: [])
    monkeypatch.setattr(gatekeeper, "stack_of", lambda name, root: SimpleNamespace(name=name))
    fleet = fleet_of({"a": 1, "b": 1}, gates=[{"type": "hub-health"}])
    deployer = FakeDeployer()
    made = plan_of(fleet, a0="gate")
    asked = make(fleet, deployer, made)
    assert asked.run()[0] == "failed"
    assert deployer.paid == []
    again = make(fleet, deployer, made)
    assert again.run()[0] == "succeeded"
    assert deployer.paid == ["a0", "b0"]
    assert [(step.kind, step.stack, step.state) for step in again.journal.steps("r")] == [
        ("ask", "a0", "succeeded"),
        ("gate", "a0", "failed"),
        ("ask", "a0", "succeeded"),
        ("gate", "a0", "succeeded"),
        ("up", "b0", "succeeded"),
        ("gate", "b0", "succeeded"),
    ]


def test_a_bake_is_not_lost_by_a_kill_before_it() -> None:
    """Killed between the last stack and the bake, a rollout bakes before the next wave begins; it pays after that."""
    fleet = fleet_of({"a": 1, "b": 1}, bakeTime="1s")
    deployer = FakeDeployer()
    running = make(fleet, deployer)
    running.journal.finish(running.journal.start("r", "a", "a0", "up"), "succeeded")
    assert running.run()[0] == "succeeded"
    kinds = [(step.kind, step.wave) for step in running.journal.steps("r")]
    assert kinds == [("up", "a"), ("bake", "a"), ("up", "b"), ("bake", "b")]
    assert deployer.paid == ["a0", "b0"]


def test_a_job_ends_before_its_time_is_over() -> None:
    """A bake that ends later than the job is not begun to be waited for: the rollout pauses, says from when on it can
    go on, and the next run takes the bake up where the clock is."""
    fleet = fleet_of({"a": 1}, bakeTime="2s")
    deployer = FakeDeployer()
    running = make(fleet, deployer, deadline=time.time() + 1)
    state, reason = running.run()
    assert state == "paused"
    assert reason.startswith("wave a bakes for 2s, until ")
    ended = running.journal.rollout("r")
    (bake,) = running.journal.steps("r", "bake")
    assert (bake.state, round(ended.options["after"] - bake.detail["until"])) == ("started", 0)
    assert not ended.is_due
    time.sleep(max(0, bake.detail["until"] - time.time()))
    assert running.journal.rollout("r").is_due
    assert make(fleet, deployer).run()[0] == "succeeded"
    assert [step.state for step in running.journal.steps("r", "bake")] == ["succeeded"]
    over = make(fleet_of({"c": 1}), FakeDeployer(), deadline=time.time() - 1)
    assert over.run()[1].startswith("the time of --max-time is over")


def test_gates_again_after_the_bake_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate that shuts during the bake time fails the wave, and the next one never starts."""
    asked: list[str] = []

    def check(gate: Any, target: Any) -> gates.Result:
        asked.append(target.stack.name)
        return gates.Result(len(asked) < 3, 1, "seen")

    class FakeStack:
        def __init__(self, name: str) -> None:
            self.name = name

    monkeypatch.setattr(gates, "check", check)
    monkeypatch.setattr(gates, "diagnose", lambda _: ["pod hub: not Ready"])
    monkeypatch.setattr(gatekeeper, "stack_of", lambda name, root: FakeStack(name))
    fleet = fleet_of({"a": 2, "b": 1}, bakeTime="1s", gates=[{"type": "hub-health"}], maxParallel=1)
    deployer = FakeDeployer()
    running = make(fleet, deployer)
    assert running.run() == ("failed", "2 failed in wave a, 0 allowed: a0, a1")
    assert asked == ["a0", "a1", "a0", "a1"]
    assert deployer.deployed == ["a0", "a1"]
    facts = report.facts(running.journal, running.journal.rollout("r"))
    assert facts["stacks"][0]["state"] == "failed"
    assert "pod hub: not Ready" in report.markdown(facts)


def killed_at(count: int, folder: str) -> None:
    """Run a rollout in this process and die without a word before the given write of the journal."""
    os.environ["HUBSTACK_STATE_DIR"] = folder
    runner.RETRY_PAUSE_SECONDS, runner.POLL_SECONDS = 0.0, 0.01
    left, real = count, journal.Journal._write

    def write(self: journal.Journal, statement: str, *values: Any) -> int:
        nonlocal left
        left -= 1
        if left < 0:
            os._exit(9)
        return real(self, statement, *values)

    journal.Journal._write = write  # type: ignore[method-assign]
    note = Path(folder) / "deployed"

    class Noting(FakeDeployer):
        def deploy(self, item: plan.Item, root: Path, doing: Callable[[str], None]) -> Outcome:
            with note.open("a") as file:
                file.write(f"{item.stack}\n")
            return Outcome("succeeded")

    make(fleet_of({"a": 2, "b": 2}, maxParallel=1), Noting()).run()


@pytest.mark.parametrize("count", range(1, 10))
def test_killed_before_any_write(state: Path, count: int) -> None:
    """Killed at any step, a resumed rollout deploys every stack, in order, and at most the interrupted one twice."""
    context = multiprocessing.get_context("fork")
    for limit in (count, 10_000):
        process = context.Process(target=killed_at, args=(limit, str(state)))
        process.start()
        process.join()
    deployed = (state / "deployed").read_text().split()
    assert list(dict.fromkeys(deployed)) == ["a0", "a1", "b0", "b1"]
    assert len(deployed) <= 5
    assert journal.Journal().rollout("r").state == "succeeded"


def test_a_full_disk_starts_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a step cannot be recorded it is not begun, and resume goes on once there is room."""
    deployer = FakeDeployer()
    fleet = fleet_of({"a": 3}, maxParallel=1)
    running = make(fleet, deployer)
    database = running.journal._database
    deployer.on_deploy = lambda stack: (
        database.execute("pragma max_page_count = 1") and None if stack == "a1" else None  # type: ignore[func-returns-value]
    )
    huge = Outcome("succeeded", "x" * 100_000)
    monkeypatch.setattr(deployer, "deploy", lambda item, root, doing: (deployer.on_deploy(item.stack), huge)[1])
    with pytest.raises(journal.JournalError, match="nothing more is started"):
        running.run()
    assert [step.state for step in running.journal.steps("r")] == ["succeeded", "started"]
    monkeypatch.undo()


def test_only_one_at_a_time() -> None:
    """A second rollout is refused, and learns who holds the first."""
    book = journal.Journal()
    with book.running():
        book.begin("r", plan_of(fleet_of({"a": 1})).as_dict(), {})
        with (
            pytest.raises(HubstackError, match=rf"rollout r by .* \(process {os.getpid()}, since"),
            journal.Journal().running(),
        ):
            pass
    with book.running():
        pass


def test_interrupted_updates_are_told_from_foreign_ones() -> None:
    """Only what a rollout of ours began and did not finish is ours to settle."""
    book = journal.Journal()
    book.begin("r", plan_of(fleet_of({"a": 1})).as_dict(), {})
    first = book.start("r", "a", "a0", "up")
    book.finish(book.start("r", "a", "a1", "up"), "succeeded")
    for stack in ("a0", "a1", "a2"):
        book.start("r", "a", stack, "up")  # the one that asks
    assert [book.interrupted(stack) for stack in ("a0", "a1", "a2")] == ["r", None, None]
    book.finish(book.start("r", "a", "a0", "up"), "unreachable")
    assert book.interrupted("a0") == "r"
    assert [book.killed(stack) for stack in ("a0", "a1", "a2")] == [True, False, False]
    book.finish(first, "succeeded")


def test_report(state: Path) -> None:
    """The report has each stack once, with its last result, and says what was borne."""
    fleet = fleet_of({"a": 2}, maxFailures=1, maxParallel=1)
    running = make(fleet, FakeDeployer(failing={"a0": "failed"}))
    running.run()
    report.write(running.journal, running.journal.rollout("r"))
    facts = json.loads((state / "rollouts" / "r" / "report.json").read_text())
    assert facts["counts"] == {"failed": 1, "succeeded": 1}
    text = (state / "rollouts" / "r" / "report.md").read_text()
    assert "| a | a0 |  | **failed** |" in text
    assert "| a | a1 |  | succeeded |" in text
