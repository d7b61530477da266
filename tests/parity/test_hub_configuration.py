"""Our hub files configure JupyterHub exactly as the chart's do: both are executed, with the same Secret and ConfigMap.

Without the chart, what its files led to comes from the recording. What this does not prove: that the hub starts
(tests/engine).
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from hubstack.chart.errors import SettingsError
from hubstack.parity import compare
from tests import needs
from tests.parity import draws, harness
from tests.parity.hub_configuration import cases, environment
from tests.parity.hub_configuration.cases import Case
from tests.parity.recording import Question


@pytest.fixture(autouse=True)
def hub_packages() -> None:
    """Skip where the hub's packages cannot be installed."""
    try:
        environment.python()
    except environment.Unavailable as error:
        needs.skip("index", str(error))


@functools.cache
def ours() -> dict[str, dict[str, Any]]:
    """What our files lead to, by test and by case."""
    return cases.by_test(cases.our_files())


@functools.cache
def charts() -> dict[str, dict[str, Any]]:
    """What the chart's files lead to, or led to when they were recorded."""
    reference = harness.reference()
    if isinstance(reference, harness.Recording):
        return {test: dict(reference.outcomes(test)) for test in cases.RECORDED}
    return cases.by_test(cases.charts_files())


def both(test: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The chart's outcomes and ours in a test, by case."""
    mine = ours()[test]
    return {name: charts()[test][name] for name in mine}, mine


def differing(chart: Mapping[Any, Any], ours: Mapping[Any, Any]) -> dict[Any, list[str]]:
    """What differs, by case."""
    return {
        name: list(map(str, compare.differences(chart[name], mine)))
        for name, mine in ours.items()
        if chart[name] != mine
    }


def test_same_configuration_for_every_values_file(request: pytest.FixtureRequest) -> None:
    """Each values file leads to the same traits, environment, services and roles, or to the same failure."""
    chart, mine = both(request.node.name)
    if not mine:
        needs.skip("values", f"none in {harness.mirror() / 'values'}")
    assert differing(chart, mine) == {}
    loaded = [name for name, outcome in chart.items() if "config" in outcome]
    assert len(loaded) > 0.9 * len(mine), "hardly anything was configured, so the comparison says little"


def test_same_configuration_for_random_values() -> None:
    """Values drawn at random, those that are not refused, lead to the same configuration, or to the same failure."""
    files = cases.charts_files()
    draws_wanted = 20 if harness.SAMPLE else 120
    hubs: list[Case] = []

    @settings(
        max_examples=draws_wanted,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    @given(draws.values())
    def collect(tree: dict[str, Any]) -> None:
        with contextlib.suppress(SettingsError):
            hubs.append(cases.case(Question((json.dumps(tree),)), str(len(hubs))))

    collect()
    assert len(hubs) > draws_wanted / 4
    theirs, mine = (dict(enumerate(cases.outcomes(hubs, each))) for each in (files, cases.our_files()))
    assert differing(theirs, mine) == {}


def test_existing_secret_lies_over_the_hubs(request: pytest.FixtureRequest) -> None:
    """The users' own Secret overrides settings and tokens, for both sides alike."""
    chart, mine = both(request.node.name)
    assert differing(chart, mine) == {}
    (found,) = mine.values()
    assert found["config"]["A"] == {"b": 3, "c": 2, "d": "sqlite-pvc"}
    assert found["config"]["JupyterHub"]["cookie_secret"] == "ab" * 32


@pytest.mark.parametrize(("kind", "variable"), [("mysql", "MYSQL_PWD"), ("postgres", "PGPASSWORD")])
def test_database_password_by_environment(request: pytest.FixtureRequest, kind: str, variable: str) -> None:
    """The password reaches the database library by its own variable."""
    chart, mine = both(request.node.name)
    assert differing(chart, mine) == {}
    (found,) = mine.values()
    assert found["environment"] == {variable: "sesame"}
    assert found["config"]["JupyterHub"]["db_url"] == "db://hub@host/hub", kind


def test_same_effect_of_snippets_and_corners(request: pytest.FixtureRequest) -> None:
    """Users' code and rarely used settings work, or fail, alike; a section that configures no class ends the hub."""
    chart, mine = both(request.node.name)
    assert differing(chart, mine) == {}
    assert list(mine.values())[-1]["exit"] == 1


def test_every_public_function_of_z2jh(request: pytest.FixtureRequest) -> None:
    """What users call of z2jh gives the same for paths that lead somewhere and for others."""
    chart, mine = both(request.node.name)
    for call, theirs, own in zip(cases.CALLS, chart["values"]["calls"], mine["values"]["calls"], strict=True):
        assert own == theirs, call
    assert differing(chart, mine) == {}


def test_z2jh_has_every_public_function() -> None:
    """What users can import from the chart's z2jh, where that is at hand, and from ours, is what the list has."""
    sides = [cases.our_files()["z2jh.py"]]
    if isinstance(harness.reference(), harness.Chart):
        sides.append(cases.charts_files()["z2jh.py"])
    for text in sides:
        defined = re.findall(r"^def ([a-z]\w*)\(", text, re.MULTILINE)
        assert sorted(defined) == cases.FUNCTIONS
