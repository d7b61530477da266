"""The key of all tokens: what a state of an earlier version becomes, and which programs may work on which state."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hubstack.commands.main import app
from hubstack.components import token_key as component
from hubstack.engine import token_key
from hubstack.engine.state import State
from hubstack.errors import HubstackError
from hubstack.lifecycle import token_key as procedure
from tests.unit.test_deploy import Engine

MARK = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
URN = "urn:pulumi:prod::hubs::"
TOKENS = "hubstack:index:JupyterHub$hubstack:index:Tokens"
FORMER = f"{URN}{TOKENS}$random:index/randomBytes:RandomBytes::jupyterhub-tokens-key"
STASH = f"{URN}{TOKENS}$pulumi:index:Stash::jupyterhub-tokens-key"
RANDOM = {
    "urn": f"{URN}pulumi:providers:random::default_4_21_1",
    "custom": True,
    "id": "r",
    "type": "pulumi:providers:random",
}
BUILTIN = {
    "urn": f"{URN}pulumi:providers:pulumi::default",
    "custom": True,
    "id": "b",
    "type": "pulumi:providers:pulumi",
}
ROOT = {"urn": f"{URN}pulumi:pulumi:Stack::hubs-prod", "type": "pulumi:pulumi:Stack"}
COMPONENT = {"urn": f"{URN}{TOKENS}::jupyterhub-tokens", "type": "hubstack:index:Tokens", "parent": ROOT["urn"]}
ID = "q83vEqvN7xKrze8Sq83vEqvN7xKrze8Sq83vEqvN7xI="
HEX = {**MARK, "ciphertext": "v1:hex"}
OLD = {
    "urn": FORMER,
    "custom": True,
    "id": ID,
    "type": "random:index/randomBytes:RandomBytes",
    "inputs": {"length": 32},
    "outputs": {"base64": {**MARK, "ciphertext": "v1:base64"}, "hex": HEX, "length": 32},
    "parent": COMPONENT["urn"],
    "protect": True,
    "provider": f"{RANDOM['urn']}::r",
    "propertyDependencies": {"length": []},
    "retainOnDelete": True,
    "created": "2026-01-01T00:00:00Z",
    "modified": "2026-01-02T00:00:00Z",
    "importID": ID,
    "aliases": [f"{URN}random:index/randomBytes:RandomBytes::{ID}"],
}
SOMEBODY_S = {
    "urn": f"{URN}random:index/randomBytes:RandomBytes::of-somebody-s-own",
    "custom": True,
    "id": "AAAA",
    "type": "random:index/randomBytes:RandomBytes",
    "provider": f"{RANDOM['urn']}::r",
}


def naming(urn: str) -> dict[str, Any]:
    """A resource that names another one wherever the engine does."""
    return {
        "urn": f"{URN}kubernetes:core/v1:Secret::hub",
        "type": "kubernetes:core/v1:Secret",
        "id": "jhub/hub",
        "inputs": {"data": {**MARK, "ciphertext": "v1:data"}},
        "dependencies": [COMPONENT["urn"], urn],
        "propertyDependencies": {"data": [urn], "metadata": None},
        "deletedWith": urn,
        "replaceWith": [urn],
        "aliases": [urn, "urn:other"],
    }


def stash(provider: str, identity: str, protect: bool = True) -> dict[str, Any]:
    """The key as the engine writes it."""
    kept = {"protect": True, "retainOnDelete": True} if protect else {}
    return {
        "urn": STASH,
        "custom": True,
        "id": identity,
        "type": "pulumi:index:Stash",
        "inputs": {"input": {"key": HEX}},
        "outputs": {"input": {"key": HEX}, "output": {"key": HEX}},
        "parent": COMPONENT["urn"],
        **kept,
        "provider": f"{BUILTIN['urn']}::{provider}",
        "propertyDependencies": {"input": []},
        "created": "2026-01-01T00:00:00Z",
        "modified": "2026-01-02T00:00:00Z",
        "ignoreChanges": ["input.key"],
        "replacementTrigger": "",
    }


def exported(*resources: Any, pending: Any = ()) -> dict[str, Any]:
    operations = {"pending_operations": list(pending)} if pending else {}
    return {"manifest": {"version": "v3.260.0"}, "resources": list(resources), **operations}


def ids(state: dict[str, Any]) -> dict[str, str]:
    return {each["type"]: each["id"] for each in state["resources"] if "id" in each}


def test_the_key_moves_and_nothing_else_changes() -> None:
    """The same secret under an id that is drawn anew, behind its provider; its new name wherever it was named."""
    pending = {"resource": naming(FORMER), "type": "updating"}
    before = exported(ROOT, RANDOM, COMPONENT, OLD, SOMEBODY_S, naming(FORMER), pending=[pending])
    after = token_key.moved(State.read(before)).document()
    found = ids(after)
    provider, key = found["pulumi:providers:pulumi"], found["pulumi:index:Stash"]
    assert {uuid.UUID(provider).version, uuid.UUID(key).version} == {4}
    builtin = {**BUILTIN, "id": provider}
    pending = {"resource": naming(STASH), "type": "updating"}
    assert after == exported(
        builtin, ROOT, RANDOM, COMPONENT, stash(provider, key), SOMEBODY_S, naming(STASH), pending=[pending]
    )
    assert ID not in json.dumps(after)
    assert token_key.moved(State.read(after)).document() == after


def test_a_provider_that_is_there_is_used() -> None:
    """A refused update has left it in the state already, behind the key."""
    unprotected = {key: value for key, value in OLD.items() if key not in ("protect", "retainOnDelete")}
    after = token_key.moved(State.read(exported(ROOT, COMPONENT, unprotected, BUILTIN))).document()
    key = ids(after)["pulumi:index:Stash"]
    assert after == exported(BUILTIN, ROOT, COMPONENT, stash("b", key, protect=False))


def test_a_key_that_was_being_made_or_deleted_is_forgotten() -> None:
    """It is nowhere but in the state; of an interrupted first update there is no key yet."""
    pending = {"resource": {key: OLD[key] for key in ("urn", "type", "inputs")}, "type": "creating"}
    assert token_key.moved(State.read(exported(ROOT, COMPONENT, pending=[pending]))).document() == exported(
        ROOT, COMPONENT
    )
    after = token_key.moved(State.read(exported(ROOT, OLD, {**OLD, "id": "BBBB", "delete": True}))).document()
    assert [each["type"] for each in after["resources"]] == [BUILTIN["type"], ROOT["type"], "pulumi:index:Stash"]


def test_a_state_without_such_a_key_stays() -> None:
    """One of this version, an empty one, and somebody's own random bytes."""
    for resources in ([], [ROOT, SOMEBODY_S], [BUILTIN, ROOT, COMPONENT, stash("b", "k"), naming(STASH)]):
        state = State.read(exported(*resources))
        assert token_key.moved(state) == state


