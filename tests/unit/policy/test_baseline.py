"""The built-in set: each rule says yes to a file that keeps it, and no to one that does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from hubstack import project
from hubstack.policy import load
from hubstack.policy.expressions import Evaluator
from hubstack.policy.model import Policies
from tests import needs
from tests.unit.policy.cases import made, verdict

BUDGET = {"hub": {"pdb": {"enabled": True}}}
PUBLIC = {"proxy": {"service": {"loadBalancerSourceRanges": ["10.0.0.0/8"]}}}
ENCRYPTED = {"secure": "v1:abc:def"}


def _user(**settings: Any) -> dict[str, Any]:
    return {"singleuser": settings}


def _authenticator(name: str, **settings: Any) -> dict[str, Any]:
    return {"hub": {"config": {"JupyterHub": {"authenticator_class": name}, **settings}}}


def _profile(**override: Any) -> dict[str, Any]:
    return _user(profileList=[{"display_name": "P", "kubespawner_override": override}])


CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("dummy-authenticator", {}, _authenticator("github")),
    ("memory-limit", {}, _user(memory={"limit": "2G"})),
    ("memory-limit", _profile(mem_guarantee="1G"), _profile(mem_limit="2G")),
    ("image-tag", _user(image={"name": "a/b", "tag": "latest"}), _user(image={"name": "a/b", "tag": "1"})),
    ("image-tag", _profile(image="localhost:5000/a/b"), _profile(image="localhost:5000/a/b:1")),
    ("image-tag", _profile(image="a/b@sha256:0"), _profile(image=f"a/b@sha256:{'0' * 64}")),
    (
        "image-tag",
        _user(extraContainers=[{"name": "c", "image": "c"}]),
        _user(extraContainers=[{"name": "c", "image": "c:1"}]),
    ),
    ("image-tag", {"hub": {"image": {"tag": "latest"}}}, {"hub": {"image": {"tag": "4.4.0"}}}),
    ("network-policy", _user(networkPolicy={"enabled": False}), {}),
    ("network-policy", {"hub": {"networkPolicy": {"enabled": False}}}, {}),
    ("disruption-budget", BUDGET, {"hub": {"pdb": {"enabled": True, "maxUnavailable": 1, "minAvailable": None}}}),
    (
        "disruption-budget",
        {"scheduling": {"userScheduler": {"replicas": 1, "pdb": {"minAvailable": 1, "maxUnavailable": None}}}},
        {"scheduling": {"userScheduler": {"replicas": 2, "pdb": {"minAvailable": 1, "maxUnavailable": None}}}},
    ),
    ("plain-secret", {"hub": {"config": {"GitHubOAuthenticator": {"client_secret": "0123456789"}}}}, {}),
    ("privileged-user", _profile(privileged=True), {}),
    ("privilege-escalation", _user(allowPrivilegeEscalation=True), {}),
    ("host-access", _user(extraPodConfig={"hostNetwork": True}), _user(extraPodConfig={"dnsPolicy": "Default"})),
    ("host-access", _user(storage={"extraVolumes": [{"name": "a", "hostPath": {"path": "/"}}]}), {}),
    (
        "cloud-metadata",
        _user(cloudMetadata={"blockWithIptables": False}, networkPolicy={"enabled": False}),
        _user(cloudMetadata={"blockWithIptables": False}),
    ),
    (
        "cloud-metadata",
        _user(
            cloudMetadata={"blockWithIptables": False},
            networkPolicy={"egressAllowRules": {"cloudMetadataServer": True}},
        ),
        {},
    ),
    ("hub-database", {"hub": {"db": {"type": "sqlite-memory"}}}, {}),
    ("https", {}, {"proxy": {"https": {"enabled": True, "type": "offload"}}}),
    (
        "https",
        {"proxy": {"service": {"type": "NodePort"}}},
        {"ingress": {"enabled": True, "hosts": ["a.example.org"], "tls": [{"hosts": ["a.example.org"]}]}},
    ),
    ("allow-all", _authenticator("github", GitHubOAuthenticator={"allow_all": True}), _authenticator("github")),
    ("culling", {"cull": {"enabled": False}}, {}),
    ("public-load-balancer", {}, PUBLIC),
    ("service-account", _user(serviceAccountName="a"), {}),
    ("root-user", _user(uid=0), {}),
]


@pytest.fixture(scope="module")
def evaluator() -> Iterator[Evaluator]:
    with Evaluator() as found:
        yield found


def broken(values: dict[str, Any], evaluator: Evaluator, **config: Any) -> dict[str, set[str]]:
    """Outcomes by rule of everything that some values do not keep, exemptions aside."""
    found: dict[str, set[str]] = {}
    for each in verdict(Policies(load.baseline()), made(values, **config), evaluator).violations:
        found.setdefault(each.policy, set()).add(each.outcome)
    return found


@pytest.mark.parametrize(("rule", "wrong", "right"), CASES)
def test_rule(evaluator: Evaluator, rule: str, wrong: dict[str, Any], right: dict[str, Any]) -> None:
    """A rule is violated by the one file and kept by the other."""
    assert broken(wrong, evaluator).get(rule) == {"violated"}
    assert rule not in broken(right, evaluator)


def test_every_rule_has_cases(evaluator: Evaluator) -> None:
    """No rule of the set is untried; what is encrypted is no plain secret, and unprotected data has its own setting."""
    tried = {rule for rule, _, _ in CASES}
    assert {each.name for each in load.baseline()} - tried == {"protected-data"}
    secret = {"hub": {"config": {"GitHubOAuthenticator": {"client_secret": ENCRYPTED}}}}
    found = verdict(Policies(load.baseline()), made(secret=secret), evaluator)
    assert "plain-secret" not in {each.policy for each in found.violations}


def test_the_page_lists_the_set() -> None:
    """docs/policies.md has each rule with its level, and says which hold in production alone."""
    page = (project.ROOT / "docs" / "policies.md").read_text()
    rows = [tuple(map(str.strip, line.strip("|").split("|"))) for line in page.splitlines() if line.startswith("| `")]
    listed = [(row[0].strip("`"), row[1], row[3] == "yes") for row in rows if len(row) == 4]
    expected = [(each.name, each.level, "stack.production" in each.require) for each in load.baseline()]
    assert listed == [*listed[: -len(expected)], *expected]


def test_trials_are_free(evaluator: Evaluator) -> None:
    """A stack whose data is not protected is no production: it keeps the set with the chart's defaults."""
    assert broken({}, evaluator, protectData=False) == {}


REAL = {
    "mitodl": {"cloud-metadata", "disruption-budget", "network-policy"},
    "mybinder-bids": {"dummy-authenticator", "plain-secret"},
    "utoronto": {"plain-secret"},
}
"""What blocks in the values of real hubs, each of it looked up in the file: budgets of one hub with minAvailable 1, no
network policy and no iptables rule, no authenticator, and secrets in plain text.
"""


@pytest.mark.parametrize("name", REAL)
def test_real_hubs(evaluator: Evaluator, name: str) -> None:
    """In values of real hubs, nothing blocks but what is so, and everything can be judged."""
    file = project.ROOT.parent / "shared" / "values" / "real" / f"{name}.yaml"
    if not file.exists():
        needs.skip("values", f"{file} is not here")
    found = verdict(Policies(load.baseline()), made(yaml.safe_load(file.read_text())), evaluator)
    assert {each.policy for each in found.blocking} == REAL[name]
    assert {each.outcome for each in found.violations} == {"violated"}
