"""A review with policies: what blocks, what a change takes away, and that it takes nothing away unseen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack.errors import HubstackError
from hubstack.review.report import Report
from tests.unit.policy.cases import rule
from tests.unit.review_repository import Repository

NO_CULL = rule("!stack.production || settings.cull.enabled", name="cull")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Two stacks, of which prod is in production by its label, and a rule that they cull."""
    made = Repository(tmp_path)
    made.git("init", "--quiet")
    made.stack("prod", {})
    made.stack("dev", {}, protectData=False)
    fleet(made, prod="prod", dev="dev")
    policies(made, production="tier=prod", policies=[NO_CULL])
    made.commit()
    return made


def fleet(repository: Repository, **tiers: str) -> None:
    """Write the fleet file with the label tier of each stack."""
    stacks = {name: {"labels": {"tier": tier}} for name, tier in tiers.items()}
    waves = [{"name": "all", "select": "stack in (prod, dev)"}]
    (repository.root / "fleet.yaml").write_text(yaml.safe_dump({"stacks": stacks, "waves": waves}))


def policies(repository: Repository, **document: Any) -> None:
    """Write the policies."""
    (repository.root / "policies.yaml").write_text(yaml.safe_dump(document))


def found(report: Report) -> dict[str, list[tuple[str, bool]]]:
    """Policies with whether they block, by stack."""
    return {
        each.stack: [(one.rule, one.blocks) for one in each.findings if one.rule.startswith("policy/")]
        for each in report.changed
    }


BLOCKED = [("policy/cull", True)]
OFF = {"cull": {"enabled": False}}


def test_a_change_against_a_policy(repository: Repository) -> None:
    """It blocks on the stack that the rule is about, in every format, until it is accepted by the rule's name."""
    repository.stack("prod", OFF)
    repository.stack("dev", OFF, protectData=False)
    report, text = repository.review()
    assert (report.exit_code, found(report)) == (3, {"prod": BLOCKED, "dev": []})
    assert ":no_entry: **blocks**, `policy/cull` (operators, at the next update): Because. Mend it. On prod." in text
    for form in ("text", "html", "json"):
        assert "policy/cull" in repository.review(form=form)[1]
    accepted, _ = repository.review(**{"policy/cull": "seen"})
    assert accepted.exit_code == 2


def test_policies_that_change_nothing_ask_nobody(repository: Repository) -> None:
    """Stacks that a change leaves alone are not judged; where the policies change, every stack is."""
    policies(repository, production="tier=prod", policies=[rule("settings.cull.users", name="cull")])
    report, _ = repository.review()
    assert found(report) == {"prod": BLOCKED, "dev": BLOCKED}
    repository.commit()
    assert repository.review()[0].changed == ()


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (
            {"policies": []},
            [
                "rule cull is removed",
                "other stacks count as production: tier=prod -> those whose data is protected",
            ],
        ),
        (None, ["policies.yaml is removed, and with it 1 rules"]),
        (
            {"production": "tier=prod", "policies": [{**NO_CULL, "level": "warn"}]},
            ["rule cull is weakened: level block -> warn"],
        ),
        (
            {"production": "tier=prod", "policies": [{**NO_CULL, "require": "true"}]},
            ["rule cull asks for something else: !stack.production || settings.cull.enabled -> true"],
        ),
        (
            {"production": "tier=prod", "policies": [{**NO_CULL, "stacks": "tier=dev"}]},
            ["rule cull is for other stacks: all -> tier=dev"],
        ),
        (
            {"production": "tier=none", "policies": [NO_CULL]},
            ["other stacks count as production: tier=prod -> tier=none"],
        ),
        (
            {
                "production": "tier=prod",
                "policies": [NO_CULL],
                "exemptions": [
                    {"policy": "cull", "stacks": "stack=prod", "reason": "r", "by": "eve", "until": "2099-01-01"}
                ],
            },
            ["new exemption from cull for stacks stack=prod until 2099-01-01, by eve: r"],
        ),
    ],
)
def test_a_change_that_takes_its_rule_away(repository: Repository, document: Any, said: list[str]) -> None:
    """The rules of the base judge it all the same, and what is taken away from them is said."""
    repository.stack("prod", OFF)
    if document is None:
        (repository.root / "policies.yaml").unlink()
    else:
        policies(repository, **document)
    report, text = repository.review()
    assert report.exit_code == 3
    assert ("policy/cull", True) in found(report)["prod"]
    assert list(report.policies) == said
    assert "by the rules and labels before this change, which alters them: Because" in text
    repository.stack("prod", {})
    alone, text = repository.review()
    assert (alone.exit_code, alone.changed) == (2, ())
    assert (list(alone.policies), text.count("policies.yaml changes: ")) == (said, len(said))


def test_labels_and_protection_do_not_help(repository: Repository) -> None:
    """A change that takes a stack out of production, by its label or by its data's protection, is judged as before."""
    repository.stack("prod", OFF)
    fleet(repository, prod="dev", dev="dev")
    assert found(repository.review()[0])["prod"] == BLOCKED
    policies(repository, policies=[NO_CULL])
    repository.git("checkout", "--quiet", "HEAD", "--", "fleet.yaml", "prod.yaml", "Pulumi.prod.yaml")
    repository.commit()
    repository.stack("prod", OFF, protectData=False)
    assert ("policy/cull", True) in found(repository.review()[0])["prod"]


def test_a_stack_accepts_no_policy_by_itself(repository: Repository) -> None:
    """The file that breaks a rule cannot accept that; whoever runs the review can, by a name that there is."""
    repository.stack("prod", OFF)
    file = repository.root / "Pulumi.prod.yaml"
    file.write_text(f"{file.read_text()}hubstack.review.accept: {{policy/cull: because}}\n")
    report, text = repository.review()
    assert report.exit_code == 1
    assert "a stack's own file does not let it break a policy; write an exemption into policies.yaml" in text
    with pytest.raises(HubstackError, match="--accept: 'policy/cul': no such rule"):
        repository.review(**{"policy/cul": "seen"})


def test_policies_that_cannot_be_read(repository: Repository) -> None:
    """A file that is wrong at the head is an error of the review; what it was before goes on judging."""
    repository.stack("prod", OFF)
    (repository.root / "policies.yaml").write_text("policies: [{name: cull}]")
    report, text = repository.review(form="json")
    assert report.exit_code == 1
    assert json.loads(text)["error"].endswith("policies.yaml:1: policies[0]: 'fix' is missing: How to mend it")
    assert found(report)["prod"] == BLOCKED