def test_the_command_reads_and_writes_what_the_engine_does() -> None:
    """What is no export is refused in words; nothing is printed then."""
    before = {"version": 3, "deployment": exported(ROOT, COMPONENT, OLD)}
    done = CliRunner().invoke(app, ["move-token-key"], input=json.dumps(before))
    after = json.loads(done.output)
    assert after["version"] == 3
    assert after["deployment"]["resources"][-1] == stash(*ids(after["deployment"]).values())
    for text in ('{"deployment": null}', json.dumps({**before, "deployment": exported(ROOT)}, indent=4)):
        assert token_key.moved_export(text) == text
    for text in ("", "[]", "{}", '{"deployment": 5}', '{"deployment": {"resources": [5]}}'):
        with pytest.raises(HubstackError, match=r"is not what `pulumi stack export` prints; nothing was moved"):
            token_key.moved_export(text)


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A checkout of an earlier version."""
    (tmp_path / "__main__.py").touch()
    (tmp_path / "hubstack" / "components").mkdir(parents=True)
    (tmp_path / "hubstack" / "components" / "tokens.py").touch()
    return tmp_path


def test_which_programs_find_the_moved_key(older: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """This one, and a project of somebody's own, which imports it; not a checkout of an earlier version."""
    assert token_key.is_known_to(Path(component.__file__).parents[2])
    own = tmp_path_factory.mktemp("own")
    assert token_key.is_known_to(own)
    (own / "__main__.py").touch()
    assert token_key.is_known_to(own)
    assert not token_key.is_known_to(older)
    (older / "__main__.py").unlink()  # the installed program runs then
    assert token_key.is_known_to(older)


def test_an_earlier_revision_is_deployed_only_to_its_own_states(older: Path) -> None:
    """A rollout back across the version would make all tokens anew: refused. Its own state it finds as it was."""
    known, moved = Engine(exported(ROOT, COMPONENT, OLD)), Engine(exported(BUILTIN, ROOT, COMPONENT, stash("b", "k")))
    for engine in (known, moved):
        engine.stack = replace(engine.stack, root=older)
    assert procedure.move(known, known.state) is False  # type: ignore[arg-type]
    with pytest.raises(HubstackError, match=r"^stack a: the Hubstack in .* is older than the stack's state"):
        procedure.move(moved, moved.state)  # type: ignore[arg-type]
    assert [known.asked, moved.asked] == [[], []]
