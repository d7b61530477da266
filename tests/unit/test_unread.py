"""Encrypted settings where nothing decrypts them: no command judges what it cannot read; each says what it lacks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack import settings
from hubstack.chart.errors import SettingsError
from hubstack.chart.values import ChartValues
from hubstack.engine.state import State
from hubstack.errors import HubstackError
from hubstack.fleet import digest
from hubstack.lifecycle import guards, prerequisites
from hubstack.project.stacks import Stack
from tests.unit.review_repository import Repository

CONFIG = {"hubstack:kubeContext": "none"}


def sealed(text: str = "v1:abcd:efgh") -> dict[str, str]:
    """A ciphertext as it stands in a stack's file."""
    return {"secure": text}


def at(path: str, value: Any) -> dict[str, Any]:
    """A tree with one value in it."""
    for step in reversed(path.split(".")):
        value = {step: value}
    return value


def stack(secret: Any, root: Path, **config: Any) -> Stack:
    """A stack whose file has some secret values."""
    written = {**CONFIG, "hubstack:secretValues": secret, **{f"hubstack:{name}": each for name, each in config.items()}}
    return Stack(name="s", base="s", config=written, document={"config": written}, root=root)


def every_setting(tree: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each setting of the chart, sections left out, encrypted."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from ({key: each} for each in every_setting(value))
        else:
            yield {key: sealed()}


SAMPLE = [
    at(path, sealed())
    for path in (
        "hub.extraConfig.a",
        "hub.extraEnv.A",
        "hub.cookieSecret",
        "hub.services.s.apiToken",
        "hub.db.type",
        "hub.db.upgrade",
        "hub.concurrentSpawnLimit",
        "hub.extraFiles",
        "proxy.https.type",
        "proxy.https.enabled",
        "singleuser.memory.guarantee",
        "singleuser.extraNodeAffinity.required",
        "fullnameOverride",
    )
]


@pytest.mark.parametrize("secret", [sealed(), *SAMPLE], ids=str)
def test_every_setting_may_be_encrypted(secret: dict[str, Any], tmp_path: Path) -> None:
    """Whatever setting is encrypted, the stack's settings are read, digested and rendered without being refused."""
    given = stack(secret, tmp_path)
    assert guards.resolved(given) is not None
    digest.desired(given)
    prerequisites.find(given)


@pytest.mark.long
def test_really_every_setting_may_be_encrypted(tmp_path: Path) -> None:
    """The same for each setting that the chart has a default for, alone."""
    for secret in every_setting(ChartValues.defaults()):
        test_every_setting_may_be_encrypted(secret, tmp_path)


@pytest.mark.parametrize("secret", [sealed(), at("hub.db.type", sealed()), at("hub.concurrentSpawnLimit", sealed())])
def test_another_ciphertext_is_another_desire(secret: Any, tmp_path: Path) -> None:
    """A rollout deploys a setting that was encrypted anew, also where nothing can be told of it."""
    other = json.loads(json.dumps(secret).replace("efgh", "ijkl"))
    again, changed = (digest.desired(stack(each, tmp_path)).digest for each in (secret, other))
    assert digest.desired(stack(secret, tmp_path)).digest == again != changed


def test_mistakes_beside_it_are_still_found(tmp_path: Path) -> None:
    """What stands in plain text is judged, in the section of an encrypted setting too."""
    given = stack({"hub": {"db": {"type": sealed(), "pvc": {"storage": []}}, "nonsense": 1}}, tmp_path)
    with pytest.raises(SettingsError) as refused:
        digest.desired(given)
    assert {problem.path for problem in refused.value.problems} == {"hub.db.pvc.storage", "hub.nonsense"}


@pytest.mark.parametrize("key", ["values", "namespace", "rotateTokens", "chart"])
def test_where_the_program_refuses_it_so_does_everybody(key: str, tmp_path: Path) -> None:
    """Encrypted text outside of the secret settings is refused in the same words as by the program."""
    value = sealed() if key == "namespace" else {"x": sealed()}
    with pytest.raises(SettingsError, match=f"hubstack:{key}: is encrypted; encrypted settings belong under"):
        digest.desired(stack({}, tmp_path, **{key: value}))


CLAIM = State.read(
    {
        "resources": [
            {
                "urn": "urn:pulumi:s::p::kubernetes:core/v1:PersistentVolumeClaim::jupyterhub-hub-pvc",
                "type": "kubernetes:core/v1:PersistentVolumeClaim",
                "custom": True,
                "id": "jhub/hub-db-dir",
                "protect": True,
                "inputs": {
                    "metadata": {"name": "hub-db-dir", "namespace": "jhub"},
                    "spec": {"accessModes": ["ReadWriteOnce"]},
                },
            }
        ]
    }
)


@pytest.mark.parametrize(
    ("secret", "plain", "refused"),
    [
        (at("hub.db.type", sealed()), at("hub.db.type", "sqlite-pvc"), None),
        (at("hub.db.type", sealed()), at("hub.db.type", "mysql"), "hub.db.type: 'sqlite-pvc' -> 'mysql'"),
        (sealed(), at("hub.db.type", "mysql"), "hub.db.type: 'sqlite-pvc' -> 'mysql'"),
        (at("fullnameOverride", sealed()), at("fullnameOverride", "x"), "fullnameOverride: 'hub-db-dir' -> 'x-hub-db"),
        (at("hub.db.type", "mysql"), None, "hub.db.type: 'sqlite-pvc' -> 'mysql'"),
    ],
)
def test_data_is_guarded_by_what_is_meant(secret: Any, plain: Any, refused: str | None, tmp_path: Path) -> None:
    """A setting that decides about volumes is decrypted for the question; it is neither guessed nor left out."""
    asked = []

    def decrypt() -> dict[str, str]:
        asked.append(True)
        return {"kubeContext": "none", "secretValues": json.dumps(plain)}

    given = stack(secret, tmp_path)
    if refused is None:
        guards.refuse_data_loss(given, CLAIM, decrypt=decrypt)
    else:
        with pytest.raises(HubstackError) as error:
            guards.refuse_data_loss(given, CLAIM, decrypt=decrypt)
        assert refused in str(error.value)
    assert asked == ([True] if plain else [])


def test_nothing_is_decrypted_for_a_password(tmp_path: Path) -> None:
    """A secret that shapes no volume costs no question to the engine."""
    given = stack({"hub": {"db": {"password": sealed()}, "cookieSecret": sealed()}}, tmp_path)
    guards.refuse_data_loss(given, CLAIM, decrypt=lambda: pytest.fail("asked"))


def test_no_class_is_made_of_a_ciphertext(tmp_path: Path) -> None:
    """On an embedded cluster, classes that plain settings name are made, and none for one that cannot be read."""
    storage = {"hub": {"db": {"pvc": {"storageClassName": sealed()}}}, "singleuser": {"storage": {"type": "dynamic"}}}
    assert prerequisites.find(stack(storage, tmp_path)).classes == frozenset()
    values = at("singleuser.storage.dynamic.storageClass", "fast")
    found = prerequisites.find(stack(storage, tmp_path, values=values))
    assert found.classes == {("StorageClass", "fast")}


@pytest.mark.parametrize(
    ("path", "is_told"),
    [("hub.extraConfig.a", True), ("hub.db.type", False), ("hub.concurrentSpawnLimit", False), ("", False)],
)
def test_a_review_says_what_it_does_not_know(repository: Repository, path: str, is_told: bool) -> None:
    """Settings that decide more than a text are named as not known; another ciphertext is a change in any case."""

    def write(ciphertext: str) -> None:
        secret = at(path, sealed(ciphertext)) if path else sealed(ciphertext)
        repository.stack("a", {"hub": {"activeServerLimit": len(ciphertext)}}, secretValues=secret)

    write("v1:a:one")
    repository.commit()
    write("v1:b:other")
    report, text = repository.review()
    assert [each.errors for each in report.stacks] == [()]
    assert report.changed
    name = f"hubstack:secretValues{'.' if path else ''}{path}"
    assert (f"{name}: encrypted" in " ".join(report.notes)) is not is_told
    assert ("sealed-secrets" in text) is not is_told
    assert "v1:" not in text


def test_what_a_plain_file_holds_is_no_ciphertext(tmp_path: Path) -> None:
    """A map with the key ``secure`` in a values file is a setting like any other."""
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(at("hub.config.X", {"secure": "v1:a:b"})))
    config = settings.parse({"kubeContext": "none", "valuesFiles": ["values.yaml"]}, set())
    assert settings.resolve(config, tmp_path).loaded.user == at("hub.config.X", {"secure": "v1:a:b"})
