"""The key service that a stack's file names encrypts its secrets, on the real engine; the service is a stand-in."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from hubstack import toolchain
from hubstack.engine import command
from hubstack.engine import state as engine_state
from hubstack.engine.environment import engine_environment
from hubstack.engine.stack import EngineStack
from hubstack.errors import HubstackError
from hubstack.migration.adopt import Request, adopt
from hubstack.project.stacks import Stack
from tests.engine import test_adoption, vault
from tests.engine.conftest import Machine

CANARY = "canary-5d11e7"
SERVICE = "hashivault://team"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[vault.Vault]:
    """The key service; whoever asks for a passphrase fails."""
    with vault.running(monkeypatch) as server:
        monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
        monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", "/nowhere/passphrase")
        yield server


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder with an empty backend."""
    monkeypatch.setenv("HUBSTACK_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    return tmp_path


def opened(tools: toolchain.Tools, create: bool = True, **document: Any) -> EngineStack:
    """The engine on a stack with this file."""
    config = {"hubstack:kubeContext": "none"}
    stack = Stack(name="team", base="team", config=config, document={**document, "config": config})
    return EngineStack(stack, engine_environment(tools), create=create)


def file_of(engine: EngineStack) -> dict[str, Any]:
    """The copy of the stack's file in its work folder."""
    found: dict[str, Any] = yaml.safe_load((engine.stack.folder / "Pulumi.team.yaml").read_text())
    return found


def backend_of(folder: Path) -> str:
    """Everything that the backend has, as text."""
    text = "\n".join(path.read_text() for path in (folder / "backend").rglob("*") if path.is_file())
    return text.replace('": "', '":"')


def deployed(state: engine_state.State) -> engine_state.State:
    """A state with one resource, whose output is secret."""
    urn = "urn:pulumi:team::hubstack::pulumi:pulumi:Stack::hubstack-team"
    stack = engine_state.Resource(urn=urn, type="pulumi:pulumi:Stack", outputs={"token": engine_state.secret(CANARY)})
    return replace(state, resources=(stack,))


def test_a_new_stack_is_encrypted_by_the_service_that_its_file_names(
    tools: toolchain.Tools, folder: Path, service: vault.Vault
) -> None:
    """Settings and state, with a key that the next run and another machine go on with; no passphrase is asked for."""
    engine = opened(tools, secretsprovider=SERVICE)
    first = file_of(engine)
    assert (first["secretsprovider"], "encryptionsalt" in first) == (SERVICE, False)
    assert service.asked[0] == "encrypt team"
    engine.set_secret("hubstack:secretValues.a", CANARY)
    assert CANARY not in (engine.stack.folder / "Pulumi.team.yaml").read_text()
    assert CANARY in engine.entries()["secretValues"]
    engine.edit_state(deployed)
    assert CANARY in json.dumps(engine.state().document())
    assert f'"url":"{SERVICE}"' in backend_of(folder)
    assert CANARY not in backend_of(folder)
    assert not (folder / "passphrase").exists()
    again = opened(tools, secretsprovider=SERVICE)
    assert file_of(again)["encryptedkey"] == first["encryptedkey"]
    for document in ({"secretsprovider": SERVICE}, {}, {"create": False}):
        shutil.rmtree(engine.stack.folder)
        elsewhere = opened(tools, **document)
        assert file_of(elsewhere)["encryptedkey"] == first["encryptedkey"]
        assert CANARY in json.dumps(elsewhere.state().document())
    with pytest.raises(HubstackError, match=r"its file names passphrase .* encrypted by hashivault://team"):
        opened(tools, secretsprovider="passphrase")
    with pytest.raises(HubstackError, match="change-secrets-provider 'hashivault://other'"):
        opened(tools, secretsprovider="hashivault://other")


def test_a_passphrase_stack_stays_one(tools: toolchain.Tools, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without a word means the backend's own way; naming a service later is an error that says how."""
    engine = opened(tools)
    assert "encryptionsalt" in file_of(engine)
    engine.edit_state(deployed)
    assert CANARY not in backend_of(folder)
    for document in ({}, {"secretsprovider": "passphrase"}, {"secretsprovider": "default"}):
        assert CANARY in json.dumps(opened(tools, **document).state().document())
    with vault.running(monkeypatch) as service:
        with pytest.raises(HubstackError, match=r"change-secrets-provider .* Nothing was changed"):
            opened(tools, secretsprovider=SERVICE)
        assert service.asked == []
        old = opened(tools)
        command.run(
            ["stack", "change-secrets-provider", SERVICE, "--stack", "team"],
            old.stack.folder,
            engine_environment(tools),
        )
        changed = {key: value for key, value in file_of(old).items() if key != "config"}
        assert set(changed) == {"secretsprovider", "encryptedkey"}
        assert CANARY in json.dumps(opened(tools, **changed).state().document())
        assert f'"url":"{SERVICE}"' in backend_of(folder)


def test_a_service_that_cannot_be_used(
    tools: toolchain.Tools, folder: Path, service: vault.Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One error that names it, and no stack under a passphrase instead."""
    for provider in ("service", "awskms", "foo://x", "awskms://", 5, ["awskms://x"]):
        with pytest.raises(HubstackError, match=r"Pulumi\.team\.yaml: secretsprovider: .*awskms://KEY"):
            opened(tools, secretsprovider=provider)
    monkeypatch.setenv("VAULT_SERVER_URL", "http://127.0.0.1:1")
    with pytest.raises(HubstackError, match=r"secretsprovider: 'hashivault://team': cannot be used: .*was not made"):
        opened(tools, secretsprovider=SERVICE)
    assert not list((folder / "backend").rglob("team.json"))


@pytest.mark.long
def test_a_hub_under_a_key_service(machine: Machine, service: vault.Vault) -> None:
    """From the first update to the end: state and settings are the service's, and a second update changes nothing."""
    config = {**machine.stack().config, "hubstack:namespace": "jhub-team"}
    stack = Stack(name="team", base="dev", config=config, document={"secretsprovider": SERVICE, "config": config})
    updater = machine.updater(stack)
    updater.set_secret("hubstack:secretValues.hub.extraEnv.TOKEN", CANARY)
    try:
        assert updater.up().changed
        assert updater.up().changed == 0
        text = backend_of(machine.state)
        assert f'"url":"{SERVICE}"' in text
        assert CANARY not in text
    finally:
        updater.destroy()
    assert "encrypt team" in service.asked


@pytest.mark.long
def test_an_adopted_hub_under_a_key_service(machine: Machine, root: Path, service: vault.Vault) -> None:
    """The file that adoption writes has settings and key of the service; the first update reads them by it."""
    name = "adopted-team"
    test_adoption.install(machine, name)
    before = test_adoption.tokens(machine, name)
    request = Request(name, machine.cluster.context, name, name, None, machine.cluster.kubeconfig, SERVICE)
    adopt(request, Console(quiet=True))
    written = yaml.safe_load((root / f"Pulumi.{name}.yaml").read_text())
    assert written["secretsprovider"] == SERVICE
    assert "encryptedkey" in written
    assert "encryptionsalt" not in written
    test_adoption.updater(machine, name).up()
    assert test_adoption.tokens(machine, name) == before
    with pytest.raises(HubstackError, match="--secrets-provider: 'kms': must be one of"):
        adopt(replace(request, stack="other", secrets_provider="kms"), Console(quiet=True))
