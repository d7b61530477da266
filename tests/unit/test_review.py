"""Reviews of changes in a small repository of their own: what is said, and what is never said."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from hubstack.errors import HubstackError
from hubstack.review import markdown, review, rules
from hubstack.review.report import Report
from tests.unit.review_repository import QUIET, Repository


def named(report: Report, stack: str = "a") -> set[str]:
    """The rules that apply to a stack."""
    return {finding.rule for each in report.stacks if each.stack == stack for finding in each.findings}


def test_no_change(repository: Repository) -> None:
    """Equal revisions give exit code 0 and one sentence."""
    repository.stack("a", {})
    repository.commit()
    report, text = repository.review()
    assert (report.exit_code, report.changed) == (0, ())
    assert "No change for 1 stacks" in text


CHANGES: list[tuple[dict[str, Any], dict[str, Any], set[str]]] = [
    ({}, {"hub": {"config": {"JupyterHub": {"admin_access": False}}}}, {"hub-restart"}),
    ({}, {"proxy": {"chp": {"resources": {"requests": {"cpu": "1"}}}}}, {"hub-restart", "proxy-restart"}),
    ({}, {"hub": {"db": {"type": "sqlite-memory"}}}, {"hub-restart", "database", "storage"}),
    ({}, {"hub": {"db": {"pvc": {"storageClassName": "fast"}}}}, {"hub-restart", "storage"}),
    ({}, {"singleuser": {"storage": {"dynamic": {"pvcNameTemplate": "x-{username}"}}}}, {"hub-restart", "home-names"}),
    (
        {"singleuser": {"profileList": [{"display_name": "a", "slug": "a"}, {"display_name": "b", "slug": "b"}]}},
        {"singleuser": {"profileList": [{"display_name": "a", "slug": "a"}]}},
        {"hub-restart", "profile-removed"},
    ),
    ({}, {"singleuser": {"image": {"tag": "2"}}}, {"hub-restart", "user-image"}),
    ({}, {"singleuser": {"memory": {"limit": "4G"}}}, {"hub-restart", "user-resources"}),
    ({}, {"cull": {"timeout": 60}}, {"hub-restart", "culling"}),
    ({}, {"proxy": {"service": {"type": "ClusterIP"}}}, {"hub-restart", "public-address"}),
    ({}, {"hub": {"config": {"JupyterHub": {"authenticator_class": "github"}}}}, {"hub-restart", "authenticator"}),
    ({}, {"hub": {"config": {"Authenticator": {"admin_users": ["eve"]}}}}, {"hub-restart", "admin-users"}),
    ({}, {"singleuser": {"networkPolicy": {"enabled": False}}}, {"hub-restart", "network-policy"}),
    (
        {"hub": {"config": {"JupyterHub": {"authenticator_class": "github"}}}},
        {},
        {"hub-restart", "authenticator", "dummy-authenticator"},
    ),
    (
        {"proxy": {"https": {"enabled": True, "type": "offload"}}},
        {},
        {"hub-restart", "tls-off"},
    ),
]


@pytest.mark.parametrize(("before", "after", "expected"), CHANGES)
def test_impact_rules(repository: Repository, before: dict, after: dict, expected: set[str]) -> None:
    """Each change is told as what people will notice, and blocks exactly where a rule of it does."""
    repository.stack("a", before)
    repository.commit()
    repository.stack("a", after)
    report, _ = repository.review()
    assert named(report) == expected
    blocking = {rule.name for rule in rules.RULES if rule.blocks}
    assert report.exit_code == (3 if expected & blocking else 2)


@pytest.mark.parametrize(
    ("setting", "rule"),
    [
        ({"namespace": "other"}, "namespace"),
        ({"kubeContext": "other"}, "cluster"),
        ({"releaseName": "x"}, "release-name"),
    ],
)
def test_moves_of_a_stack_block(repository: Repository, setting: dict, rule: str) -> None:
    """A stack that would be made anew elsewhere is blocked."""
    repository.stack("a", {})
    repository.commit()
    repository.stack("a", {}, **setting)
    report, _ = repository.review()
    assert rule in named(report)
    assert report.exit_code == 3


def test_rotated_token_is_told(repository: Repository) -> None:
    """A new token shows as a restart of hub and proxy, by name and without its value."""
    repository.stack("a", {})
    repository.commit()
    repository.stack("a", {}, rotateTokens={"proxy": "2026-11"})
    report, text = repository.review()
    assert {"new-token", "hub-restart", "proxy-restart"} <= named(report)
    assert "proxy token" in text


def test_accepted_rule_no_longer_blocks(repository: Repository) -> None:
    """A reason lets one rule pass, and stands in the comment; an unknown rule is refused."""
    repository.stack("a", {})
    repository.commit()
    repository.stack("a", {"hub": {"db": {"type": "sqlite-memory"}}})
    report, text = repository.review(database="a test hub", storage="the same")
    assert report.exit_code == 2
    assert "a test hub" in text
    with pytest.raises(HubstackError, match="no such rule"):
        repository.review(nonsense="x")


def test_the_same_change_on_many_stacks_is_shown_once(repository: Repository) -> None:
    """Many stacks of one kind make one diff with the list of stacks; unchanged ones are counted."""
    names = [f"hub{number:02d}" for number in range(12)]
    for name in [*names, "other"]:
        repository.stack(name, {}, namespace="jhub")
    repository.commit()
    for name in names:
        repository.stack(name, {"cull": {"timeout": 60}}, namespace="jhub")
    report, text = repository.review()
    assert len(report.changed) == 12
    assert text.count("<details>") == 2, "the Secret and the Deployment of the hub"
    assert "and 4 more" in text
    assert "12 of 13 stacks change" in text


def test_the_comment_fits(repository: Repository) -> None:
    """With more than fits, diffs go first and the table stays whole; the marker is always there."""
    long = {f"snippet{number}": "x = 1\n" * 400 for number in range(60)}
    repository.stack("a", {})
    repository.commit()
    repository.stack("a", {"hub": {"extraConfig": long}})
    _, text = repository.review()
    assert len(text) <= markdown.LIMIT
    assert text.startswith(markdown.MARKER)
    assert "| a | changed |" in text
    assert "for want of room" in text


def test_new_removed_and_broken_stacks(repository: Repository) -> None:
    """A new and a removed stack are shown as such; a broken one is reported and hides no other."""
    for name in ("gone", "broken", "same"):
        repository.stack(name, {})
    repository.commit()
    (repository.root / "Pulumi.gone.yaml").unlink()
    (repository.root / "Pulumi.broken.yaml").write_text("config: [\n")
    repository.stack("fresh", {})
    report, text = repository.review()
    assert report.exit_code == 1
    assert "Pulumi.broken.yaml: line 2: not valid YAML" in text
    assert "| fresh | new | " in text
    assert "| gone | removed | " in text
    assert "| same |" not in text


def test_text_from_values_cannot_break_out_of_the_comment(repository: Repository) -> None:
    """A value with a code fence or markup stays inside of its diff."""
    repository.stack("a", {})
    repository.commit()
    repository.stack("a", {"singleuser": {"defaultUrl": "````\n</details><img src=x>"}})
    _, text = repository.review()
    around = [part for part in text.split("<details>") if "</details><img" in part or "````" in part]
    assert around
    assert all("`````diff" in part for part in around)


def test_unknown_revision_and_stack(repository: Repository) -> None:
    """A base or a stack that is not there is one clear error."""
    repository.stack("a", {})
    repository.commit()
    with pytest.raises(HubstackError, match="no such revision"):
        review.review(repository.root, "nowhere", [], {}, QUIET)
    with pytest.raises(HubstackError, match="--stack nope: no such stack"):
        repository.review("nope")


def test_the_work_tree_is_not_touched(repository: Repository) -> None:
    """A review leaves files, index and branch as they were."""
    repository.stack("a", {})
    repository.commit()
    repository.stack("a", {"cull": {"timeout": 1}})
    before = subprocess.run(
        ["git", "-C", repository.root, "status", "--porcelain=v2", "--branch"], capture_output=True, check=True
    )
    repository.review()
    after = subprocess.run(
        ["git", "-C", repository.root, "status", "--porcelain=v2", "--branch"], capture_output=True, check=True
    )
    assert after.stdout == before.stdout
