"""Forecasts of rollouts, and fleets for other engines."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hubstack import project
from hubstack.errors import HubstackError
from hubstack.fleet import export, load
from hubstack.fleet.model import Fleet
from hubstack.fleet.simulate import simulate

OPERATOR = export.Operator("https://example.org/hubs.git", "main", "s3://states", "pulumi")
EXAMPLE = project.ROOT / "docs" / "examples" / "fleet" / "fleet.yaml"


def fleet(**first: object) -> Fleet:
    """Two staging stacks, then four."""
    stacks = {f"s{n}": {"labels": {"tier": "staging" if n < 2 else "prod"}} for n in range(6)}
    waves = [
        {"name": "staging", "select": "tier=staging", "maxParallel": 2, **first},
        {"name": "prod", "select": "tier=prod", "maxParallel": 2},
    ]
    return Fleet.model_validate({"stacks": stacks, "waves": waves})


def test_time_without_failures() -> None:
    """Without failures the time is that of the waves one after the other, bake time included."""
    found = simulate(fleet(bakeTime="1m"), None, 0.0, [10.0], runs=3)
    assert (found.seconds, found.touched, found.broken) == ((90.0, 90.0, 90.0), (6, 6, 6), (0, 0, 0))
    assert [(wave.seconds, wave.reached, wave.stopped) for wave in found.waves] == [(70.0, 1, 0), (20.0, 1, 0)]


def test_blast_radius_of_a_change_that_breaks_everything() -> None:
    """Such a change reaches what the first wave starts at once, and as many more as the wave bears."""
    assert simulate(fleet(), None, 0.0, [10.0]).worst_case == 2
    scaled = simulate(fleet(maxFailures=3), 3000, 1.0, [10.0], runs=5)
    assert scaled.touched == (5, 5, 5)
    assert scaled.completed == 0


def test_scaling_keeps_the_proportions() -> None:
    """A scaled fleet has exactly the wanted number of stacks, in the proportions of the file."""
    found = simulate(fleet(), 3000, 0.0, [10.0], runs=1)
    assert (found.stacks, [wave.stacks for wave in found.waves]) == (3000, [1000, 2000])
    assert simulate(fleet(), 7, 0.0, [10.0], runs=1).stacks == 7


def test_the_same_seed_gives_the_same_figures() -> None:
    """A forecast can be repeated."""
    assert simulate(fleet(), 100, 0.1, [5.0, 10.0]) == simulate(fleet(), 100, 0.1, [5.0, 10.0])


@pytest.mark.parametrize(("stacks", "rate", "times"), [(None, 1.5, [1.0]), (None, 0.1, []), (1, 0.1, [1.0])])
def test_impossible_figures(stacks: int | None, rate: float, times: list[float]) -> None:
    """What makes no sense is refused with the option's name."""
    with pytest.raises(HubstackError, match="--"):
        simulate(fleet(), stacks, rate, times)


def test_workflow() -> None:
    """A job for each wave with its stacks, in order, and a check between two waves that counts what may fail."""
    document = yaml.safe_load(export.text(load.read(EXAMPLE, stack_files=False), "github-matrix", OPERATOR))
    jobs = document["jobs"]
    assert list(document) == ["name", "on", "permissions", "concurrency", "jobs"]
    assert {name: job.get("needs", []) for name, job in jobs.items()} == {
        "staging": [],
        "staging-check": ["staging"],
        "canary": ["staging-check"],
        "canary-check": ["canary"],
        "prod": ["canary-check"],
        "prod-check": ["prod"],
        "frozen": ["prod-check"],
        "frozen-check": ["frozen"],
    }
    assert jobs["staging"]["strategy"] == {
        "fail-fast": True,
        "max-parallel": 2,
        "matrix": {
            "include": [{"stack": "uni-staging", "cluster": "eu-1"}, {"stack": "lab-staging", "cluster": "us-1"}]
        },
    }
    assert jobs["frozen"]["environment"] == {"name": "frozen"}
    assert jobs["staging-check"]["steps"][-1]["run"].endswith("sleep 300\n")
    assert (
        "windows" in export.text(load.read(EXAMPLE, stack_files=False), "github-matrix", OPERATOR).partition("name")[0]
    )


def test_a_wave_beyond_the_limit_of_a_matrix() -> None:
    """A large wave becomes several jobs, one after the other, counted together."""
    stacks = {f"s{n}": {"labels": {"tier": "x"}} for n in range(600)}
    large = Fleet.model_validate({"stacks": stacks, "waves": [{"name": "1st", "select": "tier", "maxFailures": "10%"}]})
    jobs = export.workflow(large)["jobs"]
    assert {name: job.get("needs") for name, job in jobs.items()} == {
        "wave-1st-1": None,
        "wave-1st-2": ["wave-1st-1"],
        "wave-1st-3": ["wave-1st-2"],
        "wave-1st-check": ["wave-1st-1", "wave-1st-2", "wave-1st-3"],
    }
    assert [len(jobs[f"wave-1st-{n}"]["strategy"]["matrix"]["include"]) for n in (1, 2, 3)] == [256, 256, 88]
    assert jobs["wave-1st-1"]["continue-on-error"] is True
    assert 'test "$failed" -le 60' in jobs["wave-1st-check"]["steps"][-1]["run"]


def test_stack_objects() -> None:
    """Each stack is an object that waits for every stack of the wave before, and for no other."""
    objects = list(yaml.safe_load_all(export.text(fleet(), "pulumi-operator", OPERATOR)))
    assert objects[0] == {
        "apiVersion": "pulumi.com/v1",
        "kind": "Stack",
        "metadata": {"name": "s0", "namespace": "pulumi", "labels": {"hubstack/wave": "staging"}},
        "spec": {
            "stack": "s0",
            "projectRepo": "https://example.org/hubs.git",
            "branch": "main",
            "backend": "s3://states",
            "refresh": False,
            "destroyOnFinalize": False,
        },
    }
    requirement = {"succeededWithinDuration": "24h"}
    assert [each["spec"].get("prerequisites") for each in objects[1:3]] == [
        None,
        [{"name": "s0", "requirement": requirement}, {"name": "s1", "requirement": requirement}],
    ]


def test_key_services_are_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator is told each stack's, and a workflow asks for a passphrase only where a stack needs one."""
    monkeypatch.setattr(project, "ROOT", tmp_path)
    services = ("awskms://alias/a", "hashivault://b", None)
    for stack, service in zip(fleet().stacks, services, strict=False):
        document = {"config": {}} | ({"secretsprovider": service} if service else {"encryptionsalt": "v1:x"})
        (tmp_path / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump(document))
    objects = list(yaml.safe_load_all(export.text(fleet(), "pulumi-operator", OPERATOR)))
    assert [each["spec"].get("secretsProvider") for each in objects[:3]] == list(services)
    text = export.text(fleet(), "github-matrix", OPERATOR)
    assert "give it credentials for awskms://alias/a" in text
    asks = [
        "PULUMI_CONFIG_PASSPHRASE" in str(job) for job in yaml.safe_load(text)["jobs"].values() if "strategy" in job
    ]
    assert asks[0] is False
    assert any(asks)


def test_unknown_targets(tmp_path: Path) -> None:
    """A target that is not known, and an operator without a repository, are refused."""
    with pytest.raises(HubstackError, match="allowed: github-matrix, pulumi-operator"):
        export.text(fleet(), "jenkins", OPERATOR)
    with pytest.raises(HubstackError, match="--repository"):
        export.text(fleet(), "pulumi-operator", export.Operator("", "main", "", "pulumi"))
