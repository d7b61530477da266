"""What changes, field by field, from the engine's events to the words of `preview` and `up`."""

from __future__ import annotations

from typing import Any

import pytest

from hubstack.commands import changes
from hubstack.engine.differences import SECRET, Difference, Field, difference
from hubstack.engine.stack import Report
from hubstack.engine.things import Planned, Thing, thing
from hubstack.errors import HubstackError
from hubstack.project.stacks import Stack

HIDDEN = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}
URN = "urn:pulumi:a::hubs::hubstack:index:JupyterHub$hubstack:index:UserScheduler$kubernetes:apps/v1:Deployment::long"
ABOUT = Thing("Deployment", "user-scheduler", "user scheduler")


def event(before: dict[str, Any], after: dict[str, Any], **fields: str) -> dict[str, Any]:
    """A step that changes some fields."""
    named = {"metadata": {"name": "user-scheduler"}}
    detailed = {path.replace("__", "."): {"diffKind": kind} for path, kind in fields.items()}
    old, new = {"inputs": {**named, **before}}, {"inputs": {**named, **after}}
    return {"op": "update", "urn": URN, "old": old, "new": new, "detailedDiff": detailed}


def test_names_are_those_of_the_cluster() -> None:
    """Kind, name and part of an object, and its logical name where it has no other."""
    assert thing(event({}, {})) == ABOUT
    token = (
        "urn:pulumi:a::hubs::hubstack:index:JupyterHub$hubstack:index:Tokens$random:index/randomId:RandomId::a-proxy"
    )
    assert thing({"urn": token, "new": {"inputs": {"byteLength": 32}}}) == Thing("RandomId", "a-proxy", "tokens")


def test_an_object_is_known_before_the_engine_comes_to_it() -> None:
    """The program's messages name everything; the part is that of the component whose name it begins with."""
    planned = Planned()
    told = [
        planned.named(f"registering resource: ty={token}, name={name}, custom=True, remote=False")
        for token, name in [
            ("hubstack:index:JupyterHub", "hub"),
            ("hubstack:index:Hub", "hub-hub"),
            ("kubernetes:core/v1:Service", "hub-hub-service"),
            ("kubernetes:core/v1:Namespace", "hub-namespace"),
        ]
    ]
    assert told == [
        None,
        None,
        Thing("Service", "hub-hub-service", "hub"),
        Thing("Namespace", "hub-namespace", "shared objects"),
    ]
    assert planned.named("beginning rpc register resource") is None


def test_values_are_those_of_the_inputs() -> None:
    """Paths of the engine, keys with dots and quotes among them; what comes and what goes is None on one side."""
    before = {"spec": {"replicas": 1, "list": [{"name": "a"}], "old": {"x": 1}}, "metadata": {"labels": {"a.b/c": "1"}}}
    after = {"spec": {"replicas": 2, "list": [{"name": "b"}, {"name": "n"}]}, "metadata": {"labels": {"a.b/c": "2"}}}
    found = event(before, after)
    found["detailedDiff"] = {
        "spec.replicas": {"diffKind": "update"},
        "spec.list[0].name": {"diffKind": "update-replace"},
        "spec.list[1]": {"diffKind": "add"},
        "spec.old": {"diffKind": "delete"},
        'metadata.labels["a.b/c"]': {"diffKind": "update"},
        "metadata.labels.a.b/c": {"diffKind": "update"},
    }
    assert difference(found, ABOUT).fields == (
        Field("spec.replicas", 1, 2),
        Field("spec.list[0].name", "a", "b", replaces=True),
        Field("spec.list[1]", None, {"name": "n"}),
        Field("spec.old", {"x": 1}, None),
        Field('metadata.labels["a.b/c"]', "1", "2"),
        Field("metadata.labels.a.b/c", "1", "2"),
    )


def test_secrets_stay_hidden() -> None:
    """A secret, and anything inside of one, is a word."""
    found = event({"data": HIDDEN, "env": {"a": HIDDEN}}, {"data": HIDDEN, "env": {"a": HIDDEN, "b": 1}})
    found["detailedDiff"] = {'data["values.yaml"]': {"diffKind": "update"}, "env": {"diffKind": "update"}}
    assert difference(found, ABOUT).fields == (
        Field('data["values.yaml"]', SECRET, SECRET),
        Field("env.b", None, 1),
    )


def test_what_is_hard_to_take_back_comes_first() -> None:
    """Deletions, replacements, changes, new objects; each field with both values, long ones by their begin."""

    def one(operation: str, name: str, *fields: Field) -> Difference:
        return Difference(operation, Thing("Service", name, "hub"), fields)

    shown = changes.lines(
        [
            one("create", "new"),
            one("update", "hub", Field("a", 1, None), Field("b", None, "x" * 200), Field("c", "1\n2\n", "1\n3\n4\n")),
            one("create", "newer"),
            one("replace", "public", Field("spec.clusterIP", "None", "", replaces=True)),
            one("delete", "old"),
        ]
    )
    assert [line.plain for line in shown] == [
        "- Service old: deleted",
        "+- Service public: replaced",
        '    spec.clusterIP: None -> "" (for this, the object is made anew)',
        "~ Service hub: changed",
        "    a: 1 -> (none)",
        f"    b: (none) -> {'x' * 100}...",
        "    c: 1 lines -> 2 other lines",
        "+ Service new, newer: created",
    ]
    assert changes.counts(Report({"same": 3, "create": 2})) == "2 create, 3 same"


def test_without_a_terminal_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack that is no trial is refused then, unless --yes was said; a trial is nobody's production."""
    stack = Stack(name="prod", base="prod", config={"hubstack:kubeContext": "east"}, document={})
    trial = Stack(name="dev", base="dev", config={"hubstack:kubeContext": "hubstack-sim"}, document={})
    from rich.console import Console

    console = Console(quiet=True)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert changes.approval(stack, console, yes=True) is None
    assert changes.approval(trial, console, yes=False) is None
    with pytest.raises(HubstackError, match=r"no trial.*context east: .*then say --yes. Nothing was changed"):
        changes.approval(stack, console, yes=False)
