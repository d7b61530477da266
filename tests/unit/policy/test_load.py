"""policies.yaml: what is accepted, what is refused, and how that is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubstack import project
from hubstack.chart.errors import SettingsError
from hubstack.policy import load, schema
from hubstack.policy.examples import try_all
from hubstack.policy.expressions import Evaluator

EXAMPLE = project.ROOT / "docs" / "examples" / "policies.yaml"
TEMPLATE = Path(load.__file__).parents[1] / "project" / "template" / "policies.yaml.in"
RULE = "{name: a, require: 'true', reason: r, fix: f}"


@pytest.fixture(scope="module")
def evaluator() -> Iterator[Evaluator]:
    with Evaluator() as made:
        yield made


def problems(folder: Path, text: str, evaluator: Evaluator) -> list[str]:
    """What is said about a file of policies."""
    (folder / "policies.yaml").write_text(text)
    with pytest.raises(SettingsError) as error:
        load.load(folder, evaluator)
    return str(error.value).splitlines()


def test_examples(evaluator: Evaluator, tmp_path: Path) -> None:
    """The documented file and the one of a new project are accepted; the documented rules say what they have to."""
    found = load.read(EXAMPLE, evaluator)
    levels = {each.name: each.level for each in found.policies}
    assert (levels["image-tag"], levels["allow-all"], levels["plain-secret"]) == ("warn", "off", "block")
    tried = list(try_all(found, tmp_path, evaluator))
    assert len(tried) == 4
    assert [each for each in tried if not each.right] == []
    assert load.read(TEMPLATE, evaluator).policies == load.baseline()


def test_schema_is_current() -> None:
    """The published schema is what the models say: `python -m hubstack.policy.schema` writes it."""
    assert schema.FILE.read_text() == schema.text()


def test_all_errors_at_once_with_lines(evaluator: Evaluator, tmp_path: Path) -> None:
    """Every mistake is listed with its line: of shape, of names, of dates, and inside of each expression."""
    text = """extends: hubstack:baseline
production: tier==
policies:
  - name: Wrong Name
    level: strict
    require: settings.hub.
    reason: r
    fix: f
  - name: two
    require: |
      settings.hub.enabled &&
        nobody.knows
    reason: ""
  - name: three
    require: size(settings)
    reason: r
    fix: f
    exemption: {}
exemptions:
  - {policy: a, stacks: stack=x, reason: r, by: b, until: soon}
"""
    assert problems(tmp_path, text, evaluator) == [
        "policies.yaml:2: production: 'tier==': cannot be read from 'tier==' on; write it like tier=staging, "
        "tier!=staging, region in (eu, us), region notin (eu), gpu, !gpu",
        "policies.yaml:4: policies[0].name: 'Wrong Name' is not allowed; must be lower-case letters, digits and '-', "
        "with no '-' first",
        "policies.yaml:5: policies[0].level: 'strict' is not allowed; use one of: block, warn, off",
        "policies.yaml:6: policies[0].require: column 14: Syntax error: no viable alternative at input '.'",
        "policies.yaml:9: policies[1]: 'fix' is missing: How to mend it",
        "policies.yaml:12: policies[1].require: column 9: there is no 'nobody.knows' here; variables: settings, "
        "config, stack, objects, object, pods, pod, container, secret",
        "policies.yaml:13: policies[1].reason: must not be blank",
        "policies.yaml:15: policies[2].require: column 1: must be true or false, but it is of type int",
        "policies.yaml:18: policies[2].exemption: unknown key; known here: each, fix, kinds, level, name, reason, "
        "require, stacks, tests",
        "policies.yaml:20: exemptions[0].until: 'soon' is not allowed; must be a date such as 2027-01-31",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            f"policies: [{RULE}, {RULE}]",
            "policies.yaml:1: policies[1].name: 'a': another policy has it; choose another",
        ),
        (
            "extends: hubstack:baseline\npolicies: [{name: https, require: 'true', reason: r, fix: f}]",
            "policies.yaml:2: policies[0].name: 'https': the built-in set has a rule of this name; choose another",
        ),
        (
            "baseline: {https: {level: off}}",
            "policies.yaml:1: baseline: is for rules of the built-in set; add `extends: hubstack:baseline`",
        ),
        (
            "extends: hubstack:baseline\nbaseline: {htps: {level: off}}",
            "policies.yaml:2: baseline.htps: 'htps': no such policy; did you mean 'https'?",
        ),
        (
            "policies: [{name: a, kinds: [Secret], require: 'true', reason: r, fix: f}]",
            "policies.yaml:1: policies[0].kinds: is for `each: object`, and this rule has `each: stack`",
        ),
        (
            f"policies: [{RULE}]\nexemptions:\n- {{policy: b, reason: r, by: b, until: 2027-01-01}}",
            "policies.yaml:3: exemptions[0].policy: 'b': no such policy; known: a\n"
            "policies.yaml:3: exemptions[0]: exempts every stack; name some with stacks, or a subject, or switch the "
            "rule off",
        ),
        ("- a", "policies.yaml: must be a map with the keys extends and policies, or one of them"),
    ],
)
def test_what_fits_together(evaluator: Evaluator, tmp_path: Path, text: str, said: str) -> None:
    """Names that nothing has, or two things have, are refused: a typo would judge nothing, unseen."""
    assert sorted(problems(tmp_path, text, evaluator)) == sorted(said.splitlines())


def test_a_link_out_of_the_project(evaluator: Evaluator, tmp_path: Path) -> None:
    """A file that is a link to another file of the machine is refused, and nothing of it is quoted."""
    outside, inside = tmp_path / "outside.yaml", tmp_path / "project"
    outside.write_text("policies: [hunter2]")
    inside.mkdir()
    (inside / "policies.yaml").symlink_to(outside)
    with pytest.raises(SettingsError) as error:
        load.load(inside, evaluator)
    assert str(error.value) == "policies.yaml: leads out of the project"
