"""The journal that machines share: who may run what, what reaches whom, and what is owed beside each state."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hubstack.engine import backend, backend_files, tags
from hubstack.engine.record import Record
from hubstack.errors import HubstackError
from hubstack.fleet import begun, deployed, lease, order, plan, publisher, shared, source
from hubstack.fleet.begun import Begun
from hubstack.fleet.journal import Journal
from hubstack.fleet.lease import Lease
from hubstack.fleet.publisher import Publisher
from hubstack.fleet.run import Run
from hubstack.fleet.shared import LostError, Shared


@dataclass
class MemoryRecord:
    """The document in memory; what is written is what JSON keeps of it."""

    environment: dict[str, str] = field(default_factory=lambda: {"PULUMI_BACKEND_URL": "file:///none"})
    document: dict[str, Any] = field(default_factory=dict)
    fails: bool = False

    def read(self) -> dict[str, Any] | None:
        """The document."""
        if self.fails:
            raise HubstackError("no answer")
        return cast("dict[str, Any]", json.loads(json.dumps(self.document))) or None

    def change(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        """Change it."""
        self.document = change(self.read() or {})
        return self.document


@dataclass
class MachineOf:
    """One machine: a state folder, and its part of the shared journal."""

    name: str
    folder: Path
    record: MemoryRecord
    patch: pytest.MonkeyPatch

    def __post_init__(self) -> None:
        self.use()
        self.journal = Journal()
        self.shared = Shared(cast("Record", self.record), self.journal)

    def use(self) -> MachineOf:
        """Be this machine from now on."""
        self.patch.setenv("HUBSTACK_STATE_DIR", str(self.folder))
        self.patch.setattr(lease, "machine", lambda: self.name)
        return self

    def begin(self, rollout: str, *stacks: str, seconds: int = 60) -> Lease:
        """Claim a new rollout."""
        mine = lease.new(seconds)
        self.shared.claim(rollout, mine, stacks, lambda: self.journal.begin(rollout, plan_of(*stacks), {}))
        return mine

    def take_over(self, rollout: str, *stacks: str, insist: bool = False) -> Lease:
        """Claim a rollout that another one has begun."""
        self.shared.pull()
        before, mine = self.journal.rollout(rollout).lease, lease.new()
        self.shared.claim(
            rollout,
            mine,
            stacks,
            lambda: self.journal.take_over(rollout, {}),
            from_runner=before.runner if before else None,
            insist=insist,
        )
        return mine


def plan_of(*stacks: str) -> dict[str, Any]:
    """A plan that deploys stacks."""
    items = tuple(plan.Item(stack, "all", "up", "because", digest="d1") for stack in stacks)
    return plan.Plan(source.Revision("c" * 40, False), items, ("all",)).as_dict()


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[MachineOf]:
    """Two machines with one record."""
    record = MemoryRecord()
    return [MachineOf(name, tmp_path / name, record, monkeypatch) for name in ("one", "two")]


def test_a_second_machine_is_refused_while_the_first_lives(machines: list[MachineOf]) -> None:
    """Nobody begins or takes over a rollout whose lease lasts; with other stacks one runs side by side."""
    one, two = machines
    one.use().begin("r1", "a", "b")
    two.use()
    with pytest.raises(HubstackError, match="a rollout is under way: rollout r1 by"):
        two.begin("r2", "b")
    assert two.journal.rollouts() == [], "what was refused is not in the journal"
    with pytest.raises(HubstackError, match=r"is under way; wait for it.* its lease ends in \d+ s"):
        two.take_over("r1", "a", "b")
    two.begin("r2", "c")
    assert set(one.record.document["rollouts"]) == {"r1", "r2"}


def test_a_lease_that_is_over_may_be_taken(machines: list[MachineOf], monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time, or at once by whoever insists, another machine goes on; the first one learns of it and stops."""
    one, two = machines
    mine = one.use().begin("r1", "a", seconds=1)
    step = one.journal.start("r1", "all", "a", "up", before="d0")
    one.journal.finish(step, "succeeded")
    one.shared.push("r1", mine)
    later = time.time() + 5
    monkeypatch.setattr(time, "time", lambda: later)
    two.use().take_over("r1", "a")
    assert [(each.stack, each.state, each.detail) for each in two.journal.steps("r1")] == [
        ("a", "succeeded", {"before": "d0"})
    ]
    one.use()
    with pytest.raises(LostError):
        one.shared.push("r1", mine)
    one.take_over("r1", "a", insist=True)
    assert one.record.document["rollouts"]["r1"]["writer"] == lease.home()


