"""Reviews of changes in a small repository of their own: what is said, and what is never said."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from hubstack import toolchain
from hubstack.errors import HubstackError
from hubstack.review import markdown, review, rules
from hubstack.review.rendering import Rendered
from hubstack.review.report import Report
from tests import needs
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
    assert "No change for 1 stack, " in text


HTTPS = {"enabled": True, "hosts": ["hub.example"], "letsencrypt": {"contactEmail": "a@b.example"}}
CHANGES: list[tuple[dict[str, Any], dict[str, Any], set[str]]] = [
    ({}, {"hub": {"config": {"JupyterHub": {"admin_access": False}}}}, {"hub-restart", "rights"}),
    (
        {},
        {"proxy": {"chp": {"resources": {"requests": {"cpu": "1"}}}}},
        {"hub-restart", "proxy-restart", "core-resources"},
    ),
    ({}, {"hub": {"db": {"type": "sqlite-memory"}}}, {"hub-restart", "database", "storage"}),
    ({}, {"hub": {"db": {"pvc": {"storageClassName": "fast"}}}}, {"hub-restart", "storage", "database-volume"}),
    ({}, {"singleuser": {"storage": {"dynamic": {"pvcNameTemplate": "x-{username}"}}}}, {"hub-restart", "home-names"}),
    (
        {"singleuser": {"profileList": [{"display_name": "a", "slug": "a"}, {"display_name": "b", "slug": "b"}]}},
        {"singleuser": {"profileList": [{"display_name": "a", "slug": "a"}]}},
        {"hub-restart", "profile-removed"},
    ),
    (
        {"singleuser": {"profileList": [{"display_name": "a", "slug": "a"}]}},
        {"singleuser": {"profileList": []}},
        {"hub-restart", "profiles-gone"},
    ),
    ({}, {"singleuser": {"image": {"tag": "2"}}}, {"hub-restart", "user-image"}),
    ({}, {"singleuser": {"memory": {"limit": "4G"}}}, {"hub-restart", "user-resources"}),
    (
        {"singleuser": {"profileList": [{"display_name": "a", "slug": "a"}]}},
        {"singleuser": {"profileList": [{"display_name": "a", "slug": "a", "kubespawner_override": {"cpu_limit": 2}}]}},
        {"hub-restart", "user-resources"},
    ),
    (
        {"singleuser": {"profileList": [{"display_name": "a", "slug": "a"}]}},
        {"singleuser": {"profileList": [{"display_name": "a", "slug": "a", "kubespawner_override": {"image": "b:1"}}]}},
        {"hub-restart", "user-image"},
    ),
    (
        {"proxy": {"https": HTTPS}},
        {"proxy": {"https": HTTPS, "traefik": {"resources": {"requests": {"cpu": "1"}}}}},
        {"hub-restart", "autohttps-restart", "core-resources"},
    ),
    ({}, {"hub": {"cookieSecret": "ab" * 32}}, {"hub-restart", "new-token"}),
    ({}, {"ingress": {"enabled": True, "hosts": ["hub.example"]}}, {"hub-restart", "public-address"}),
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


@pytest.mark.parametrize("naming", [{}, {"fullnameOverride": "lab"}, {"fullnameOverride": None}])
def test_a_deleted_database_is_named_as_such(repository: Repository, naming: dict) -> None:
    """Whatever its claim is called."""
    repository.stack("a", naming)
    repository.commit()
    repository.stack("a", {**naming, "hub": {"db": {"type": "sqlite-memory"}}})
    report, _ = repository.review()
    texts = [each.text for stack in report.stacks for each in stack.findings if each.rule == "storage"]
    assert [text for text in texts if "the hub's database of users and servers is deleted" in text] == texts != []


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


def test_rules_that_follow_from_the_configuration() -> None:
    """Mode, chart version and cluster follow from the configuration; another context may be the same place."""

    def side(**config: Any) -> Rendered:
        return Rendered("a", application=config.pop("application", ""), config=config)

    def told(before: Rendered, after: Rendered) -> list[tuple[str, str]]:
        found = rules.judge(rules.Change(before, after, ()), {})
        return [(each.rule, each.text.partition("(")[2].partition(")")[0]) for each in found]

    assert told(side(mode="native"), side(mode="helm")) == [("mode", "mode: native -> helm")]
    chart = {"version": "4.3.5"}, {"version": "4.4.0"}
    assert told(side(chart=chart[0], application="5.4.6"), side(chart=chart[1], application="5.5.0")) == [
        ("chart-version", "chart.version: 4.3.5 -> 4.4.0, JupyterHub 5.4.6 -> 5.5.0")
    ]
    assert told(side(kubeContext="old"), side(kubeContext="new")) == [("cluster", "old -> new")]
    assert told(side(kubeContext="old", clusterIdentifier="c"), side(kubeContext="new", clusterIdentifier="c")) == []


@pytest.mark.parametrize(
    ("name", "told"), [("proxy", "the token between hub and proxy"), ("key", "the key of all generated tokens: each")]
)
def test_rotated_token_is_told(repository: Repository, name: str, told: str) -> None:
    """A new token, or a new key of all of them, shows as a restart of hub and proxy, by name and without its value."""
    repository.stack("a", {})
    repository.commit()
    repository.stack("a", {}, rotateTokens={name: "2026-11"})
    report, text = repository.review()
    assert {"new-token", "hub-restart", "proxy-restart"} <= named(report)
    assert told in text


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
    for name in ("gone", "broken", "same", "changed"):
        repository.stack(name, {})
    (repository.root / "Pulumi.mended.yaml").write_text("config: [\n")
    repository.commit()
    (repository.root / "Pulumi.gone.yaml").unlink()
    (repository.root / "Pulumi.broken.yaml").write_text("config: [\n")
    for name in ("fresh", "mended", "changed"):
        repository.stack(name, {"cull": {"timeout": 60}})
    report, text = repository.review()
    assert report.exit_code == 1
    assert "head: Pulumi.broken.yaml: line 2, column 1: not valid YAML" in text
    assert "base: Pulumi.mended.yaml: line 2, column 1: not valid YAML" in text
    stacks = text.partition("###")[0]
    assert [line.split("|")[1:3] for line in stacks.splitlines() if line.startswith("| ")][1:] == [
        [" broken ", " error "],
        [" changed ", " changed "],
        [" fresh ", " new "],
        [" gone ", " removed "],
        [" mended ", " error "],
    ]
    assert "deletes nothing: the hub keeps running" in text
    assert "a new hub" in text


def test_a_renamed_stack(repository: Repository) -> None:
    """A stack under another name in the same place is a removal that says so, and a new stack."""
    repository.stack("a", {}, namespace="lab", kubeContext="c")
    repository.commit()
    (repository.root / "Pulumi.a.yaml").unlink()
    repository.stack("b", {}, namespace="lab", kubeContext="c")
    report, text = repository.review()
    assert (named(report, "a"), named(report, "b")) == ({"stack-renamed"}, {"stack-new"})
    assert "pulumi stack rename" in text
    assert "| a | removed |" in text


@pytest.mark.parametrize("mode", ["native", "helm"])
def test_a_chart_that_cannot_be_had(repository: Repository, mode: str) -> None:
    """A chart that is not there is the error of its stack, and hides no other."""
    repository.stack("a", {})
    repository.stack("b", {})
    repository.commit()
    repository.stack("a", {}, mode=mode, chart={"version": "0.0.1", "path": "nowhere.tgz"})
    repository.stack("b", {"cull": {"timeout": 60}})
    report, text = repository.review()
    assert report.exit_code == 1
    assert "**a** cannot be shown: head: " in text
    assert "| b | changed |" in text


@pytest.mark.parametrize("settings", [{"valuesFiles": 5}, {"valuesFiles": ["nowhere.yaml"]}, {"chart": []}, {"x": 1}])
def test_settings_that_make_no_sense(repository: Repository, settings: dict[str, Any]) -> None:
    """Whatever is wrong with a stack's configuration, it is one message, and the other stacks are shown."""
    repository.stack("a", {})
    repository.stack("b", {})
    repository.commit()
    repository.stack("a", None, **settings)
    repository.stack("b", {"cull": {"timeout": 60}})
    report, text = repository.review()
    assert report.exit_code == 1
    assert [len(stack.errors) for stack in report.stacks] == [1, 0]
    assert "| b | changed |" in text


