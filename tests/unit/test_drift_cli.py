"""`hubstack drift` and `rollout plan --drift`: which stacks they look at, and what follows from what is found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from hubstack import project
from hubstack.commands import main
from hubstack.drift import examine
from hubstack.drift.report import StackDrift
from hubstack.errors import HubstackError
from hubstack.fleet import drifted, rollout
from hubstack.fleet.plan import Item
from hubstack.lifecycle import repair
from hubstack.project.stacks import Stack
from tests.unit.test_drift import POLICY, REPLICAS

FLEET = {
    "stacks": {"a": {"labels": {"tier": "test"}}, "b": {"labels": {"tier": "prod"}}, "c": {"labels": {"tier": "prod"}}},
    "waves": [{"name": "first", "select": "tier=test"}, {"name": "second", "select": "tier=prod"}],
}
FOUND: dict[str, StackDrift] = {}
"""What is found of a stack that has something else than no drift."""


@pytest.fixture(autouse=True)
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fleet of three stacks, of which nothing is asked but what was found."""
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    (tmp_path / "fleet.yaml").write_text(yaml.safe_dump(FLEET))
    for name in "abc":
        (tmp_path / f"Pulumi.{name}.yaml").write_text(f"config: {{hubstack:kubeContext: {name}}}\n")
    monkeypatch.setattr(project, "ROOT", tmp_path)
    monkeypatch.setattr(rollout, "environment", lambda *_, **__: {})

    def one(stack: Stack, environment: Mapping[str, str]) -> StackDrift:
        return FOUND.get(stack.name, StackDrift(stack.name, "clean"))

    def several(chosen: Iterable[Stack], environment: Mapping[str, str]) -> list[StackDrift]:
        return [one(each, environment) for each in chosen]

    monkeypatch.setattr(examine, "one", one)
    monkeypatch.setattr(examine, "several", several)
    FOUND.clear()
    return tmp_path


def run(*arguments: str) -> Result:
    """Run the command; an error of ours is its exception."""
    return CliRunner().invoke(main.app, ["drift", *arguments])


def looked_at(*arguments: str) -> list[str]:
    """Names of the stacks that are looked at."""
    return [each["stack"] for each in json.loads(run(*arguments, "--json").stdout)["stacks"]]


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("--stack", "b"), "b"),
        (("--stack", "c", "--stack", "a"), "ca"),
        (("--fleet",), "abc"),
        (("--wave", "second"), "bc"),
        (("--select", "tier=prod,stack!=b"), "c"),
    ],
)
def test_which_stacks(arguments: tuple[str, ...], names: str) -> None:
    """Single ones, or those of the fleet file."""
    assert looked_at(*arguments) == list(names)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--fleet", "--stack", "a"), "go without --stack"),
        (("--wave", "third"), "--wave third: not in fleet.yaml; waves: first, second"),
        (("--select", "tier in"), "--select 'tier in'"),
        (("--fleet", "--accept", "Deployment/hub"), "--accept: is for one stack"),
    ],
)
def test_options_that_do_not_fit(arguments: tuple[str, ...], error: str) -> None:
    """Each is refused, with what is allowed."""
    failure = run(*arguments).exception
    assert isinstance(failure, HubstackError)
    assert error in str(failure)


def test_the_exit_code_and_the_figures(tmp_path: Path) -> None:
    """One cluster that is down hides no drift of another, and both are in the file."""
    FOUND["a"] = StackDrift("a", "unreachable", "no answer", "eu-1")
    assert run("--fleet").exit_code == 3
    FOUND["b"] = StackDrift("b", "drifted", differences=[POLICY], shown=[])
    result = run("--fleet", "--metrics", str(tmp_path / "x.prom"))
    assert result.exit_code == 2
    assert "1 clean, 1 drifted, 1 unreachable" in result.stdout
    text = (tmp_path / "x.prom").read_text()
    assert 'hubstack_drift_unreachable{stack="a",context="eu-1",namespace=""} 1' in text
    assert 'hubstack_drift_fields{stack="b",context="",namespace=""} 1' in text


def test_a_repair_asks_a_person() -> None:
    """Without a terminal and without `--yes`, nothing is done."""
    FOUND["a"] = StackDrift("a", "drifted", differences=[POLICY], shown=[])
    failure = run("--stack", "a", "--repair").exception
    assert isinstance(failure, HubstackError)
    assert "--yes repairs without. Nothing was changed." in str(failure)


def test_what_holds_data_is_left_alone() -> None:
    """A claim that was deleted is not made again, and in a namespace that is gone nothing is."""
    claim = POLICY.where(target=POLICY.target.__class__("v1", "PersistentVolumeClaim", "jhub", "hub-db-dir"))
    namespace = POLICY.where(target=POLICY.target.__class__("v1", "Namespace", "", "jhub"))
    planned = repair.plan(StackDrift("a", "drifted", differences=[claim, REPLICAS]))
    assert (list(planned.mended), list(planned.left)) == ([REPLICAS.target], [claim.target])
    planned = repair.plan(StackDrift("a", "drifted", differences=[namespace, claim, REPLICAS]))
    assert (planned.mended, len(planned.left)) == ({}, 2)


def item(stack: str, action: Any, **more: Any) -> Item:
    """One stack of a plan."""
    return Item(stack, "w", action, "why", **more)


def test_a_rollout_takes_drift_for_due_where_it_is_asked(fleet: Path) -> None:
    """An unchanged stack with drift is deployed; what is not known is said; others are as they were."""
    FOUND["a"] = StackDrift("a", "drifted", differences=[POLICY, REPLICAS])
    FOUND["b"] = StackDrift("b", "unreachable", "no answer")
    FOUND["c"] = FOUND["a"]
    due = drifted.due([item("a", "skip"), item("b", "skip"), item("c", "refused")], fleet, {})
    assert [(each.action, each.drift) for each in due] == [("up", 2), ("skip", 0), ("refused", 0)]
    assert due[0].reason == "why; has drifted: 2 differences in 2 objects"
    assert due[1].reason == "why; drift is not known: no answer"
    (new,) = drifted.due([item("a", "up", exists=False)], fleet, {})
    assert new == item("a", "up", exists=False)
