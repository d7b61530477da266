"""Loading: sources, messages, and everything that is wrong at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from hubstack.chart.errors import SettingsError
from hubstack.chart.load import load_raw_values, load_values
from hubstack.chart.merge import merge_files

SECRET_TEXT = "s3cr3t-never-shown"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write a values file below the current folder and give its relative path."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, text: str) -> Path:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def problems(*arguments: Any, **keywords: Any) -> list[str]:
    """The messages of a refusal, one each."""
    with pytest.raises(SettingsError) as error:
        load_values(*arguments, **keywords)
    return [str(problem) for problem in error.value.problems]


def test_sources_merge_in_order(write) -> None:
    files = [write("a.yaml", "hub: {baseUrl: /a, labels: {a: x}}"), write("b.yaml", "hub: {baseUrl: /b}")]
    loaded = load_values(files, {"hub": {"labels": {"b": "y"}}}, {"proxy": {"secretToken": SECRET_TEXT}})
    assert loaded.user == {
        "hub": {"baseUrl": "/b", "labels": {"a": "x", "b": "y"}},
        "proxy": {"secretToken": SECRET_TEXT},
    }
    assert loaded.tree["hub"]["db"]["type"] == "sqlite-pvc"
    assert loaded.values.hub.base_url == "/b"


def test_a_preset_gives_way_to_everything(write) -> None:
    preset = {"hub": {"baseUrl": "/preset", "labels": {"p": "x"}}}
    loaded = load_values([write("a.yaml", "hub: {baseUrl: /a}")], preset=preset)
    assert loaded.user["hub"] == {"baseUrl": "/a", "labels": {"p": "x"}}


def test_an_empty_file_sets_nothing(write) -> None:
    assert load_values([write("a.yaml", "# nothing yet\n")]).user == {}


def test_inline_numbers_have_one_form() -> None:
    assert load_values([], {"hub": {"concurrentSpawnLimit": 3.0}}).values.hub.concurrent_spawn_limit == 3


def test_secret_paths_name_leaves_only() -> None:
    secret = {
        "hub": {"config": {"A": {"keys": ["x", {"y": 1}]}}, "cookieSecret": None},
        "custom": {"a.b": "x"},
    }
    assert load_values([], secret=secret).secret_paths == (
        ("hub", "config", "A", "keys", 0),
        ("hub", "config", "A", "keys", 1, "y"),
        ("custom", "a.b"),
    )


def test_an_unknown_key_names_the_file_and_the_nearest_key(write) -> None:
    files = [write("values/common.yaml", "hub: {db: {type: other}}"), write("values/prod.yaml", "hub: {db: {typ: x}}")]
    assert problems(files) == ["values/prod.yaml: hub.db.typ: unknown key; did you mean 'type'?"]


@pytest.mark.parametrize(
    ("user", "message"),
    [
        ({"hub": {"db": {"type": "sqlite"}}}, "hub.db.type: 'sqlite' is not allowed; use one of: sqlite-pvc, "),
        ({"hub": {"image": {"tag": 4.4}}}, "hub.image.tag: must be text, not the number 4.4; put it in quotes"),
        ({"cull": {"every": "10m"}}, "cull.every: '10m' is not allowed; must be a whole number"),
        ({"cull": {"enabled": "true"}}, "cull.enabled: 'true' is not allowed; must be true or false"),
        ({"hub": {"resources": [1]}}, "hub.resources: a list is not allowed; must be a map"),
        ({"hub": []}, "hub: a list is not allowed; must be a map of settings"),
        ({"hub": {"extraEnv": 1}}, "hub.extraEnv: the number 1 is not allowed; must be a map or a list"),
        (
            {"hub": {"baseUrl": None}},
            "hub.baseUrl: is required, but a null removes it; leave it out to get its default",
        ),
        ({"hub": {"labels": {"a": None}}}, "hub.labels.a: must not be null; leave it out or set it to text"),
        ({"hub": {"lifecycle": {"preStop": None}}}, "hub.lifecycle.preStop: must not be null; leave it out"),
        ({"hub": {"base_url": "/"}}, "hub.base_url: unknown key; did you mean 'baseUrl'?"),
        ({"hub": {"zzz": 1}}, "hub.zzz: unknown key; known here: "),
        ({"auth": {"type": "x"}}, "auth: unknown key; set the authenticator below hub.config"),
        ({"proxy": {"pdb": {}}}, "proxy.pdb: unknown key; use proxy.chp.pdb"),
        ({"jupyterhub": {"hub": {}}}, "jupyterhub: unknown key; settings of this chart stand below it"),
        ({"hub": {"services": {"url": {}}}}, "hub.services.url: cannot be the name of a service"),
        ({"singleuser": {"profileList": ["x"]}}, "singleuser.profileList[0]: 'x' is not allowed; must be a map"),
        ({"hub": {"args": ["{{ .Values.a"]}}, "hub.args[0]: '{{ .Values.a' is not a Helm template: '{{' without '}}'"),
        (
            {"hub": {"command": ["two\nlines\n"]}},
            "hub.command[0]: 'two\\nlines\\n' cannot be written without quotes",
        ),
        ({"hub": {"image": {"tag": ""}}}, "hub.image.tag: must not be empty"),
        (
            {"prePuller": {"extraImages": {"a": {"name": "x", "tag": ""}}}},
            "prePuller.extraImages.a.tag: must not be empty",
        ),
        ({"hub": {"image": {"name": "x", "tag": "a: b"}}}, "hub.image: 'x:a: b' is no name of an image"),
        ({"nothing": None}, "nothing: unknown key"),
    ],
)
def test_a_message_says_what_is_allowed(user: dict[str, Any], message: str) -> None:
    assert [problem for problem in problems([], user) if problem.startswith(f"hubstack:values: {message}")]


def test_an_image_that_nothing_uses_may_be_without_a_tag() -> None:
    """The chart writes no such image either, so it accepts the values."""
    puller = {"hook": {"enabled": False}, "continuous": {"enabled": False}, "pause": {"image": {"tag": ""}}}
    scheduler = {"userScheduler": {"enabled": False, "image": {"tag": ""}}}
    load_values([], {"prePuller": puller, "scheduling": scheduler})


UNUSED: dict[str, dict[str, Any]] = {
    "hub.db.pvc": {"hub": {"db": {"type": "sqlite-memory"}}},
    "singleuser.networkTools": {"singleuser": {"cloudMetadata": {"blockWithIptables": False}}},
    "singleuser.cpu": {"scheduling": {"userPlaceholder": {"resources": {"requests": {"cpu": 1}}}}},
    "singleuser.extraPodAffinity": {"scheduling": {"userPlaceholder": {"enabled": False}}},
    "scheduling.userPlaceholder.image": {"scheduling": {"userPlaceholder": {"enabled": False}}},
    "scheduling.userScheduler.pdb": {"scheduling": {"userScheduler": {"enabled": False}}},
    "scheduling.userScheduler.tolerations": {"scheduling": {"userScheduler": {"enabled": False}}},
    "prePuller.hook.image": {"prePuller": {"hook": {"enabled": False}}},
}
"""What a null may remove, and settings with which the chart does not use it."""


@pytest.mark.parametrize("path", UNUSED)
def test_a_null_removes_only_what_is_not_used(path: str) -> None:
    removed: Any = None
    for step in reversed(path.split(".")):
        removed = {step: removed}
    load_values([], merge_files([UNUSED[path], removed]))
    with pytest.raises(SettingsError) as error:
        load_values([], removed)
    assert [(problem.path, problem.message) for problem in error.value.problems] == [
        (path, "must not be null while it is used; leave it out to get its default")
    ]


def test_all_problems_come_at_once_each_with_its_source(write) -> None:
    files = [
        write("a.yaml", "hub: {db: {typ: x}, fsGid: 5}\nrbac: {enabled: true}"),
        write("b.yaml", "proxy: {https: {enabled: true, type: manual}}\ncull: {every: x}"),
    ]
    found = problems(files, {"hub": {"extraEnv": {"A": 1}}})
    assert {message.split(": ")[0] + " " + message.split(": ")[1] for message in found} == {
        "a.yaml hub.db.typ",
        "a.yaml hub.fsGid",
        "a.yaml rbac.enabled",
        "b.yaml cull.every",
        "b.yaml proxy.https.manual.cert",
        "b.yaml proxy.https.manual.key",
        "hubstack:values hub.extraEnv.A",
    }


def test_all_files_that_cannot_be_read_come_at_once(write) -> None:
    files = [Path("absent.yaml"), write("list.yaml", "- a"), write("tab.yaml", "a:\n\tb: 1")]
    assert [message.split(": ")[0] for message in problems(files)] == ["absent.yaml", "list.yaml", "tab.yaml"]


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"a: \xff\xfe")
    assert problems([tmp_path / "a.yaml"])[0].endswith("a.yaml: cannot be read: it is not UTF-8 text")


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes("\ufeffhub: {baseUrl: /x}".encode())
    assert load_values([tmp_path / "a.yaml"]).values.hub.base_url == "/x"


@pytest.mark.parametrize(
    "secret",
    [
        {"hub": {"db": {"type": SECRET_TEXT}}},
        {"hub": {"concurrentSpawnLimit": SECRET_TEXT}},
        {"hub": {"args": [f"{{{{ {SECRET_TEXT}."]}},
        {"hub": {"extraFiles": {"a": {"mountPath": f"/{SECRET_TEXT}", "data": {"a": 1}}}}},
        {"hub": {"labels": SECRET_TEXT}},
        {"singleuser": {"profileList": [SECRET_TEXT]}},
        {"singleuser": {"cpu": {"limit": SECRET_TEXT}}},
        {"imagePullSecret": SECRET_TEXT},
        {"unknown": SECRET_TEXT},
    ],
)
def test_a_secret_value_is_never_shown(secret: dict[str, Any]) -> None:
    found = problems([], secret=secret)
    assert found
    assert all(message.startswith("hubstack:secretValues: ") for message in found)
    assert SECRET_TEXT not in "\n".join(found)


def test_a_password_in_a_file_is_not_shown_either(write) -> None:
    assert problems([write("a.yaml", "hub: {db: {password: 12345}}")]) == [
        "a.yaml: hub.db.password: must be text, not a number; put it in quotes"
    ]


def test_raw_values_are_not_checked(write) -> None:
    """Of a chart that is not modelled nothing is refused but what every reader relies on, see `test_examples`."""
    loaded = load_raw_values([write("a.yaml", "hub: {new: 1, db: {type: future}}\nproxy: {chp: {image: null}}")])
    assert loaded.user == {"hub": {"new": 1, "db": {"type": "future"}}, "proxy": {"chp": {"image": None}}}
    assert loaded.values.hub.db.type == "future"
    assert loaded.values.proxy.chp.image.tag is None


def test_the_environment_is_not_read() -> None:
    """Values come from the arguments alone."""
    before = dict(os.environ)
    load_values([])
    assert dict(os.environ) == before
