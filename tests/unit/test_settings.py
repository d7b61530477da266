"""The stack's own configuration: what is accepted, and how a mistake is explained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hubstack import settings
from hubstack.chart.errors import SettingsError
from hubstack.components import dependence

CONTEXT = {"kubeContext": "somewhere"}
SECRET = "sentinel-5f1c"


def resolved(folder: Path, **entries: Any) -> settings.StackSettings:
    """Settings of a stack whose configuration has these entries beside the context."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in entries.items()}
    return settings.resolve(settings.parse({**CONTEXT, **texts}, set()), folder)


def refusal(folder: Path, **entries: Any) -> str:
    """The text of the error that the entries lead to."""
    with pytest.raises(SettingsError) as error:
        resolved(folder, **entries)
    return str(error.value)


def test_a_context_alone_is_enough(tmp_path: Path) -> None:
    """Everything but the context has a default; the release is named after the namespace."""
    stack = resolved(tmp_path)
    assert (stack.config.mode, stack.config.namespace, stack.release_name) == ("native", "jhub", "jhub")
    assert stack.release is not None


def test_no_context_is_refused() -> None:
    """The current context is never used by accident; the error says how to set one."""
    with pytest.raises(SettingsError, match=r"hubstack:kubeContext: is not set; set it with: pulumi config set"):
        settings.parse({}, set())


@pytest.mark.parametrize(
    ("entries", "parts"),
    [
        ({"mode": "nativ"}, ["hubstack:mode: 'nativ' is not allowed; use one of: native, helm"]),
        ({"namespaces": "x"}, ["hubstack:namespaces: unknown key; did you mean hubstack:namespace?"]),
        ({"createNamespace": "perhaps"}, ["hubstack:createNamespace: 'perhaps'"]),
        ({"valuesFiles": ["none.yaml"]}, ["none.yaml", "no such file"]),
        ({"chart": {"version": "3.3.8"}}, ["hubstack:chart.version: '3.3.8'", "4.4.0", "hubstack:mode to helm"]),
        ({"values": {"hub": {"db": {"typ": "x"}}}}, ["hub.db.typ: unknown key; did you mean 'type'?"]),
        (
            {"rotateTokens": {"kye": "2026-11", "service-a": "1"}},
            ["hubstack:rotateTokens: ", "no such token: kye; allowed: proxy, cookie, crypt, key, service-<name>"],
        ),
        (
            {"storageClass": {"provisioner": "x", "reclaimPolicy": "Keep"}},
            ["Policy: 'Keep' is not", "Retain, Delete"],
        ),
    ],
)
def test_mistakes_are_named(tmp_path: Path, entries: dict[str, Any], parts: list[str]) -> None:
    """Each mistake is told with its setting, its value and what is allowed."""
    text = refusal(tmp_path, **entries)
    assert [part for part in parts if part not in text] == []


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    """Unknown keys and wrong values of several settings come in one error."""
    (tmp_path / "a.yaml").write_text("hub: {concurrentSpawnLimit: many}\nproxie: {}\n")
    text = refusal(tmp_path, valuesFiles=["a.yaml"], values={"singleuser": {"memory": {"limitt": 1}}})
    for part in ("hub.concurrentSpawnLimit", "proxie", "singleuser.memory.limitt", "a.yaml"):
        assert part in text


def test_broken_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    """A file that cannot be read as YAML is named with the line of the mistake."""
    (tmp_path / "a.yaml").write_text("hub:\n  db: [1,\nproxy: }\n")
    assert "a.yaml" in (text := refusal(tmp_path, valuesFiles=["a.yaml"]))
    assert "line 3" in text


def test_files_merge_left_to_right_then_values_then_secrets(tmp_path: Path) -> None:
    """The last source that sets a leaf wins; null removes a default."""
    (tmp_path / "a.yaml").write_text("hub: {concurrentSpawnLimit: 1, activeServerLimit: 5}\n")
    (tmp_path / "b.yaml").write_text("hub: {concurrentSpawnLimit: 2}\nsingleuser: {defaultUrl: null}\n")
    stack = resolved(
        tmp_path,
        valuesFiles=["a.yaml", "b.yaml"],
        values={"hub": {"concurrentSpawnLimit": 3}},
        secretValues={"hub": {"cookieSecret": "00" * 32}},
    )
    assert stack.release is not None
    hub = stack.release.values.hub
    assert (hub.concurrent_spawn_limit, hub.active_server_limit, hub.cookie_secret) == (3, 5, "00" * 32)
    assert stack.release.values.singleuser.default_url is None


def test_an_altered_tree_differs_in_every_member_and_in_nothing_else() -> None:
    """What is compared with a secret tells secret fields from others, so it must differ exactly there."""
    real = {"b": SECRET, "n": 7, "flag": True, "list": ["x", 0.5], "known": "k", "nothing": None}
    other = dependence.altered(real, [("b",), ("n",), ("flag",), ("list", 0), ("list", 1), ("nothing",)])
    assert {key: type(value) for key, value in other.items()} == {key: type(value) for key, value in real.items()}
    assert {key for key in real if real[key] == other[key]} == {"known", "nothing"}
    assert all(one != another for one, another in zip(real["list"], other["list"], strict=True))
    assert SECRET not in json.dumps(other)


def test_encrypted_text_belongs_under_secret_values() -> None:
    """An encrypted leaf elsewhere would end up in the open; it is refused, and its value is not shown."""
    with pytest.raises(SettingsError, match=r"hubstack:values: is encrypted; encrypted settings belong under") as error:
        settings.parse({**CONTEXT, "values": json.dumps({"hub": {"cookieSecret": SECRET}})}, {"values"})
    assert SECRET not in str(error.value)


def test_a_wrong_secret_value_is_not_shown(tmp_path: Path) -> None:
    """The error for a wrong secret names the setting and keeps the value to itself."""
    text = refusal(tmp_path, secretValues={"hub": {"concurrentSpawnLimit": SECRET}})
    assert "hub.concurrentSpawnLimit" in text
    assert SECRET not in text


def test_a_storage_class_is_used_where_the_values_name_none(tmp_path: Path) -> None:
    """The stack's own class serves the hub's and the users' volumes; a class that the values name wins."""
    own = {"provisioner": "csi.example.org", "name": "safe"}
    stack = resolved(tmp_path, storageClass=own, values={"hub": {"db": {"pvc": {"storageClassName": "fast"}}}})
    assert stack.release is not None
    assert stack.release.values.hub.db.pvc.storage_class_name == "fast"
    assert stack.release.values.singleuser.storage.dynamic.storage_class == "safe"
