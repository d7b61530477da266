"""The review says what a change means for the nodes: what no longer starts, how many fill one, what room costs."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from hubstack.review.report import Report
from tests.unit.review_repository import Repository

POOL = {
    "name": "users",
    "allocatable": {"cpu": 8, "memory": "59Gi", "pods": 110},
    "daemonSets": {"memory": "700Mi", "pods": 6},
    "nodes": 3,
    "maxNodes": 10,
}


def write(repository: Repository, values: dict[str, Any], name: str = "a", **pool: Any) -> None:
    """A stack whose cluster has one pool."""
    (repository.root / "pools.yaml").write_text(yaml.safe_dump({"currency": "EUR", "pools": [{**POOL, **pool}]}))
    repository.stack(name, values, poolsFile="pools.yaml")


def told(report: Report, rule: str) -> list[str]:
    return [each.text for stack in report.stacks for each in stack.findings if each.rule == rule]


def server(**profiles: str) -> dict[str, Any]:
    listed = [
        {"display_name": name, "slug": name, "kubespawner_override": {"mem_guarantee": size}}
        for name, size in profiles.items()
    ]
    return {"singleuser": {"profileList": listed}}


def room(replicas: int) -> dict[str, Any]:
    return {"scheduling": {"userPlaceholder": {"replicas": replicas}}, "singleuser": {"memory": {"guarantee": "20G"}}}


def test_a_profile_that_no_longer_starts_blocks(repository: Repository) -> None:
    """What fitted before and never starts now blocks, with numbers; what never started before is not said again."""
    write(repository, server(large="57G", broken="99G"))
    repository.commit()
    write(repository, server(large="62G", broken="99G"))
    report, text = repository.review()
    assert told(report, "capacity") == [
        "Profile `large` asks for 62 GiB of memory; the only pool that it may use (`users`) leaves 58.3 GiB of memory: "
        "every start would wait for ever (0/3 nodes: 3 Insufficient memory). At most 58 GiB."
    ]
    assert report.exit_code == 3
    assert "At most 58 GiB" in text
    assert repository.review(capacity="a larger pool comes today")[0].exit_code == 2


def test_a_smaller_pool_counts_as_a_change(repository: Repository) -> None:
    """Values that stay the same do not fit any more where the pools file changes."""
    write(repository, server(large="57G"))
    repository.commit()
    write(repository, server(large="57G"), allocatable={"cpu": 8, "memory": "30Gi", "pods": 110})
    report, _ = repository.review()
    assert len(told(report, "capacity")) == 1
    assert report.exit_code == 3


def test_how_many_fill_a_node(repository: Repository) -> None:
    """Another number of servers to a node is said."""
    write(repository, server(small="2G"))
    repository.commit()
    write(repository, server(small="4G"))
    report, _ = repository.review()
    assert told(report, "servers-per-node") == [
        "new servers fill the nodes in another way: profile `small`: 29 -> 14 to a node of `users`"
    ]


@pytest.mark.parametrize(
    ("price", "before", "after", "says"),
    [
        (0.282, 3, 6, "placeholders 3 -> 6: 1 more node of pool `users`, 206 EUR a month more"),
        (0.282, 3, 12, "placeholders 3 -> 12: 3 more nodes of pool `users`, 618 EUR a month more"),
        (None, 3, 12, "placeholders 3 -> 12: 3 more nodes of pool `users`, 2190 node hours a month more"),
        (0.282, 12, 0, "placeholders 12 -> 0: 4 fewer nodes of pool `users`, 823 EUR a month less"),
        (0.282, 1, 3, None),
    ],
)
def test_what_placeholders_cost(
    repository: Repository, price: float | None, before: int, after: int, says: str | None
) -> None:
    """Nodes and money where there is a price, node hours where there is none, nothing where no node more is needed."""
    pool = {} if price is None else {"pricePerHour": price}
    write(repository, room(before), **pool)
    repository.commit()
    write(repository, room(after), **pool)
    report, _ = repository.review()
    wanted = [f"room kept for the next users: {says}"] if says else []
    assert told(report, "placeholders") == wanted


def test_code_is_said_to_be_unknown(repository: Repository) -> None:
    """Code that may change pods makes a verdict impossible; that is said once, when it comes."""
    write(repository, server(small="2G"))
    repository.commit()
    hook = "def hook(spawner): pass\nc.KubeSpawner.pre_spawn_hook = hook"
    write(repository, {**server(small="2G"), "hub": {"extraConfig": {"a": hook}}})
    report, _ = repository.review()
    (text,) = told(report, "capacity-unknown")
    assert text.startswith("Profile `small` cannot be judged: hub.extraConfig.a, line 2")
    repository.commit()
    write(repository, {**server(small="3G"), "hub": {"extraConfig": {"a": hook}}})
    assert told(repository.review()[0], "capacity-unknown") == []


def test_a_new_stack(repository: Repository) -> None:
    """What never starts of a new hub is said as well."""
    repository.stack("b", {})
    repository.commit()
    write(repository, server(large="62G"))
    report, _ = repository.review()
    assert len(told(report, "capacity")) == 1


def test_a_pools_file_that_cannot_be_used(repository: Repository) -> None:
    """A broken pools file hides nothing else of the review, and nothing is said to fit."""
    write(repository, server(small="2G"))
    repository.commit()
    (repository.root / "pools.yaml").write_text("pools: []")
    report, _ = repository.review()
    (text,) = told(report, "capacity-unknown")
    assert text.startswith("A user's server cannot be judged: pools.yaml: pools")


@pytest.mark.parametrize("name", ["../pools.yaml", "/etc/hostname"])
def test_a_pools_file_of_somebody_else_is_not_read(repository: Repository, name: str) -> None:
    """A pull request may name no file beyond its revision."""
    repository.stack("a", server(small="2G"))
    repository.commit()
    repository.stack("a", server(small="3G"), poolsFile=name)
    (repository.root.parent / "pools.yaml").write_text("password: hunter2")
    report, text = repository.review()
    assert report.exit_code == 1
    assert f"poolsFile: '{name}'" in text
    assert "hunter2" not in text


def test_without_a_pools_file_nothing_is_said(repository: Repository) -> None:
    """A stack that names no pools has no such findings."""
    repository.stack("a", server(small="2G"))
    repository.commit()
    repository.stack("a", server(small="99G"))
    report, _ = repository.review()
    rules = {each.rule for stack in report.stacks for each in stack.findings}
    assert rules.isdisjoint({"capacity", "capacity-unknown", "servers-per-node", "placeholders"})