def test_a_rollout_that_waits_is_in_the_way(machines: list[MachineOf]) -> None:
    """A paused or interrupted rollout is gone on with or ended before another one of its stacks begins."""
    one, two = machines
    mine = one.use().begin("r1", "a")
    one.journal.end("r1", "paused", "wave all waits for approval")
    one.shared.push("r1", mine)
    two.use()
    with pytest.raises(HubstackError, match=r"is paused: wave all waits.*hubstack rollout resume"):
        two.begin("r2", "a")
    two.shared.pull()
    two.shared.amend("r1", lambda entry: entry.update(state="aborted"))
    two.begin("r2", "a")
    one.use().shared.pull()
    assert {each.id: each.state for each in one.journal.rollouts()} == {"r1": "aborted", "r2": "running"}


def test_requests_reach_the_runner(machines: list[MachineOf]) -> None:
    """What is asked elsewhere comes with the next look at the record, and no write of the runner loses it."""
    one, two = machines
    mine = one.use().begin("r1", "a")
    two.use().shared.pull()
    two.shared.ask("r1", "approve all")
    one.use()
    running = Publisher("r1", one.shared, mine, lambda _: None)
    running._fetch()
    assert one.journal.requests("r1") == {"approve all"}
    two.use().shared.ask("r1", "pause")
    one.use().shared.push("r1", mine)
    assert one.journal.requests("r1") == {"approve all", "pause"}
    assert set(one.record.document["rollouts"]["r1"]["requests"]) == {"approve all", "pause"}


def test_a_runner_that_cannot_renew_its_lease_stops(machines: list[MachineOf], monkeypatch: pytest.MonkeyPatch) -> None:
    """Another machine may have taken over by then."""
    one, _ = machines
    mine = one.use().begin("r1", "a", seconds=1)
    monkeypatch.setattr(publisher, "LOCAL_SECONDS", 0.05)
    one.record.fails = True
    running = Publisher("r1", one.shared, replace(mine, seen=time.time() - 2), lambda _: None)
    running.start()
    assert running._thread
    running._thread.join(5)
    assert running.lost.startswith("the backend could not be reached for 1 s")
    assert running.problem == running.lost
    assert Publisher("r1", one.shared, replace(mine, seen=time.time() - 2), lambda _: None).problem


def test_old_rollouts_leave_the_record(machines: list[MachineOf]) -> None:
    """The record keeps the last that have ended; what waits stays, however old."""
    one, _ = machines
    one.use()
    for number in range(shared.KEPT + 4):
        mine = one.begin(f"r{number:02}", f"s{number}")
        one.journal.end(f"r{number:02}", "succeeded" if number else "paused")
        one.shared.push(f"r{number:02}", mine)
    kept = set(one.record.document["rollouts"])
    assert kept == {"r00", *(f"r{number:02}" for number in range(shared.KEPT + 4) if number > 3)}
    assert {facts["rollout"] for facts in one.record.document["runners"].values()} == kept


def test_what_was_killed_is_known_from_the_tag_and_the_history() -> None:
    """An update that was begun after the last one that ended was killed; so is one whose killed one was not made up."""
    of = Begun("r", "x", 100.0)
    assert [of.was_killed(ended, succeeded=True) for ended in (0.0, 99.0, 101.0)] == [True, True, False]
    later = replace(of, after_kill=True)
    assert [later.was_killed(101.0, succeeded=succeeded) for succeeded in (False, True)] == [True, False]


LOCKED = "the stack is locked by root@{host} (process 7) since {since}Z: another update is under way; wait for it"


