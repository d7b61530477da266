"""A state that one of the two plugins has made, in the hands of the other: the real engine, the project's tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi import automation

from hubstack import toolchain
from hubstack.components.tokens import Tokens, TokensArgs
from hubstack.engine.environment import RANDOM
from hubstack.stand_in import STANDS_IN_FOR
from hubstack.toolchain import Program
from tests import needs

SERVICE = "announcing"
STACK = "dev"
Machine = Callable[[Path], automation.Stack]


@dataclass
class TokenProgram:
    """A Pulumi program with nothing but tokens."""

    rotate: dict[str, str]

    def __call__(self) -> None:
        tokens = Tokens("hub", TokensArgs(services=[SERVICE], rotate=self.rotate, protect=False)).values
        pulumi.export("proxy", tokens.proxy_auth)
        pulumi.export("cookie", tokens.cookie_secret)
        pulumi.export("crypt", tokens.crypt_keys)
        pulumi.export(SERVICE, tokens.services[SERVICE])


@pytest.fixture
def program() -> TokenProgram:
    return TokenProgram({"cookie": "1"})


@pytest.fixture
def on(tmp_path: Path, program: TokenProgram, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The stack, as an engine sees it that has only this plugin."""
    try:
        tools = toolchain.ensure(["pulumi"])
    except toolchain.ToolchainError as error:
        needs.skip("programs", str(error))
    backend = tmp_path / "backend"
    backend.mkdir()

    def stack(plugin: Path) -> automation.Stack:
        found = tools.plus(RANDOM, Program(plugin, STANDS_IN_FOR))
        home = tmp_path / "homes" / plugin.parent.name
        found.pulumi_home(home)
        variables = {
            **found.environment(),
            "PULUMI_HOME": str(home),
            "PULUMI_BACKEND_URL": f"file://{backend}",
            "PULUMI_CONFIG_PASSPHRASE": "trial",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        monkeypatch.setenv("PATH", variables["PATH"])  # where the Automation API looks for the engine
        options = automation.LocalWorkspaceOptions(work_dir=str(tmp_path), env_vars=variables)
        return automation.create_or_select_stack(STACK, project_name="trial", program=program, opts=options)

    return stack


@pytest.fixture(params=["the real plugin goes on", "the stand-in goes on"])
def pair(request: pytest.FixtureRequest, real: Path, stand_in: Path) -> Sequence[Path]:
    """Who makes the state, and who goes on with it."""
    return (stand_in, real) if request.param == "the real plugin goes on" else (real, stand_in)


def resources(stack: automation.Stack) -> dict[str, Any]:
    """What the state has of each resource that plugins answer for, secrets in the open."""
    return {
        each["urn"]: {name: each.get(name) for name in ("id", "provider", "inputs", "outputs")}
        for each in stack.export_stack().deployment["resources"]
    }


def tokens(report: automation.UpResult) -> dict[str, str]:
    assert all(each.secret for each in report.outputs.values())
    return {name: each.value for name, each in report.outputs.items()}


def different(some: Mapping[str, str], others: Mapping[str, str]) -> set[str]:
    return {name for name in some if some[name] != others[name]}


def test_the_other_plugin_finds_nothing_to_change(on: Machine, pair: Sequence[Path]) -> None:
    """Neither a preview nor an update nor a refresh by the other changes a resource or an output."""
    maker, heir = (on(plugin) for plugin in pair)
    made = maker.up()
    assert made.summary.resource_changes == {"create": 7}
    state = resources(maker)
    assert heir.preview(expect_no_changes=True).change_summary == {"same": 7}
    kept = heir.up(refresh=True, expect_no_changes=True)
    assert kept.summary.resource_changes == {"same": 7}
    assert tokens(kept) == tokens(made)
    assert resources(heir) == state
    assert maker.up(refresh=True, expect_no_changes=True).summary.resource_changes == {"same": 7}
    assert resources(maker) == state


def test_the_other_plugin_rotates_one_token(on: Machine, pair: Sequence[Path], program: TokenProgram) -> None:
    """A keeper that changes, appears or goes away makes one new token; the other plugin can destroy it all."""
    maker, heir = (on(plugin) for plugin in pair)
    first = tokens(maker.up())
    program.rotate = {"cookie": "2"}
    second = tokens(heir.up())
    assert different(first, second) == {"cookie"}
    program.rotate = {"cookie": "2", "crypt": "1"}
    third = tokens(maker.up())
    assert different(second, third) == {"crypt"}
    program.rotate = {"crypt": "1"}
    assert different(third, tokens(heir.up())) == {"cookie"}
    assert heir.destroy().summary.resource_changes == {"delete": 7}
