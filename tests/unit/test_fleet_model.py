"""fleet.yaml: what is accepted, what is refused, and how that is said."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubstack import label_selector as selector
from hubstack import project
from hubstack.chart.errors import SettingsError
from hubstack.fleet import duration, load, schema
from hubstack.fleet.windows import Window, wait_until

EXAMPLE = project.ROOT / "docs" / "examples" / "fleet" / "fleet.yaml"


def problems(tmp_path: Path, text: str) -> list[str]:
    """What is said about a fleet file."""
    file = tmp_path / "fleet.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError) as error:
        load.read(file, stack_files=False)
    return str(error.value).splitlines()


def test_example() -> None:
    """The example of the documentation is accepted; defaults reach the waves that say nothing else."""
    fleet = load.read(EXAMPLE, stack_files=False)
    assert fleet.wave_of() == {
        "uni-staging": "staging",
        "lab-staging": "staging",
        "library": "canary",
        "physics": "prod",
        "biology": "prod",
        "exams": "frozen",
    }
    assert [(wave.max_parallel, wave.bake_time, len(wave.gates), wave.approval) for wave in fleet.waves] == [
        (4, 300, 2, "none"),
        (4, 3600, 4, "none"),
        (20, 0, 2, "none"),
        (4, 0, 2, "manual"),
    ]
    assert fleet.waves[2].allowed_failures(142) == 7


def test_schema_is_current() -> None:
    """The published schema is what the models say: `python -m hubstack.fleet.schema` writes it."""
    assert schema.FILE.read_text() == schema.text()
    assert json.loads(schema.text())["required"] == ["stacks", "waves"]


def test_all_errors_at_once_with_lines(tmp_path: Path) -> None:
    """Every mistake is listed, with its line, its value and the nearest known key."""
    text = """stacks:
  a: {labels: {tier: staging}}
  b: {label: {tier: x}}
  c: {labels: {tier: no}}
waves:
  - name: staging
    select: tier=
    maxparallel: 3
    maxFailures: 120%
    bakeTime: 10
    windows: [{days: [mon-fry], hours: 9-16, timeZone: Europe/Berl}]
    gates: [{type: nope}, {type: notebook, usr: x}]
  - {select: tier in (a)}
wave: 1
"""
    found = problems(tmp_path, text)
    starts = [
        "fleet.yaml:3: stacks.b.label: unknown key; did you mean 'labels'?",
        "fleet.yaml:4: stacks.c.labels.tier: must be text, not the truth value false; put it in quotes",
        "fleet.yaml:7: waves[0].select: 'tier=': cannot be read from 'tier=' on; write it like",
        "fleet.yaml:8: waves[0].maxparallel: unknown key; did you mean 'maxParallel'?",
        "fleet.yaml:9: waves[0].maxFailures: '120%' is not allowed; must be a number of stacks from 0",
        "fleet.yaml:10: waves[0].bakeTime: the number 10 is not allowed; must be a duration with its unit",
        "fleet.yaml:11: waves[0].windows[0].days: 'mon-fry': no day; allowed: mon",
        "fleet.yaml:11: waves[0].windows[0].hours: '9-16': no hours; write them like",
        "fleet.yaml:11: waves[0].windows[0].timeZone: 'Europe/Berl': no such time zone",
        "fleet.yaml:12: waves[0].gates[0]: needs a type, one of: hub-health",
        "fleet.yaml:12: waves[0].gates[1].usr: unknown key; did you mean 'user'?",
        "fleet.yaml:13: waves[1]: 'name' is missing: Name of the wave",
        "fleet.yaml:14: wave: unknown key; did you mean 'waves'?",
    ]
    assert [line.startswith(start) for line, start in zip(found, starts, strict=True)] == [True] * len(starts), found


@pytest.mark.parametrize(
    ("settings", "stacks", "needed"),
    [
        ("", 10, 10),
        ("maxFailures: 20%", 10, 8),
        ("maxFailures: 100%", 10, 1),
        ("minSucceeded: 3", 10, 3),
        ("minSucceeded: 3", 2, 2),
        ("minSucceeded: 0", 10, 0),
        ("minSucceeded: 75%", 10, 8),
    ],
)
def test_successes_that_a_wave_needs(tmp_path: Path, settings: str, stacks: int, needed: int) -> None:
    """All but the failures that it bears and at least one, unless it says otherwise; a percentage is rounded up."""
    file = tmp_path / "fleet.yaml"
    file.write_text(f"stacks: {{a: {{}}, b: {{}}, c: {{}}}}\nwaves:\n- name: all\n  select: stack\n  {settings}\n")
    (wave,) = load.read(file, stack_files=False).waves
    assert wave.needed_successes(stacks) == needed


def test_a_wave_that_could_never_succeed(tmp_path: Path) -> None:
    """More successes than stacks are refused, and so is the name that the journal has in the backend."""
    text = "stacks: {a: {}, hubstack-rollouts: {}}\nwaves:\n- {name: all, select: stack, minSucceeded: 3}\n"
    assert problems(tmp_path, text) == [
        "fleet.yaml:1: stacks.hubstack-rollouts: is the name of the stack with the journal of rollouts; give the hub "
        "another one",
        "fleet.yaml:3: waves[0].minSucceeded: 3: must be 2 at most, the number of stacks in the wave; or a percentage "
        "such as 80%",
    ]


def test_every_stack_in_exactly_one_wave(tmp_path: Path) -> None:
    """A stack in no wave or in two, a wave without stacks and an unknown label are refused."""
    text = (
        "stacks: {a: {labels: {tier: x}}, b: {}}\n"
        "waves:\n- {name: a, select: tier=x}\n- {name: a, select: tiers=x}\n- {name: c, select: stack=a}\n"
    )
    found = problems(tmp_path, text)
    ending = "every stack belongs to exactly one, so mend its labels or a wave's select"
    assert found == [
        f"fleet.yaml:1: stacks.a: is in 2 waves: a, c; {ending}",
        f"fleet.yaml:1: stacks.b: is in no wave; {ending}",
        "fleet.yaml:4: waves[1].name: 'a': another wave has this name",
        "fleet.yaml:4: waves[1].select: 'tiers': no stack has this label; did you mean 'tier'?",
        "fleet.yaml:4: waves[1].select: selects no stack; mend the expression or remove the wave",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "fleet.yaml: must be a map with the keys stacks and waves"),
        ("a: [", "fleet.yaml:2: not valid YAML: did not find expected node content"),
        ("stacks: {a: {}, a: {}}", "fleet.yaml:1: a: is written twice"),
    ],
)
def test_what_is_no_fleet_file(tmp_path: Path, text: str, said: str) -> None:
    """Broken YAML, something else than a map and a repeated key are one clear line."""
    assert problems(tmp_path, text) == [said]


def test_a_stack_without_its_file(tmp_path: Path) -> None:
    """A stack of the fleet must have its settings."""
    (tmp_path / "fleet.yaml").write_text("stacks: {a: {}, b: {}}\nwaves: [{name: w, select: 'stack in (a, b)'}]\n")
    (tmp_path / "Pulumi.a.yaml").touch()
    with pytest.raises(SettingsError, match=r"stacks\.b: there is no Pulumi\.b\.yaml"):
        load.load(tmp_path)


def test_without_a_fleet_file_there_are_no_waves(tmp_path: Path) -> None:
    """A project without the file has no waves and no error."""
    assert load.labels_of(tmp_path, "dev") == {}


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        ("tier=prod", True),
        ("tier == prod", True),
        ("tier!=prod", False),
        ("zone!=a", True),
        ("region in (eu, us)", True),
        ("region notin (eu,us)", False),
        ("tier=prod,region in (us)", False),
        ("gpu", False),
        ("!gpu, tier", True),
    ],
)
def test_label_expressions(expression: str, fits: bool) -> None:
    """Expressions mean what Kubernetes' label selectors mean."""
    assert selector.parse(expression).matches({"tier": "prod", "region": "eu"}) is fits


