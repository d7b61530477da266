"""Settings that the engine encrypts: they come back as they were, and stacks that have them are deployed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack import settings, toolchain
from hubstack.chart import helm_yaml
from hubstack.chart.merge import merge_files
from hubstack.commands import session
from hubstack.engine.stack import EngineStack
from hubstack.lifecycle import prerequisites
from hubstack.lifecycle.updates import Updater
from hubstack.migration import stack_file
from hubstack.migration.split import split
from hubstack.project import secrets_provider, stacks
from hubstack.project.stacks import Stack
from tests.engine import live
from tests.engine.conftest import Machine

PLAIN: dict[str, Any] = {
    "flag": True,
    "not": False,
    "whole": 7,
    "large": 12345678901,
    "broken": 0.25,
    "nothing": None,
    "blank": "",
    "empty": {},
    "none": [],
    "looks": ["true", "no", "5", "0077", "1e3", "0o17", "null", "~", "1:30", "2001-01-01", "1_000", "=", "# x"],
    "lines": "one\n  two\n\n",
}
REFERENCE = {"name": "R", "valueFrom": {"secretKeyRef": {"name": "true", "key": "5", "optional": False}}}
TEXTS = ["true", "5", "0077", "1e3", "null", "{}", "[1]", " blanks ", "line\nline\n", "ends\n\n", "q\"u'o$te\\", "é…"]


def values(password: Any) -> dict[str, Any]:
    """Settings with every type in plain text, the same in a list beside secrets, and a secret of some type."""
    named = [{"name": f"TOKEN_{at}", "value": text} for at, text in enumerate(TEXTS)]
    return {
        "hub": {
            "config": {"X": {"password": password, **PLAIN}},
            "extraEnv": [*named, REFERENCE, {"name": "OTHER", **PLAIN}],
        }
    }


@pytest.fixture
def engine(tools: toolchain.Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EngineStack:
    """The engine on a new stack with a backend of its own."""
    monkeypatch.setenv("HUBSTACK_STATE_DIR", str(tmp_path))
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    config = {"hubstack:kubeContext": "none"}
    stack = Stack(name="s", base="s", config=config, document={"config": config})
    return EngineStack(stack, session.engine_environment(tools))


def encrypted(engine: EngineStack, secrets: dict[Any, Any], readable: Any = ()) -> dict[str, Any]:
    """Settings for a stack's file, without what it says of its secrets provider."""
    found = stack_file.encrypted(engine, secrets, readable)
    return {key: value for key, value in found.items() if key not in secrets_provider.KEYS}


@pytest.mark.parametrize(
    ("password", "by_leaf"),
    [("12345", True), (12345, False), (0.5, False), ({"api_tokens": {"t0ken": "somebody"}}, False)],
)
def test_every_type_survives(engine: EngineStack, password: Any, by_leaf: bool) -> None:
    """What the program gets is what was adopted, type by type; secrets are in the file as ciphertext alone."""
    wanted = values(password)
    parts = split(wanted)
    added = encrypted(engine, {"secretValues": parts.secret, "adoptedTokens": {"proxy": "5"}}, parts.readable)
    assert ("secure" not in added["hubstack:secretValues"]) is by_leaf
    text = helm_yaml.dump({"config": {**engine.stack.config, **added}})
    if by_leaf:
        assert not [each for each in TEXTS if f'"{each}"' in text.replace("\\n", "\n") and each not in str(PLAIN)]
    engine.stack.config.update(yaml.safe_load(text)["config"])
    stacks.write_work_folder(engine.stack)
    found = settings.parse(engine.entries(), {"secretValues", "adoptedTokens"})
    public = helm_yaml.load(helm_yaml.dump(parts.public), "values")
    merged = merge_files((public, found.secret_values))
    assert json.dumps(merged, sort_keys=True) == json.dumps(wanted, sort_keys=True)
    assert found.adopted_tokens.proxy == "5"


def test_what_is_encrypted_already_stays(engine: EngineStack) -> None:
    """Settings are added to those of the file, whether it has them leaf by leaf or encrypted as a whole."""
    for first in ({"hub": {"cookieSecret": "one"}}, {"hub": {"config": {"X": {"password": 5}}}}):
        engine.stack.config.pop("hubstack:secretValues", None)
        engine.stack.config.update(encrypted(engine, {"secretValues": first}))
        stacks.write_work_folder(engine.stack)
        more = {"proxy": {"secretToken": "two"}}
        engine.stack.config.update(encrypted(engine, {"secretValues": more}))
        stacks.write_work_folder(engine.stack)
        assert settings.parse(engine.entries(), {"secretValues"}).secret_values == merge_files((first, more))


SEALED: dict[str, Any] = {
    "hub": {"db": {"type": "sqlite-memory"}, "extraConfig": {"a": "c.JupyterHub.log_level = 10  # canary-code"}},
    "imagePullSecret": {"create": True, "registry": "r", "username": "u", "password": "canary-password"},
}
FLAG = frozenset({("imagePullSecret", "create")})


def sealed(machine: Machine, name: str, secret: dict[str, Any], mode: str = "native") -> Updater:
    """The engine on a stack whose file has some settings encrypted."""
    updater = machine.updater(live.stack(machine, name, mode))
    updater.stack.config.update(encrypted(updater, {"secretValues": secret}, FLAG))
    stacks.write_work_folder(updater.stack)
    return updater


def test_a_stack_with_encrypted_settings_is_previewed(machine: Machine) -> None:
    """What commands do not read, the program does: code, a choice, and a flag that makes an object."""
    updater = sealed(machine, "sealed", SEALED)
    assert prerequisites.find(updater.stack).classes == frozenset()
    report = updater.preview()
    created = {step.partition(" ")[0] for _, step in report.steps}
    assert "PersistentVolumeClaim" not in created, "the database is in memory"
    assert ("create", "Secret jupyterhub-shared-secret") in report.steps
    assert report.warnings == []


@pytest.mark.long
@pytest.mark.parametrize("mode", ["native", "helm"])
def test_a_stack_that_is_encrypted_as_a_whole(machine: Machine, mode: str) -> None:
    """It is deployed, again without a change, and its state has none of it in the open."""
    name = f"sealed-{mode}"
    chart = {"imagePullSecret": SEALED["imagePullSecret"]} if mode == "native" else {}
    config = {"X": {"password": 123456789, "token": "canary-token"}}
    updater = sealed(machine, name, {**chart, "hub": {"config": config}}, mode)
    assert set(updater.stack.settings["secretValues"]) == {"secure"}
    assert set(updater.up().changes) <= {"create", "read"}
    assert updater.up().changed == 0
    secrets = machine.cluster.client().get(f"/api/v1/namespaces/{name}/secrets")["items"]
    assert ("image-pull-secret" in {each["metadata"]["name"] for each in secrets}) is bool(chart)
    state = next((machine.state / "backend").rglob(f"stacks/*/{name}.json")).read_text()
    assert "canary" not in state
    assert "123456789" not in state
    updater.destroy()
