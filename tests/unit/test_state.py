"""A state that was exported: what our code asks of it, and that nothing else of it changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hubstack.engine import state
from hubstack.engine.state import Resource, State

MARK = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
URN = "urn:pulumi:prod::hubstack::"
ROOT = {
    "urn": f"{URN}pulumi:pulumi:Stack::hubstack-prod",
    "custom": False,
    "type": "pulumi:pulumi:Stack",
    "outputs": {"mode": "native", "secretToken": {**MARK, "ciphertext": "v1:x"}},
    "created": "2026-01-01T00:00:00Z",
}
CLAIM = {
    "urn": f"{URN}hubstack:index:Hub$kubernetes:core/v1:PersistentVolumeClaim::jupyterhub-hub-pvc",
    "custom": True,
    "id": "people/hub-db-dir",
    "type": "kubernetes:core/v1:PersistentVolumeClaim",
    "inputs": {"metadata": {"name": "hub-db-dir"}},
    "outputs": {"metadata": {"name": "hub-db-dir", "uid": "1"}},
    "parent": ROOT["urn"],
    "protect": True,
    "retainOnDelete": True,
    "provider": f"{URN}pulumi:providers:kubernetes::cluster::42",
    "propertyDependencies": {"metadata": None},
    "dependencies": [ROOT["urn"]],
}
DEPLOYMENT = {
    "urn": f"{URN}kubernetes:apps/v1:Deployment::hub",
    "custom": True,
    "type": "kubernetes:apps/v1:Deployment",
}
EXPORTED: dict[str, Any] = {
    "manifest": {"time": "2026-01-01T00:00:00Z", "magic": "m", "version": "v3.260.0"},
    "secrets_providers": {"type": "passphrase", "state": {"salt": "v1:s"}},
    "resources": [ROOT, CLAIM],
    "pending_operations": [{"resource": {**DEPLOYMENT, "inputs": {"kind": "Deployment"}}, "type": "creating"}],
    "metadata": {},
}


def test_what_is_not_changed_comes_out_as_it_was() -> None:
    """Whatever the engine writes, known here or not, is imported again as it was exported."""
    assert State.read(EXPORTED).document() == EXPORTED
    assert State.read({**EXPORTED, "pending_operations": []}).document() == {
        key: value for key, value in EXPORTED.items() if key != "pending_operations"
    }


def test_a_change_is_a_new_state() -> None:
    """Only what was meant changes, and the state that it was made from stays."""
    before = State.read(EXPORTED)
    after = before.map(lambda each: replace(each, protect=False)).where(lambda each: each.type != state.STACK)
    wanted = {key: value for key, value in CLAIM.items() if key != "protect"}
    assert after.document() == {**EXPORTED, "resources": [wanted]}
    assert before.document() == EXPORTED


def test_what_is_asked() -> None:
    """Types, names and pending operations."""
    found = State.read(EXPORTED)
    (claim,) = found.of_type(state.CLAIM)
    asked = (claim.name, claim.api_version, claim.kind, claim.namespace, claim.object_name, claim.protect)
    assert asked == ("jupyterhub-hub-pvc", "v1", "PersistentVolumeClaim", "people", "hub-db-dir", True)
    assert Resource.read(DEPLOYMENT).api_version == "apps/v1"
    assert (found.has(state.CLAIM), found.has(state.HELM_RELEASE, state.NAMESPACE)) == (True, False)
    assert found.release is None
    assert (found.outputs["mode"], found.engine_version, found.damaged_by) == ("native", "3.260.0", None)
    assert State.read({"metadata": {"integrity_error": {"version": "3.1.0"}}}).damaged_by == "3.1.0"


@pytest.mark.parametrize("empty", [None, {}, {"manifest": {}, "resources": None}])
def test_a_stack_that_was_never_deployed(empty: Any) -> None:
    """It has nothing, and nothing was interrupted."""
    found = State.read(empty)
    assert (found.resources, found.pending, dict(found.outputs), found.unfinished) == ((), (), {}, 0)
    assert not found.knows_the_cluster


def test_what_an_interruption_has_left() -> None:
    """Operations under way, and objects that an interrupted recovery has noted and nobody has looked at yet."""
    assert State.read(EXPORTED).unfinished == 1
    noted = {**DEPLOYMENT, "id": "people/hub"}
    assert State.read({"resources": [ROOT, CLAIM, noted]}).unfinished == 1
    assert State.read({"resources": [ROOT, DEPLOYMENT]}).unfinished == 0, "without an id it was never made"
    pending = State.read({"resources": [ROOT], "pending_operations": EXPORTED["pending_operations"]})
    assert pending.knows_the_cluster
    assert not State.read({"resources": [ROOT]}).knows_the_cluster


def test_secrets_stay_closed_until_they_are_opened() -> None:
    """What was wrapped comes out as it was; a map that only looks like it is no secret."""
    tree = {"a": [1, {"b": state.secret({"c": "x"})}], "d": {"4dabf18193072939515e22adb298388d": "asset"}}
    assert tree["a"][1]["b"] == {**MARK, "plaintext": '{"c": "x"}'}
    assert state.revealed(tree) == {"a": [1, {"b": {"c": "x"}}], "d": tree["d"]}
    assert [state.is_secret(each) for each in (state.secret(1), {**MARK, "ciphertext": "x"}, tree["d"], 1)] == [
        True,
        True,
        False,
        False,
    ]
