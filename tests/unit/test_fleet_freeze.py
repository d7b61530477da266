"""Freezes: when they hold a wave, what they say, and what the runner does in one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hubstack.chart.errors import SettingsError
from hubstack.fleet import load
from hubstack.fleet.freeze import Freeze, hold
from tests.unit.test_fleet_runner import FakeDeployer, Quiet, fleet_of, make, state

__all__ = ["state"]  # the fixture
EXAMS = {"from": "2026-12-01", "to": "2026-12-18", "timeZone": "Europe/Berlin", "reason": "exams"}


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def freeze(**settings: Any) -> Freeze:
    """A freeze as the fleet file has it."""
    return Freeze.model_validate({**EXAMS, **settings})


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-30 22:59", None),
        ("2026-11-30 23:00", "2026-12-18 23:00"),  # midnight in Berlin
        ("2026-12-18 22:59", "2026-12-18 23:00"),  # the last day belongs to it
        ("2026-12-18 23:00", None),
    ],
)
def test_days_of_a_time_zone(now: str, until: str | None) -> None:
    """Days begin and end as the clocks of the time zone say."""
    found = hold([freeze()], at(now))
    assert (found and found.until) == (until and at(until))


def test_times_and_clocks_that_change() -> None:
    """A freeze may begin and end at a time; over the end of summer time it lasts an hour longer."""
    found = freeze(**{"from": "2026-10-24 12:00", "to": "2026-10-25T12:00"})
    assert (found.starts, found.ends) == (at("2026-10-24 10:00"), at("2026-10-25 11:00"))


def test_freezes_that_follow_one_another() -> None:
    """They hold until the last one ends, with every reason; one after a gap does not count."""
    holidays = freeze(**{"from": "2026-12-19", "to": "2026-12-31", "reason": "holidays"})
    audit = freeze(**{"from": "2027-01-02", "to": "2027-01-03", "reason": "audit"})
    found = hold([audit, holidays, freeze()], at("2026-12-10 00:00"))
    assert str(found) == "frozen until 2026-12-31 23:00 UTC: exams; holidays"


def test_what_is_no_freeze(tmp_path: Path) -> None:
    """Days that do not exist, a wrong order, an unknown time zone and a lack of reason are said with their lines."""
    file = tmp_path / "fleet.yaml"
    file.write_text(
        "stacks: {a: {}}\n"
        "waves: [{name: w, select: stack=a}]\n"
        "freeze:\n"
        "- {from: 2026-12-18, to: 2026-12-01, reason: exams}\n"
        "- {from: 2026-02-30, to: 12, timeZone: Berlin, reason: ' '}\n"
        "- {from: 2026-12-01 10:00, to: 2026-12-01 10:00, reason: exams}\n"
        "- {from: 2026-12-01, until: 2026-12-02}\n"
    )
    with pytest.raises(SettingsError) as error:
        load.read(file, stack_files=False)
    assert str(error.value).splitlines() == [
        "fleet.yaml:4: freeze[0]: ends before it begins: from 2026-12-18 to 2026-12-01",
        "fleet.yaml:5: freeze[1].from: '2026-02-30': no such day; write it like 2026-12-01 or 2026-12-01 08:00",
        "fleet.yaml:5: freeze[1].reason: ' ' is not allowed; must be text that is not blank",
        "fleet.yaml:5: freeze[1].timeZone: 'Berlin': no such time zone; write it like Europe/Berlin or UTC",
        "fleet.yaml:5: freeze[1].to: must be text, not the number 12; put it in quotes",
        "fleet.yaml:6: freeze[2]: ends before it begins: from 2026-12-01 10:00 to 2026-12-01 10:00",
        "fleet.yaml:7: freeze[3]: 'to' is missing: Last day, which belongs to it, or a time at which it ends",
        "fleet.yaml:7: freeze[3]: 'reason' is missing: Why; whoever is stopped by it reads this",
        "fleet.yaml:7: freeze[3].until: unknown key; known here: from, reason, timeZone, to",
    ]


def test_the_runner_pauses_and_can_be_overridden() -> None:
    """A frozen wave is not started, the waves before it are; with a reason it is, and the reason is told."""
    fleet = fleet_of({"a": 1, "b": 1})
    frozen = fleet.waves[1].model_copy(update={"freeze": [freeze()]})
    fleet = fleet.model_copy(update={"waves": [fleet.waves[0], frozen]})
    clock = lambda: at("2026-12-02 12:00")  # noqa: E731
    deployer = FakeDeployer()
    ended, reason = make(fleet, deployer, clock=clock).run()
    assert (ended, deployer.deployed) == ("paused", ["a0"])
    assert reason.startswith("wave b is frozen until 2026-12-18 23:00 UTC: exams; go on after that, or")
    progress = Quiet()
    assert make(fleet, deployer, clock=clock, progress=progress, during_freeze="hub is down").run()[0] == "succeeded"
    assert deployer.deployed == ["a0", "b0"]
    told = [facts["reason"] for kind, facts in progress.events if facts.get("state") == "overridden"]
    assert told == ["frozen until 2026-12-18 23:00 UTC: exams; deployed all the same: hub is down"]


def test_a_freeze_that_begins_while_a_wave_is_deployed() -> None:
    """What is under way is finished, and nothing more of the wave is started."""
    times = [at("2026-11-30 22:00")]
    fleet = fleet_of({"a": 3}, maxParallel=1, freeze=[EXAMS])
    deployer = FakeDeployer(on_deploy=lambda _: times.__setitem__(0, at("2026-12-01 10:00")))
    ended, _ = make(fleet, deployer, clock=lambda: times[0]).run()
    assert (ended, deployer.deployed) == ("paused", ["a0"])


def test_a_window_that_closes_while_a_wave_is_deployed() -> None:
    """The rest of a wave waits for the next window, or pauses where nobody waits."""
    times = [at("2026-11-30 15:59")]
    fleet = fleet_of({"a": 3}, maxParallel=1, windows=[{"hours": "09:00-16:00"}])
    deployer = FakeDeployer(on_deploy=lambda _: times.__setitem__(0, at("2026-11-30 16:01")))
    ended, reason = make(fleet, deployer, clock=lambda: times[0], patient=False).run()
    assert (ended, deployer.deployed) == ("paused", ["a0"])
    assert reason == "wave a: its next window opens 2026-12-01 09:00 UTC"
