"""Nothing is missed: whatever setting changes, the review lists it, and says in words what it means.

The settings are those of docs/settings.md, which is generated from the models. For each one there is a stack on which
nothing but that setting changes.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from hubstack import project
from hubstack.review import markdown, review, rule, rules
from hubstack.review.rendering import Rendered
from hubstack.review.rule import Finding
from hubstack.review.secrets import Redactor
from hubstack.review.setting_changes import ChangedSetting, changed
from hubstack.settings import parse, resolve
from tests.unit import test_review, test_review_profiles
from tests.unit.review_repository import QUIET, Repository

NO_WORDS = {
    "enabled": "ignored by the chart; an umbrella chart reads it",
    "global.safeToShowValues": "read by the text that Helm prints, and by nothing else",
    "hubstack:valuesFiles": "what the files set is told setting by setting",
    "hub.revisionHistoryLimit": "old ReplicaSets that Kubernetes keeps; nobody of a hub goes back to one",
    "proxy.chp.revisionHistoryLimit": "as above",
    "proxy.traefik.revisionHistoryLimit": "as above",
    "scheduling.userScheduler.revisionHistoryLimit": "as above",
    "scheduling.userPlaceholder.revisionHistoryLimit": "as above",
    "prePuller.revisionHistoryLimit": "as above",
}
"""Settings that the review only lists, each with its reason. The list may only become shorter."""
ELSEWHERE = {"hub.fsGid", "rbac.enabled", "hubstack:mode", "hubstack:chart.version"}
"""Settings of older charts, every value of which is an error, and what only Helm can render: see test_review.py."""
TWICE = {"hubstack:storageClass.name": ["new-homes", "database-volume", "storage-class"]}
"""Settings of which several rules speak: other settings follow from them, which are listed and told, too."""
GENERIC = {"hub-restart", "proxy-restart", "autohttps-restart"}
"""Rules that follow from nearly every change, and so say nothing of this one."""

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
FILE = {"a": {"mountPath": "/srv/a.txt", "stringData": "text"}}
REGISTRY = {"create": True, "registry": "r.example", "username": "u", "password": "correct-horse"}
STORAGE_CLASS = {"provisioner": "a.example"}
OTHER: dict[str, Any] = {
    "hub.config": {"JupyterHub": {"admin_access": False}},
    "hub.baseUrl": "/other/",
    "hub.cookieSecret": "ab" * 32,
    "hub.db.type": "sqlite-memory",
    "hub.db.pvc.storage": "2Gi",
    "hub.deploymentStrategy.rollingUpdate": "",
    "hub.extraConfig": {"mine": "c.JupyterHub.log_level = 10"},
    "hub.extraFiles": FILE,
    "hub.services": {"mine": {"url": "http://mine:80"}},
    "hub.loadRoles": {"mine": {"scopes": ["self"]}},
    "proxy.deploymentStrategy.rollingUpdate": "x",
    "singleuser.cpu.limit": 2,
    "singleuser.cpu.guarantee": 1,
    "singleuser.memory.limit": "4G",
    "singleuser.memory.guarantee": "2G",
    "singleuser.extraFiles": FILE,
    "singleuser.extraLabels": {"mine": "x"},
    "singleuser.profileList": [{"display_name": "A"}],
    "singleuser.storage.capacity": "20Gi",
    "prePuller.extraImages": {"a": {"name": "b", "tag": "c"}},
    "scheduling.userScheduler.pluginConfig": [],
    "hubstack:storageClass.allowedTopologies": [{"matchLabelExpressions": []}],
    "hubstack:kubeContext": "another",
    "hubstack:values": {"cull": {"timeout": 60}},
    "hubstack:secretValues": {"cull": {"timeout": 60}},
    "hubstack:valuesFiles": ["empty.yaml"],
    "hubstack:releaseName": "another",
    "hubstack:chart.repository": "https://charts.example.org/",
    "hubstack:chart.path": "another.tgz",
    "hubstack:chart.digest": f"sha256:{'ab' * 32}",
    "hubstack:acceptDrift": ["Deployment/hub:spec.replicas"],
    "hubstack:rotateTokens": {"proxy": "2026"},
    "hubstack:adoptedTokens.services": {"a": "correct-horse-battery"},
    "hubstack:keptChecksums": {"checksum/secret": "0: 1"},
}
"""Values for settings that do not take what their type suggests."""
BESIDE: dict[str, dict[str, Any]] = {
    "imagePullSecret.create": {"imagePullSecret": {**REGISTRY, "create": False}},
    "singleuser.networkPolicy.egressAllowRules.cloudMetadataServer": {
        "singleuser": {"cloudMetadata": {"blockWithIptables": False}}
    },
    "hub.db.url": {"hub": {"db": {"type": "other", "url": "sqlite:///a"}}},
}
"""What else is set, on both sides, so that a setting may be what it is."""


def settings() -> list[tuple[str, str, str]]:
    """Path, type and default of every setting in the reference."""
    rows = re.findall(r"^\| `(.*?)` \| (.*?) \| (.*?) \|", (project.ROOT / "docs" / "settings.md").read_text(), re.M)
    assert len(rows) > 380
    return [row for row in rows if row[0] not in ELSEWHERE]


def other(path: str, kind: str, default: str) -> Any:
    """Another value than the default."""
    if path in OTHER:
        return OTHER[path]
    if path.endswith(("serviceAccount.create", "serviceAccountImagePuller.create")):
        return False
    choices = re.findall(r"`(\w+)`", kind)
    if choices:
        return next(choice for choice in choices if choice not in default)
    if "true or false" in kind:
        return "true" not in default
    if "number" in kind:
        return int(default.strip("`") or 0) + 7
    if "map" in kind:
        return {"mine": "x"}
    if "list" in kind:
        return [{"name": "x"}] if re.search("Containers|Volumes|Mounts|Ports|Env", path) else ["x"]
    return 7 if kind == "anything" else "another"


def nested(path: str, value: Any) -> dict[str, Any]:
    """A tree with one value."""
    for key in reversed(path.split(".")):
        value = {key: value}
    tree: dict[str, Any] = value
    return tree


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Two trees in one."""
    return below | {
        key: merged(below[key], value) if isinstance(value, dict) and isinstance(below.get(key), dict) else value
        for key, value in above.items()
    }


