"""Our hub files configure JupyterHub exactly as the chart's do: both are executed, with the same Secret and ConfigMap.

Without the chart, what its files led to comes from the recording. What this does not prove: that the hub starts
(tests/engine).
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from chart.errors import SettingsError
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


def outcomes(test: str, hubs: Sequence[Case]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The chart's outcomes and ours, by case."""
    reference = harness.reference()
    ours = cases.outcomes(hubs, cases.our_files())
    if isinstance(reference, harness.Recording):
        recorded = reference.outcomes(test)
        return {name: recorded[name] for name in ours}, ours
    return cases.outcomes(hubs, cases.charts_files()), ours


def differing(chart: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, list[str]]:
    """What differs, by case."""
    return {
        name: list(map(str, compare.differences(chart[name], mine)))
        for name, mine in ours.items()
        if chart[name] != mine
    }


def test_same_configuration_for_every_values_file(request: pytest.FixtureRequest) -> None:
    """Each values file leads to the same traits, environment, services and roles, or to the same failure."""
    hubs = cases.of_values_files()
    if not hubs:
        needs.skip("values", f"none in {harness.mirror() / 'values'}")
    chart, ours = outcomes(request.node.name, hubs)
    assert differing(chart, ours) == {}
    loaded = [name for name, outcome in chart.items() if "config" in outcome]
    assert len(loaded) > 0.9 * len(hubs), "hardly anything was configured, so the comparison says little"


def test_same_configuration_for_random_values() -> None:
    """Values drawn at random, those that are not refused, lead to the same configuration, or to the same failure."""
    files = cases.charts_files()
    hubs: list[Case] = []

    @settings(
        max_examples=120, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=[*HealthCheck]
    )
    @given(draws.values())
    def collect(tree: dict[str, Any]) -> None:
        with contextlib.suppress(SettingsError):
            hubs.append(cases.case(Question((json.dumps(tree),)), str(len(hubs))))

    collect()
    assert len(hubs) > 30
    assert differing(cases.outcomes(hubs, files), cases.outcomes(hubs, cases.our_files())) == {}


def test_existing_secret_lies_over_the_hubs(request: pytest.FixtureRequest) -> None:
    """The users' own Secret overrides settings and tokens, for both sides alike."""
    chart, ours = outcomes(request.node.name, cases.with_existing_secret())
    assert differing(chart, ours) == {}
    (found,) = ours.values()
    assert found["config"]["A"] == {"b": 3, "c": 2, "d": "sqlite-pvc"}
    assert found["config"]["JupyterHub"]["cookie_secret"] == "ab" * 32


@pytest.mark.parametrize(("kind", "variable"), [("mysql", "MYSQL_PWD"), ("postgres", "PGPASSWORD")])
def test_database_password_by_environment(request: pytest.FixtureRequest, kind: str, variable: str) -> None:
    """The password reaches the database library by its own variable."""
    chart, ours = outcomes(request.node.name, cases.with_database(kind))
    assert differing(chart, ours) == {}
    (found,) = ours.values()
    assert found["environment"] == {variable: "sesame"}


def test_same_effect_of_snippets_and_corners(request: pytest.FixtureRequest) -> None:
    """Users' code and rarely used settings work, or fail, alike; a section that configures no class ends the hub."""
    hubs = cases.of_corners()
    chart, ours = outcomes(request.node.name, hubs)
    assert differing(chart, ours) == {}
    assert ours[hubs[-1].name]["exit"] == 1


def test_every_public_function_of_z2jh(request: pytest.FixtureRequest) -> None:
    """What users call of z2jh gives the same for paths that lead somewhere and for others."""
    chart, ours = outcomes(request.node.name, cases.with_calls())
    for call, theirs, mine in zip(cases.CALLS, chart["values"]["calls"], ours["values"]["calls"], strict=True):
        assert mine == theirs, call
    assert differing(chart, ours) == {}


def test_z2jh_has_every_public_function() -> None:
    """What users can import from the chart's z2jh, where that is at hand, and from ours, is what the list has."""
    sides = [cases.our_files()["z2jh.py"]]
    if isinstance(harness.reference(), harness.Chart):
        sides.append(cases.charts_files()["z2jh.py"])
    for text in sides:
        defined = re.findall(r"^def ([a-z]\w*)\(", text, re.MULTILINE)
        assert sorted(defined) == cases.FUNCTIONS
