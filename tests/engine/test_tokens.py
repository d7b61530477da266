"""The component Tokens in a program of somebody's own, on the real engine, without a cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi import automation

from hubstack import toolchain
from hubstack.components.tokens import Tokens, TokensArgs
from tests.engine import former_state

ALL = {"proxy", "cookie", "crypt", "announcing"}


@dataclass
class Program:
    """A Pulumi program with nothing but tokens."""

    protect: bool = True
    rotate: dict[str, str] = field(default_factory=dict)
    adopted: dict[str, str] = field(default_factory=dict)

    def __call__(self) -> None:
        args = TokensArgs(services=["announcing"], rotate=self.rotate, adopted=self.adopted, protect=self.protect)
        tokens = Tokens("hub", args).values
        for name, token in (
            ("proxy", tokens.proxy_auth),
            ("cookie", tokens.cookie_secret),
            ("crypt", tokens.crypt_keys),
        ):
            pulumi.export(name, token)
        pulumi.export("announcing", tokens.services["announcing"])


@pytest.fixture
def stack_of(
    tools: toolchain.Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Program], automation.Stack]:
    """Gives a stack for a program."""
    (tmp_path / "backend").mkdir()
    tools.pulumi_home(tmp_path / "home")
    variables = {
        **tools.environment(),
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'backend'}",
        "PULUMI_CONFIG_PASSPHRASE": "of a test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_EXPERIMENTAL": "true",  # update plans
    }
    monkeypatch.setenv("PATH", variables["PATH"])  # where the Automation API looks for the engine

    def stack(program: Program) -> automation.Stack:
        options = automation.LocalWorkspaceOptions(work_dir=str(tmp_path), env_vars=variables)
        return automation.create_stack("dev", project_name="trial", program=program, opts=options)

    return stack


def tokens(report: automation.UpResult) -> dict[str, str]:
    """The tokens; every one of them is a secret."""
    assert all(each.secret for each in report.outputs.values())
    return {name: each.value for name, each in report.outputs.items()}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    assert set(before) == set(after) == ALL
    return {name for name in ALL if before[name] != after[name]}


def exported(stack: automation.Stack) -> dict[str, Any]:
    """The state, secrets in the open."""
    found = stack.export_stack()
    return {"version": found.version, "deployment": found.deployment}


def put(stack: automation.Stack, state: dict[str, Any]) -> None:
    stack.import_stack(automation.Deployment(state["version"], state["deployment"]))


def test_a_key_is_drawn_once_and_renewed_when_asked(
    stack_of: Callable[[Program], automation.Stack], tmp_path: Path
) -> None:
    """A preview knows no token of a new stack, and all of an existing one; only `rotate` makes another key, each time.

    Update plans hold. An adopted token is not derived from the key, and stays.
    """
    program = Program(adopted={"cookie": "c" * 64})
    stack = stack_of(program)
    plan = str(tmp_path / "plan.json")
    assert stack.preview(plan=plan).change_summary == {"create": 7}
    first = stack.up(plan=plan)
    assert first.summary.resource_changes == {"create": 7}
    again = stack.up(refresh=True, plan=None)
    assert again.summary.resource_changes == {"same": 7}
    assert tokens(again) == tokens(first)
    assert stack.preview(plan=plan).change_summary == {"same": 7}
    program.rotate = {"key": "a state was read"}
    assert stack.preview(plan=plan).change_summary == {"replace": 1, "same": 6}
    second = stack.up(plan=plan)
    assert changed(tokens(first), tokens(second)) == ALL - {"cookie"}
    assert stack.preview(expect_no_changes=True).change_summary == {"same": 7}
    program.rotate = {}
    third = stack.up()
    assert changed(tokens(second), tokens(third)) == ALL - {"cookie"}
    assert former_state.told(exported(stack)["deployment"], set(tokens(third).values())) == set()


@pytest.mark.parametrize("protect", [pytest.param(True, marks=pytest.mark.long), False])
def test_a_state_of_an_earlier_version(stack_of: Callable[[Program], automation.Stack], protect: bool) -> None:
    """A preview and an update are refused, and nothing changes; moved by the command, every token goes on."""
    program = Program(protect=protect)
    stack = stack_of(program)
    before = tokens(stack.up())
    former = former_state.former(exported(stack))
    put(stack, former)
    assert former_state.told(former["deployment"], set(before.values())) == set(before.values())
    for operation in (stack.preview, stack.up):
        with pytest.raises(automation.CommandError) as error:
            operation()
        assert "the state of stack dev was written by an earlier version of Hubstack" in str(error.value)
        assert "`hubstack up --stack dev` moves the key, and no token changes" in str(error.value)
    assert former_state.drawn(exported(stack)) == former_state.drawn(former)
    done = subprocess.run(
        [sys.executable, "-m", "hubstack", "move-token-key"],
        input=json.dumps(exported(stack)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert former_state.key_id(former) not in done.stdout
    put(stack, json.loads(done.stdout))
    after = stack.up()
    assert after.summary.resource_changes == {"same": 7}
    assert tokens(after) == before
    assert former_state.key_id(former) not in json.dumps(exported(stack))
    assert former_state.told(exported(stack)["deployment"], set(before.values())) == set()
