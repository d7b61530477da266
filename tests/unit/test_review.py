"""Reviews of changes in a small repository of their own: what is said, and what is never said."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from rich.console import Console

from hubstack.errors import HubstackError
from hubstack.review import markdown, review, rules
from hubstack.review.report import Report

QUIET = Console(quiet=True)
SENTINELS = {
    name: f"sentinel+{name}/9c2e7b" for name in ("secret", "client", "database", "env", "file", "pull", "code", "tls")
}
SECRETS = {
    "hub": {
        "config": {"GitHubOAuthenticator": {"client_secret": SENTINELS["client"], "client_id": "public-id"}},
        "db": {"type": "postgres", "url": f"postgresql://hub:{quote(SENTINELS['database'], safe='')}@db/hub"},
        "extraEnv": {"API_TOKEN": SENTINELS["env"]},
        "extraFiles": {"key": {"mountPath": "/etc/key", "stringData": f"key: {SENTINELS['file']}\n"}},
        "extraConfig": {"a": f"c.X.header = 'Basic {SENTINELS['client']}'"},
    },
    "imagePullSecret": {"create": True, "registry": "r", "username": "u", "password": SENTINELS["pull"]},
    "proxy": {"https": {"enabled": True, "type": "manual", "manual": {"key": SENTINELS["tls"], "cert": "CERT"}}},
}


@dataclass
class Repository:
    """A git repository with stack files and values files."""

    root: Path

    def git(self, *arguments: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(self.root), *identity, *arguments], check=True, capture_output=True)

    def stack(self, name: str, values: dict[str, Any] | None = None, **config: Any) -> None:
        """Write a stack file, and a values file if there are values."""
        settings = {"hubstack:kubeContext": f"cluster-{name}", "hubstack:namespace": name}
        if values is not None:
            (self.root / f"{name}.yaml").write_text(yaml.safe_dump(values))
            settings["hubstack:valuesFiles"] = [f"{name}.yaml"]
        settings |= {f"hubstack:{key}": value for key, value in config.items()}
        (self.root / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": settings}))

    def commit(self) -> None:
        """Record everything as the base of the change that follows."""
        self.git("add", "-A")
        self.git("commit", "--quiet", "-m", "base")

    def review(self, *stacks: str, form: str = "markdown", **accepted: str) -> tuple[Report, str]:
        """The report on the work tree, and its text."""
        reasons = {rule.replace("_", "-"): reason for rule, reason in accepted.items()}
        report, redactor = review.review(self.root, "HEAD", stacks, reasons, QUIET)
        return report, review.written(report, redactor, form)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository without a commit."""
    made = Repository(tmp_path)
    made.git("init", "--quiet")
    return made


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


@pytest.mark.parametrize("form", review.FORMATS)
def test_no_secret_is_shown(repository: Repository, form: str) -> None:
    """Sentinels in each place that a secret can be are in no output, neither as they are nor encoded."""
    encrypted = {"hub": {"cookieSecret": {"secure": "v1:aaaa:bbbb"}}}
    repository.stack("a", {"hub": {"db": {"type": "postgres", "url": "postgresql://hub@db/hub"}}})
    repository.commit()
    repository.stack("a", SECRETS, secretValues=encrypted)
    _, text = repository.review(form=form)
    assert "client_secret" in text, "the setting is named"
    assert "public-id" in text, "what is not secret stays readable"
    for sentinel in SENTINELS.values():
        forms = [sentinel, quote(sentinel, safe=""), json.dumps(sentinel)[1:-1]]
        forms += [base64.b64encode((" " * shift + sentinel).encode()).decode()[4:-4] for shift in range(3)]
        assert [form for form in forms if form in text] == []


def test_a_changed_secret_is_a_pair_of_digests(repository: Repository) -> None:
    """A secret that changes shows that it does, with neither value nor length."""
    repository.stack("a", SECRETS)
    repository.commit()
    changed = json.loads(json.dumps(SECRETS).replace(SENTINELS["client"], "short"))
    repository.stack("a", changed)
    _, text = repository.review()
    lines = [line for line in text.splitlines() if "client_secret" in line]
    assert [line[0] for line in lines] == ["-", "+"]
    assert all("(secret " in line for line in lines)
    assert "sentinel" not in text


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
    assert [line[:21] for line in text.splitlines() if line.startswith("|")] == [
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