@pytest.mark.parametrize("text", ["", ",", "tier=", "tier=a b", "region in ()", "a,,b", "tier=prod,"])
def test_unreadable_expressions(text: str) -> None:
    """What is no expression is refused, never half read."""
    with pytest.raises(ValueError, match=r"selects nothing|cannot be read"):
        selector.parse(text)


def test_durations() -> None:
    """Durations have units and survive being written."""
    assert [duration.seconds(text) for text in ("90s", "10m", "1h30m", "2d", "0")] == [90, 600, 5400, 172800, 0]
    assert [duration.written(each) for each in (90, 600, 5400, 172800, 0)] == ["1m30s", "10m", "1h30m", "2d", "0s"]


def at(text: str) -> datetime:
    """An aware time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "now", "opens"),
    [
        ({"days": ["mon-thu"], "hours": "09:00-16:00", "timeZone": "Europe/Berlin"}, "2026-11-23T08:30", None),
        (
            {"days": ["mon-thu"], "hours": "09:00-16:00", "timeZone": "Europe/Berlin"},
            "2026-11-26T15:00",
            "2026-11-30T08:00",
        ),
        ({"days": ["sat"], "hours": "22:00-04:00"}, "2026-11-29T03:59", None),
        ({"days": ["sat"], "hours": "22:00-04:00"}, "2026-11-29T04:00", "2026-12-05T22:00"),
        # The night in which clocks in Berlin go back: 03:00 comes at 02:00 UTC.
        ({"days": ["sat"], "hours": "22:00-03:00", "timeZone": "Europe/Berlin"}, "2026-10-25T01:59", None),
        (
            {"days": ["sat"], "hours": "22:00-03:00", "timeZone": "Europe/Berlin"},
            "2026-10-25T02:00",
            "2026-10-31T21:00",
        ),
        ({}, "2026-11-29T04:00", None),
    ],
)
def test_windows(window: dict, now: str, opens: str | None) -> None:
    """A window is open on its days and hours in its own time zone, over midnight and over a change of clocks."""
    assert wait_until([Window.model_validate(window)], at(now)) == at(opens or now)


def test_the_first_of_several_windows() -> None:
    """With several windows the one that opens first counts; without any, every time is right."""
    windows = [Window(days=["tue"]), Window(days=["mon"], hours="10:00-11:00")]
    assert wait_until(windows, at("2026-11-23T09:00")) == at("2026-11-23T10:00")
    assert wait_until([], at("2026-11-23T09:00")) == at("2026-11-23T09:00")
