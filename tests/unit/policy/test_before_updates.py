"""Before an update: what `up`, `preview`, a rollout's plan and `hubstack policy` do with the project's policies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

from hubstack import project
from hubstack.commands import session
from hubstack.commands.main import app
from hubstack.errors import HubstackError
from hubstack.fleet import load
from hubstack.fleet.judged import judged
from hubstack.fleet.plan import Item
from tests.unit.policy.cases import rule

QUIET = Console(quiet=True)
REFUSED = """stack prod: policies.yaml lets nothing be deployed:
  cull: Because. Mend it.
  limit: a user's server: Because. Mend it.
Mend the settings, or have an exemption written into policies.yaml. Nothing was changed."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a stack that breaks two rules that block and one that warns, and one that keeps those that
    block.
    """
    monkeypatch.setattr(project, "ROOT", tmp_path)
    monkeypatch.setenv("HUBSTACK_STATE_DIR", str(tmp_path / "state"))
    for name, values in {
        "prod": {"cull": {"enabled": False}},
        "dev": {"singleuser": {"memory": {"limit": "1G"}}},
    }.items():
        config = {"hubstack:kubeContext": "hubstack-sim", "hubstack:values": values}
        (tmp_path / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": config}))
    fleet = {
        "stacks": {name: {"labels": {"tier": name}} for name in ("prod", "dev")},
        "waves": [{"name": "all", "select": "tier in (prod, dev)"}],
    }
    (tmp_path / "fleet.yaml").write_text(yaml.safe_dump(fleet))
    own: list[dict[str, Any]] = [
        rule("settings.cull.enabled", name="cull"),
        rule("!pod.user || has(pod.spec.containers[0].resources.limits.memory)", name="limit", each="pod"),
        rule("stack.labels.tier == 'none'", name="tier", level="warn"),
    ]
    (tmp_path / "policies.yaml").write_text(yaml.safe_dump({"policies": own}))
    return tmp_path


def test_up_and_preview_are_refused(folder: Path) -> None:
    """All rules that block are listed, before a program is looked for, a cluster started or anything written."""
    before = sorted(folder.iterdir())
    with pytest.raises(HubstackError) as error:
        session.open_session("prod", None, (), None, "sim", QUIET)
    assert str(error.value) == REFUSED
    assert sorted(folder.iterdir()) == before


def test_a_plan_refuses_what_would_be_deployed(folder: Path) -> None:
    """A stack that breaks a rule is refused, one that is unchanged is left alone, and a warning is told."""
    items = [Item("prod", "all", "up", "new"), Item("prod", "all", "skip", "same"), Item("dev", "all", "up", "new")]
    fleet = load.load(folder)
    assert fleet
    found = judged(items, fleet, folder)
    assert [(each.action, each.reason, list(each.told)) for each in found] == [
        ("refused", REFUSED, []),
        ("skip", "same", []),
        ("up", "new", ["tier: Because. Mend it."]),
    ]


def test_check(folder: Path) -> None:
    """By hand and in CI: every stack, or some; what blocks ends with 3, what cannot be said with 1."""
    runner = CliRunner()
    result = runner.invoke(app, ["policy", "check", "--json"])
    assert result.exit_code == 3
    told = json.loads(result.stdout)
    outcomes = {
        each["stack"]: (each["blocked"], [one["policy"] for one in each["violations"]]) for each in told["stacks"]
    }
    assert outcomes == {"dev": (False, ["tier"]), "prod": (True, ["cull", "limit", "tier"])}
    result = runner.invoke(app, ["policy", "check", "--stack", "dev"])
    assert (result.exit_code, result.stdout) == (
        0,
        "dev: 0 block, 1 told\n  warns tier: Because. Mend it.\n",
    )
    (folder / "Pulumi.dev.yaml").write_text("config: {hubstack:kubeContext: c, hubstack:nope: 1}")
    result = runner.invoke(app, ["policy", "check", "--json"])
    assert result.exit_code == 1
    assert list(json.loads(result.stdout)["errors"]) == ["dev"]


def test_examples_of_rules(folder: Path) -> None:
    """A rule that says something else than its example wants fails the command, and is named."""
    examples = [{"expect": "pass"}, {"expect": "pass", "values": {"cull": {"enabled": False}}}]
    own = [rule("settings.cull.enabled", name="cull", tests=examples)]
    (folder / "policies.yaml").write_text(yaml.safe_dump({"policies": own}))
    result = CliRunner().invoke(app, ["policy", "test"])
    assert (result.exit_code, result.stdout) == (
        1,
        "cull, example 2: expected pass, found fail\n2 examples tried, 1 wrong\n",
    )


def test_without_policies(folder: Path) -> None:
    """A project without the file is told so when it asks, and pays nothing otherwise."""
    (folder / "policies.yaml").unlink()
    result = CliRunner().invoke(app, ["policy", "check"])
    assert isinstance(result.exception, HubstackError)
    assert "policies.yaml: there is none; it has the rules that stacks are to keep." in str(result.exception)
    from hubstack.commands.policy import judged as asked
    from hubstack.project import stacks

    assert asked(stacks.select("prod")) == []


def test_a_pack_is_written_once(tmp_path: Path) -> None:
    """The pack's folder has what the engine needs, and nothing that is there is overwritten."""
    runner = CliRunner()
    assert runner.invoke(app, ["policy", "pack", str(tmp_path / "pack")]).exit_code == 0
    assert sorted(each.name for each in (tmp_path / "pack").iterdir()) == ["PulumiPolicy.yaml", "__main__.py"]
    result = runner.invoke(app, ["policy", "pack", str(tmp_path / "pack")])
    assert "has PulumiPolicy.yaml and __main__.py already; choose another folder" in str(result.exception)
