"""Verdicts: whom a rule is about, what it says of each thing, who is exempt until when, and what is never said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from hubstack.errors import HubstackError
from hubstack.policy import gate
from hubstack.policy.expressions import Evaluator
from tests.unit.policy.cases import made, rule, rules, verdict


@pytest.fixture(scope="module")
def evaluator() -> Iterator[Evaluator]:
    with Evaluator() as found:
        yield found


FALSE: dict[str, Any] = {"policies": [rule("false")]}


@pytest.mark.parametrize(
    ("stacks", "config", "labels", "is_judged"),
    [
        ("tier=prod", {}, {"tier": "prod"}, True),
        ("tier=prod", {}, {}, False),
        ("stack=dev", {}, {}, True),
        ("mode=native,namespace in (lab)", {"namespace": "lab"}, {}, True),
        ({"context": "c"}, {}, {}, True),
        ("mode=helm", {}, {}, False),
    ],
)
def test_selectors(
    evaluator: Evaluator, stacks: Any, config: dict[str, Any], labels: dict[str, str], is_judged: bool
) -> None:
    """A rule is about stacks by the fleet's labels, their name, mode, namespace and context."""
    policies = rules({"policies": [rule("false", stacks=stacks)]})
    found = verdict(policies, made(**config), evaluator, **labels)
    assert [each.policy for each in found.violations] == (["a"] if is_judged else [])


@pytest.mark.parametrize(
    ("each", "require", "subjects"),
    [
        ("stack", "settings.hub.db.type == 'postgres'", [""]),
        ("stack", "config.protectData && stack.production", []),
        ("stack", "stack.labels.stack == stack.name && stack.name == 'dev'", []),
        ("stack", "objects.exists(o, o.kind == 'Deployment') && pods.exists(p, p.user)", []),
        ("object", "object.kind != 'PersistentVolumeClaim'", ["PersistentVolumeClaim/hub-db-dir"]),
        ("pod", "!pod.user", ["a user's server"]),
        ("container", "container.name != 'block-cloud-metadata'", ["a user's server, container block-cloud-metadata"]),
        ("secret", "secret.encrypted", ["proxy.secretToken"]),
    ],
)
def test_what_is_asked(evaluator: Evaluator, each: str, require: str, subjects: list[str]) -> None:
    """A rule is asked of the stack, of each object, pod, container or secret, and names those that do not keep it."""
    about = made({"proxy": {"secretToken": "0123456789abcdef" * 4}})
    found = verdict(rules({"policies": [rule(require, each=each)]}), about, evaluator)
    assert [(each.subject, each.outcome) for each in found.violations] == [(name, "violated") for name in subjects]


def test_what_cannot_be_judged_is_not_kept(evaluator: Evaluator) -> None:
    """A key that is not there, and an encrypted setting, make a finding of the rule's level, with why."""
    policies = rules({"policies": [rule("settings.nothing"), rule("settings.hub.db.password != 'a'", name="b")]})
    about = made(secret={"hub": {"db": {"password": {"secure": "v1:abc:def"}}}})
    found = verdict(policies, about, evaluator)
    assert [(each.policy, each.outcome, each.blocks) for each in found.violations] == [
        ("a", "cannot be judged", True),
        ("b", "cannot be judged", True),
    ]
    assert [each.sentence for each in found.violations] == [
        "cannot be judged: there is no 'nothing'; has(...) asks whether there is. Because. Mend it.",
        "cannot be judged: depends on a secret, and nothing that is shown may. Because. Mend it.",
    ]


@pytest.mark.parametrize(
    ("until", "blocks", "note"),
    [
        ("2026-11-26", True, "has expired: it counted until 2026-11-26, by ada"),
        ("2026-11-27", False, "ends at the end of today, on 2026-11-27; then the rule holds again"),
        ("2026-12-10", False, "ends in 13 days, on 2026-12-10; then the rule holds again"),
        ("2026-12-11", False, None),
    ],
)
def test_exemptions_expire(evaluator: Evaluator, until: str, blocks: bool, note: str | None) -> None:
    """An exemption counts through its last day, is spoken of for two weeks before, and then no longer counts."""
    exemption = {"policy": "a", "stacks": "stack=dev", "reason": "workshop", "by": "ada", "until": until}
    found = verdict(rules({**FALSE, "exemptions": [exemption]}), made(), evaluator)
    assert [each.blocks for each in found.violations] == [blocks]
    assert list(found.notes) == ([f"the exemption from a (workshop) {note}"] if note else [])


def test_exemption_of_one_thing(evaluator: Evaluator) -> None:
    """An exemption with a subject is about that alone, on the stacks that it names."""
    exemption = {
        "policy": "a",
        "stacks": "stack=dev",
        "subject": "Deployment/hub",
        "reason": "r",
        "by": "b",
        "until": "2027-01-01",
    }
    policies = rules(
        {"policies": [rule("false", each="object", kinds=["Deployment"])], "exemptions": [exemption]},
    )
    found = verdict(policies, made({"scheduling": {"userScheduler": {"enabled": False}}}), evaluator)
    assert {each.subject: each.blocks for each in found.violations} == {
        "Deployment/hub": False,
        "Deployment/proxy": True,
    }
    assert found.violations[0].subject == "Deployment/proxy"


def test_no_secret_is_told(evaluator: Evaluator) -> None:
    """No value of a secret is in what expressions see, nor in what is said, wherever it stands."""
    secrets = ["hunter2hunter2", "swordfish-swordfish", "tr0ub4dor-and-3"]
    values = {
        "hub": {
            "config": {"GitHubOAuthenticator": {"client_secret": secrets[0]}},
            "extraEnv": {"DB_PASSWORD": secrets[1]},
        }
    }
    about = made(values, secret={"hub": {"config": {"Anything": {"word": secrets[2]}}}})
    policies = rules(
        {
            "policies": [
                rule("settings.hub.config.GitHubOAuthenticator.client_secret.wrong"),
                rule("string(settings.hub.config.Anything.word) == 1", name="b"),
                rule("secret.setting == 'x'", each="secret", name="c"),
            ]
        }
    )
    found = verdict(policies, about, evaluator)
    assert len(found.violations) == 5
    everything = json.dumps(found.as_dict()) + repr(about)
    assert [secret for secret in secrets if secret in everything] == []


def test_a_chart_that_is_not_modelled(evaluator: Evaluator) -> None:
    """Rules about the objects of a chart that only Helm can render cannot be judged without it, and are not kept."""
    policies = rules({"policies": [rule("true", each="object"), rule("settings.mine == 1", name="b")]})
    found = verdict(policies, made({"mine": 1}, mode="helm", chart={"version": "3.3.8"}), evaluator)
    assert [(each.policy, each.detail) for each in found.violations] == [
        ("a", "the objects of this chart are not known without Helm")
    ]


def test_all_that_block_are_listed(evaluator: Evaluator) -> None:
    """Whoever is refused learns of every rule at once, and of what is no reason to refuse nothing."""
    policies = rules({"policies": [rule("false"), rule("false", name="b"), rule("false", name="c", level="warn")]})
    with pytest.raises(HubstackError) as error:
        gate.told(verdict(policies, made(), evaluator))
    assert str(error.value).splitlines() == [
        "stack dev: policies.yaml lets nothing be deployed:",
        "  a: Because. Mend it.",
        "  b: Because. Mend it.",
        "Mend the settings, or have an exemption written into policies.yaml. Nothing was changed.",
    ]
    warned = rules({"policies": [rule("false", level="warn")]})
    assert gate.told(verdict(warned, made(), evaluator)) == ["a: Because. Mend it."]