PLACE: dict[str, Any] = {"namespace": "jhub", "kubeContext": "c", "clusterIdentifier": "c"}


def both_sides(path: str, kind: str, default: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The configuration of a stack before and after the change of one setting."""
    beside = BESIDE.get(path, {"imagePullSecret": REGISTRY} if path.startswith("imagePullSecret.") else {})
    before = {**PLACE, "values": beside}
    if not path.startswith("hubstack:"):
        return before, {**before, "values": merged(beside, nested(path, other(path, kind, default)))}
    name = path.removeprefix("hubstack:")
    if name.startswith("storageClass."):
        before["storageClass"] = STORAGE_CLASS
    if name == "kubeContext":
        del before["clusterIdentifier"]
    return before, merged(before, nested(name, other(path, kind, default)))


def side(config: dict[str, Any], folder: Path = project.ROOT) -> Rendered:
    """One side of a stack, without its objects."""
    return _side(json.dumps(config, sort_keys=True), folder)


@functools.cache
def _side(config: str, folder: Path) -> Rendered:
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in json.loads(config).items()}
    stack = resolve(parse(texts, set()), folder)
    own = stack.config.model_dump(by_alias=True, exclude={"values", "secret_values"})
    secret = frozenset(".".join(map(str, path)) for path in stack.loaded.secret_paths)
    return Rendered("a", config=own, values=stack.loaded.tree, namespace="jhub", secrets=secret)


Told = dict[str, tuple[list[ChangedSetting], list[Finding]]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What is listed and what is said of each setting."""
    folder = tmp_path_factory.mktemp("values")
    (folder / "empty.yaml").write_text("")
    redactor, found = Redactor(()), {}
    for path, kind, default in settings():
        base, head = (side(config, folder) for config in both_sides(path, kind, default))
        rows = changed(base, head, redactor)
        found[path] = list(rows), list(rules.judge(rules.Change(base, head, (), rows), {}))
    return found


def test_every_setting_is_listed_with_both_values(told: Told) -> None:
    """The change of a setting, and nothing else, is a row: where it is, what it was, what it is, who sets it."""
    for path, (rows, _) in told.items():
        shown = {"hubstack:values": "cull.timeout", "hubstack:secretValues": "cull.timeout"}.get(path, path)
        assert rows, path
        about = [row for row in rows if re.match(rf"{re.escape(shown)}(?=$|[.\[])", row.path)]
        assert about == rows or (about and path in TWICE), (path, rows)
        assert all(row.before != row.after and row.source for row in rows), (path, rows)


def test_every_setting_has_words(told: Told) -> None:
    """What people notice of a setting is said; what is not, nobody notices, and each such setting has its reason."""
    silent = {path for path, (_, findings) in told.items() if not {each.rule for each in findings} - GENERIC}
    assert silent == NO_WORDS.keys()


def test_one_sentence_for_one_change(told: Told) -> None:
    """A setting is told once: where two rules speak, both have something of their own to say."""
    several = {path: [each.rule for each in findings] for path, (_, findings) in told.items() if len(findings) > 1}
    assert several == TWICE


def test_every_finding_says_whom_and_when(told: Told) -> None:
    """Each rule names whom it concerns and when, and the sections of a comment are in that order."""
    assert {rule.audience for rule in rules.RULES} == set(rule.AUDIENCES)
    assert {each.when for each in rules.RULES} <= set(rule.TIMES)
    for path, (_, findings) in told.items():
        if path.startswith("singleuser.") and ".networkPolicy." not in path:
            assert {each.audience for each in findings} == {rule.SERVERS}, path


TRAITS = {
    "JupyterHub.log_level": ("hub-settings", 10),
    "JupyterHub.authenticator_class": ("authenticator", "github"),
    "JupyterHub.concurrent_spawn_limit": ("server-limits", 3),
    "JupyterHub.allow_named_servers": ("named-servers", True),
    "JupyterHub.logo_file": ("hub-pages", "/logo.png"),
    "JupyterHub.admin_access": ("rights", False),
    "Authenticator.admin_users": ("admin-users", ["eve"]),
    "Authenticator.allowed_users": ("access", ["eve"]),
    "OAuthenticator.allow_all": ("access", True),
    "GitHubOAuthenticator.allowed_organizations": ("access", ["a"]),
    "GitHubOAuthenticator.client_id": ("login-provider", "x"),
    "GenericOAuthenticator.username_claim": ("authenticator", "email"),
    "GenericOAuthenticator.scope": ("login-provider", ["openid"]),
    "LTI13Authenticator.issuer": ("login-provider", "https://a.example"),
    "KubeSpawner.image": ("user-image", "a:1"),
    "KubeSpawner.mem_limit": ("user-resources", "4G"),
    "KubeSpawner.working_dir": ("server-command", "/home"),
    "KubeSpawner.delete_grace_period": ("spawner-settings", 5),
    "KubeSpawner.profile_list": ("profiles", [{"display_name": "A"}]),
    "Spawner.default_url": ("start-page", "/lab"),
    "UsageViewer.enable": ("hub-settings", True),
    "ConfigurableHTTPProxy.debug": ("hub-settings", True),
}


@pytest.mark.parametrize("trait", TRAITS)
def test_traits_of_the_hubs_classes(trait: str) -> None:
    """A trait below hub.config is told by what its class does, whether the map is new or has others."""
    rule_name, value = TRAITS[trait]
    for beside in ({}, {trait.partition(".")[0]: {"other_trait": 1}}):
        tree = {"hub": {"config": beside}}
        base, head = (
            side({**PLACE, "values": tree}),
            side({**PLACE, "values": merged(tree, nested(f"hub.config.{trait}", value))}),
        )
        rows = changed(base, head, Redactor(()))
        assert {row.path.partition("[")[0] for row in rows} == {f"hub.config.{trait}"}
        findings = rules.judge(rules.Change(base, head, (), rows), {})
        assert rule_name in {each.rule for each in findings}, findings


def test_every_rule_is_documented() -> None:
    """The tables of docs/review.md have each rule under its audience, and say whether it blocks."""
    parts = re.split(r"^### ", (project.ROOT / "docs" / "review.md").read_text(), flags=re.M)
    found = [
        (part.partition("\n")[0].partition(",")[0].lower(), name, bool(blocks.strip()))
        for part in parts
        for name, blocks in re.findall(r"^\| `([\w-]+)` \|( yes)? \|", part, re.M)
    ]
    assert found == [(each.audience, each.name, each.blocks) for each in rules.RULES]


def test_every_rule_has_a_case(told: Told) -> None:
    """No rule is without a test in which it speaks: here, or in a table of the tests beside this one."""
    here = {each.rule for _, findings in told.values() for each in findings} | {name for name, _ in TRAITS.values()}
    beside = {name for *_, names in test_review.CHANGES for name in names}
    beside |= {name for _, name, _ in test_review_profiles.CASES}
    by_itself = {"chart-version", "hub-access", "mode", "namespace-made", "sealed-secrets"}
    # tests/unit/capacity/test_review_capacity.py
    by_itself |= {"dry-run"}  # tests/engine/test_review_dry_run.py
    by_itself |= {"capacity", "capacity-unknown", "placeholders", "servers-per-node"}
    assert here | beside | by_itself == {each.name for each in rules.RULES}


@pytest.mark.long
def test_the_whole_review_lists_every_setting(tmp_path: Path, told: Told) -> None:
    """The same through the command's own path: files, objects, and the report in every format."""
    repository = Repository(tmp_path)
    repository.git("init", "--quiet")
    (tmp_path / "empty.yaml").write_text("")
    pairs = {path: both_sides(path, kind, default) for path, kind, default in settings()}
    names = {path: f"s-{number:03d}" for number, path in enumerate(pairs)}
    for path, (before, _) in pairs.items():
        repository.stack(names[path], **before)
    repository.commit()
    for path, (_, after) in pairs.items():
        repository.stack(names[path], **after)
    report, redactor = review.review(tmp_path, "HEAD", [], {}, QUIET)
    texts = {form: review.written(report, redactor, form) for form in review.FORMS}
    stacks = {each["stack"]: each for each in json.loads(texts["json"])["stacks"]}
    assert {name: each["errors"] for name, each in stacks.items() if each["errors"]} == {}
    assert stacks.keys() == set(names.values())
    for path, (rows, _) in told.items():
        assert {row["path"] for row in stacks[names[path]]["settings"]} == {row.path for row in rows}
    for form in ("text", "html"):
        assert [path for path, (rows, _) in told.items() if rows[0].path not in texts[form]] == []
    assert len(texts["markdown"]) <= markdown.LIMIT
    assert report.exit_code == 3