@pytest.mark.parametrize(
    ("host", "since", "runner", "rollout", "now", "removed"),
    [
        ("one", "1970-01-01T00:16:45", "x", "r1", 1010, True),  # its runner was said to be dead
        ("one", "1970-01-01T00:16:45", "x", "r2", 1200, True),  # another rollout's, whose lease is over
        ("one", "1970-01-01T00:16:45", "x", "r2", 1010, False),  # another rollout's, which lives
        ("two", "1970-01-01T00:16:45", "x", "r1", 1010, False),  # another machine's
        ("one", "1970-01-01T00:16:00", "x", "r1", 1010, False),  # from before its update
        ("one", "1970-01-01T00:20:00", "x", "r1", 1300, False),  # from after its end
        ("one", "1970-01-01T00:16:45", "y", "r1", 1010, False),  # nobody knows who that is
    ],
)
def test_nobody_elses_lock_is_removed(
    monkeypatch: pytest.MonkeyPatch, host: str, since: str, runner: str, rollout: str, now: float, removed: bool
) -> None:
    """A lock in the way is a dead runner's if its host and its time are those of the update that it had begun."""
    monkeypatch.setattr(time, "time", lambda: float(now))
    known = SimpleNamespace(runners={"x": {"rollout": "r1", "host": "one", "until": 1100.0}})
    of = Run(*cast("Any", (None, known, None, None, {}, None, SimpleNamespace(runner="mine"))))
    reason = LOCKED.format(host=host, since=since)
    assert of._lock_of_dead(rollout, Begun("r1", runner, 1004.0), reason) == removed
    assert not of._lock_of_dead(rollout, Begun("r1", runner, 1004.0), "error: quota")


def stack_files(folder: Path, mark: dict[str, Any], tagged: dict[str, str]) -> dict[str, str]:
    """A local backend with one deployed stack and its tags; gives the engine's variables."""
    root = folder / "backend"
    state = backend_files.state(root, "hubstack", "a")
    state.parent.mkdir(parents=True)
    resources = [{"type": "pulumi:pulumi:Stack", "outputs": {"rollout": mark}}]
    state.write_text(json.dumps({"checkpoint": {"latest": {"resources": resources}}}))
    history = root / ".pulumi" / "history" / "hubstack" / "a"
    history.mkdir(parents=True)
    message = deployed.message(mark["rollout"], mark["digest"])
    entry = {"kind": "update", "result": "succeeded", "message": message, "endTime": 50}
    (history / "a-1.history.json").write_text(json.dumps(entry))
    backend_files.tags(root, "hubstack", "a").write_text(json.dumps({"version": 1, "tags": tagged}))
    return {"PULUMI_BACKEND_URL": f"file://{root}"}


@pytest.mark.parametrize(
    ("mark", "opened", "owes"),
    [
        ({}, "", ()),
        ({"owes": ["gates"]}, "", ("gates",)),
        ({"owes": ["gates", "bake"]}, "d1 r1", ()),
        ({"owes": ["gates"]}, "d1 r0", ("gates",)),
        ({"owes": ["bake"]}, "d0 r1", ("bake",)),
    ],
)
def test_what_is_owed(tmp_path: Path, mark: dict[str, Any], opened: str, owes: tuple[str, ...]) -> None:
    """Owed is what the update's own mark says, until the tag names this digest of this rollout; an older mark owes
    nothing, and neither does a stack whose wave asks nothing any more."""
    tagged = {deployed.OPENED: opened} if opened else {}
    variables = stack_files(tmp_path, {"digest": "d1", "commit": "c1", "rollout": "r1", **mark}, tagged)
    known = deployed.read("a", variables, tmp_path)
    assert (known.finished, known.owes, known.ended) == (True, owes, 50.0)
    assert tags.read("a", variables, tmp_path) == tagged
    assert begun.read("a", variables, tmp_path) is None


def test_an_older_rollout_is_refused(machines: list[MachineOf], monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack's mark of a newer rollout refuses an older one, whether the journal knows the newer one or not."""
    one, _ = machines
    one.use().begin("20260101-000000-aaaa", "a")
    older = one.journal.rollout("20260101-000000-aaaa")
    marks = {"a": deployed.Deployed(exists=True, rollout=older.id)}
    monkeypatch.setattr(deployed, "read", lambda name, *_: marks[name])
    order.refuse_older(one.journal, older, ["a"], {}, "resume")
    marks["a"] = replace(marks["a"], rollout="20250101-000000-bbbb")
    order.refuse_older(one.journal, older, ["a"], {}, "resume")
    marks["a"] = replace(marks["a"], rollout="29990101-000000-cccc")
    with pytest.raises(HubstackError, match=r"rollout 29990101-000000-cccc came after it \(stacks a\).*--force"):
        order.refuse_older(one.journal, older, ["a"], {}, "resume")


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    """Tags are never taken for absent because they cannot be read."""
    variables = stack_files(tmp_path, {"digest": "d1", "rollout": "r1", "owes": ["gates"]}, {})
    backend_files.tags(tmp_path / "backend", "hubstack", "a").write_text("{")
    with pytest.raises(HubstackError, match="pulumi stack tag ls"):
        deployed.read("a", variables, tmp_path)
    assert backend.read("a", variables, tmp_path) is not None