def test_a_chart_in_a_folder(repository: Repository) -> None:
    """A chart of the project's own that changes while its path stays is a change."""
    try:
        toolchain.ensure(("helm",))
    except toolchain.ToolchainError as error:
        needs.skip("programs", str(error))
    folder = repository.root / "own" / "templates"
    folder.mkdir(parents=True)
    (folder.parent / "Chart.yaml").write_text("apiVersion: v2\nname: own\nversion: 1.0.0\n")
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: own}\ndata:\n  key: %s\n"
    template += "  text: {{ .Values.text | quote }}\n"
    (folder / "map.yaml").write_text(template % "one")
    repository.stack("a", None, values={"text": "1e3"}, mode="helm", chart={"version": "1.0.0", "path": "own"})
    repository.commit()
    (folder / "map.yaml").write_text(template % "two")
    report, _ = repository.review()
    assert [(each.name, each.action) for each in report.stacks[0].changes] == [("ConfigMap/own", "update")]
    assert report.stacks[0].head
    assert report.stacks[0].head.objects["ConfigMap/own"]["data"] == {"key": "two", "text": "1e3"}


def test_a_chart_s_schema_reads_nothing(repository: Repository) -> None:
    """The schema of a chart that the change brings refers to files and servers in vain: Helm would follow it."""
    try:
        toolchain.ensure(("helm",))
    except toolchain.ToolchainError as error:
        needs.skip("programs", str(error))
    repository.stack("b", {})
    repository.commit()
    folder = repository.root / "own"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: own\nversion: 1.0.0\n")
    (folder / "templates/map.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: own}\n")
    (folder / "values.schema.json").write_text('{"$ref": "file:///etc/hostname"}')
    repository.stack("a", None, mode="helm", chart={"version": "1.0.0", "path": "own"})
    report, _ = repository.review()
    assert [stack.errors for stack in report.stacks] == [(), ()]
    assert report.stacks[0].head
    assert "ConfigMap/own" in report.stacks[0].head.objects


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


def test_the_engine_is_asked_only_about_stacks_that_may_be_deployed(repository: Repository) -> None:
    """A stack that is new, gone or broken has no preview, so that nothing is an error that cannot be otherwise."""
    for name in ("both", "gone", "broken"):
        repository.stack(name, {})
    repository.commit()
    (repository.root / "Pulumi.gone.yaml").unlink()
    (repository.root / "Pulumi.broken.yaml").write_text("config: [\n")
    repository.stack("fresh", {})
    asked: list[str] = []

    def refuse(name: str) -> Any:
        asked.append(name)
        raise HubstackError("its cluster cannot be reached")

    report, redactor = review.review(repository.root, "HEAD", [], {}, QUIET, open_updater=refuse)
    assert asked == ["both"]
    assert report.exit_code == 1
    assert "the engine cannot preview it: its cluster cannot be reached" in review.written(report, redactor, "text")


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


def test_waves_order_the_table(repository: Repository) -> None:
    """With a fleet file the table names each stack's wave, in the rollout's order; stacks outside stay shown."""
    for name in ("a-prod", "b-staging", "c-outside"):
        repository.stack(name, {})
    repository.commit()
    for name in ("a-prod", "b-staging", "c-outside"):
        repository.stack(name, {"hub": {"concurrentSpawnLimit": 3}})
    repository.root.joinpath("fleet.yaml").write_text(
        "stacks: {a-prod: {labels: {tier: prod}}, b-staging: {labels: {tier: staging}}}\n"
        "waves: [{name: first, select: tier=staging}, {name: second, select: tier=prod}]\n"
    )
    report, text = repository.review()
    assert [line[:21] for line in text.partition("###")[0].splitlines() if line.startswith("|")] == [
        "| Wave | Stack | What",
        "|---|---|---|---|---|",
        "| first | b-staging |",
        "| second | a-prod | c",
        "| - | c-outside | cha",
    ]
    assert [stack["wave"] for stack in report.as_dict()["stacks"]] == ["first", "second", None]
    _, plain = repository.review(form="text")
    assert "  b-staging [first]: changed" in plain
    _, page = repository.review(form="html")
    assert "<tr><td>first<td>b-staging" in page
