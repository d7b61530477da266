"""Inputs that once ended in a traceback, each by itself: what is said of it now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hubstack import manifests, settings
from hubstack.chart.errors import SettingsError
from hubstack.chart.load import load_raw_values, load_values
from hubstack.chart.release import TokenValues
from hubstack.errors import HubstackError
from hubstack.fleet import load
from hubstack.project import stacks
from tests.unit.fuzz import judging, mutation, seeds
from tests.unit.fuzz.driving import Bench, bench


@pytest.fixture(scope="module")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A project with a stack and a fleet."""
    with bench(tmp_path_factory.mktemp("examples")) as made:
        yield made


VALUES: dict[str, tuple[Any, str]] = {
    "hub is no map": ({"hub": True}, "hub: the truth value true is not allowed; must be a map of settings"),
    "rbac is no map": ({"rbac": 5}, "rbac: the number 5 is not allowed; must be a map of settings"),
    "services are no map": ({"hub": {"services": 5}}, "hub.services: the number 5 is not allowed; must be a map"),
    "services are a list": ({"hub": {"services": ["x"]}}, "hub.services: a list is not allowed; must be a map"),
    "a token in a list": (
        {"hub": {"services": {"a": {"apiToken": ["x"]}}}},
        "hub.services.a.apiToken: must be text; put it in quotes",
    ),
    "a token is a number": (
        {"hub": {"config": {"JupyterHub": {"cookie_secret": 5}, "CryptKeeper": {"keys": [6]}}}},
        "hub.config.JupyterHub.cookie_secret: must be text; put it in quotes",
    ),
    "an option of a profile is text": (
        {"singleuser": {"profileList": [{"profile_options": ["x"]}]}},
        "singleuser.profileList[0].profile_options.0: 'x' is not allowed; must be a map",
    ),
    "options of a profile are text": (
        {"singleuser": {"profileList": [{"profile_options": "x"}]}},
        "singleuser.profileList[0].profile_options: 'x' is not allowed; must be a map",
    ),
    "an override is a list": (
        {"singleuser": {"profileList": [{"kubespawner_override": ["x"]}]}},
        "singleuser.profileList[0].kubespawner_override: a list is not allowed; must be a map",
    ),
    "a choice is text": (
        {"singleuser": {"profileList": [{"profile_options": {"a": {"choices": {"b": "x"}}}}]}},
        "singleuser.profileList[0].profile_options.a.choices.b: 'x' is not allowed; must be a map",
    ),
    "content that is not base64": (
        {"hub": {"extraFiles": {"a": {"mountPath": "/a", "binaryData": "a"}}}},
        "hub.extraFiles.a.binaryData: is not base64; no Secret can hold it",
    ),
    "a number that JSON lacks": ({"cull": {"every": float("nan")}}, "cull.every: nan is not a number that JSON knows"),
    "a number beyond all floats": ({"custom": {"a": [10**400]}}, "custom.a[0]: inf is not a number that JSON knows"),
    "half a character": ({"custom": {"a": "\ud800"}}, "custom.a: holds half of a character (a lone surrogate"),
    "half a character in a key": ({"custom": {"\ud800": 1}}, "custom.?: holds half of a character (a lone surrogate"),
    "a key that Pydantic uses itself": ({"[key]": 1}, "[key]: unknown key"),
}
"""Values, and the line of the error that tells of them."""


@pytest.mark.parametrize("name", VALUES)
def test_values(name: str) -> None:
    """Values of the wrong shape are one clear line."""
    tree, said = VALUES[name]
    with pytest.raises(SettingsError) as error:
        load_values([], tree, to_be_deployed=True)
    assert [line for line in str(error.value).splitlines() if line.startswith(f"hubstack:values: {said}")]
    judging.require_clear(str(error.value))


def test_what_is_wrong_in_one_part_hides_nothing_of_another() -> None:
    """Shapes, unknown keys, rules of the chart and code are told at once; nothing follows from what is wrong itself."""
    tree = {
        "rbac": 5,
        "hub": {"extraEnv": {"A": 1}, "extraConfig": {"a": "("}, "db": {"type": "nosql"}, "bas": 1},
        "proxy": {"https": {"enabled": True, "type": 5, "hosts": ["h"]}},
        "singleuser": {"profileList": ["x"], "cpu": 1},
    }
    with pytest.raises(SettingsError) as error:
        load_values([], tree, to_be_deployed=True)
    assert sorted(problem.path for problem in error.value.problems) == [
        "hub.bas",
        "hub.db.type",
        "hub.extraConfig.a",
        "hub.extraEnv.A",
        "proxy.https.type",
        "rbac",
        "singleuser.cpu",
        "singleuser.profileList[0]",
    ]


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"hub": 5}, "hub: the number 5 is not allowed; must be a map of settings"),
        ({"hub": {"config": "x"}}, "hub.config: 'x' is not allowed; must be a map of settings"),
        ({"proxy": {"https": ["x"]}}, "proxy.https: a list is not allowed; must be a map of settings"),
        ({"fullnameOverride": 5}, "fullnameOverride: the number 5 is not allowed; must be text"),
    ],
)
def test_values_of_a_chart_that_is_not_modelled(tree: Any, said: str) -> None:
    """Of another chart's values it is known that sections are maps, and that is what everything else relies on."""
    with pytest.raises(SettingsError) as error:
        load_raw_values([], tree)
    assert str(error.value) == f"hubstack:values: {said}"


def test_thousands_of_mistakes(workbench: Bench) -> None:
    """They take no long time, and the error has an end: 100 lines, and how many more there are."""
    told = judging.outcome(lambda: workbench.values({f"key{number}": 1 for number in range(20_000)}))
    assert told is not None
    assert (len(told.splitlines()), told.splitlines()[-1]) == (101, "and 19900 more")


def test_a_list_of_options_is_what_a_template_makes_of_it() -> None:
    """A template ranges over a list as it does over a map, and so do we."""
    option = {"choices": [{"kubespawner_override": {"image": "quay.io/a:1"}}]}
    loaded = load_values([], {"singleuser": {"profileList": [{"profile_options": [option]}]}})
    names = [
        container["name"]
        for manifest in manifests.render.objects(_release(loaded), TokenValues("", "", "", {}))
        if manifest["kind"] == "DaemonSet"
        for container in manifest["spec"]["template"]["spec"]["initContainers"]
    ]
    assert "image-pull-profile-0-option-0-0" in names


def _release(loaded: Any) -> manifests.Release:
    return manifests.Release("jhub", "jhub", loaded.values, loaded.tree)


SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "values are text": ({"values": "hub: {}"}, "hubstack:values: this text is not allowed; must be a map"),
    "secrets are a list": ({"secretValues": ["x"]}, "hubstack:secretValues: a list is not allowed; must be a map"),
    "a token is a number": (
        {"adoptedTokens": {"proxy": 5}},
        "hubstack:adoptedTokens.proxy: must be text",
    ),
    "a rotation is a number": ({"rotateTokens": {"proxy": 2}}, "hubstack:rotateTokens.proxy: must be text, not the"),
    "files are text": ({"valuesFiles": "a.yaml"}, "hubstack:valuesFiles: 'a.yaml' is not allowed; must be a list"),
    "a path with a NUL": ({"valuesFiles": ["a\0"]}, "hubstack:valuesFiles[0]: holds a NUL character"),
    "the chart is a list": ({"chart": ["4.4.0"]}, "hubstack:chart: a list is not allowed; must be a map of settings"),
    "an unknown key of the chart": (
        {"chart": {"vers": "1"}},
        "hubstack:chart.vers: unknown key; did you mean",
    ),
    "a class without a driver": (
        {"storageClass": {"name": "x"}},
        "hubstack:storageClass.provisioner: is not set; set it with: pulumi config set --path hubstack:storageClass",
    ),
    "an unknown policy": (
        {"storageClass": {"provisioner": "x", "reclaimPolicy": "Keep"}},
        "hubstack:storageClass.reclaimPolicy: 'Keep' is not allowed; use one of: Retain, Delete",
    ),
    "a choice that is none": (
        {"protectData": "perhaps"},
        "hubstack:protectData: 'perhaps' is not allowed",
    ),
    "a namespace that is none": ({"namespace": "A_b"}, "hubstack:namespace: 'A_b' is not allowed; must be 1 to 63"),
    "a mode that is none": ({"mode": "nativ"}, "hubstack:mode: 'nativ' is not allowed; use one of: native, helm"),
}
"""Settings of a stack, and the line of the error that tells of them."""


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_of_a_stack(name: str) -> None:
    """Settings of the wrong shape are one clear line, without what may be secret."""
    given, said = SETTINGS[name]
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in given.items()}
    with pytest.raises(SettingsError) as error:
        settings.parse({"kubeContext": "c", **texts}, set())
    assert str(error.value).startswith(f"stack configuration: {said}")
    judging.require_clear(str(error.value))


def test_all_settings_of_a_stack_at_once() -> None:
    """Unknown keys, encrypted ones, wrong ones and the missing context come in one error."""
    with pytest.raises(SettingsError) as error:
        settings.parse({"nonsense": "x", "takeOver": "x", "mode": "x", "chart": "[]"}, {"takeOver"})
    assert [problem.path for problem in error.value.problems] == [
        "hubstack:nonsense",
        "hubstack:takeOver",
        "hubstack:mode",
        "hubstack:kubeContext",
        "hubstack:chart",
    ]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"kubeconfig": ["x"]}, "hubstack:kubeconfig: a list is not allowed; must be text"),
        ({"kubeconfig": "x\0"}, "hubstack:kubeconfig: 'x\\x00' is not allowed; must be text"),
        ({"namespace": {"a": 1}}, "hubstack:namespace: a map is not allowed; must be text"),
    ],
)
def test_where_a_stack_is(workbench: Bench, setting: dict[str, Any], said: str) -> None:
    """What a command reads itself, before the program checks all settings, is checked there."""
    file = workbench.head / "Pulumi.odd.yaml"
    file.write_text(mutation.text(seeds.stack_file({"kubeContext": "c", **setting})))
    with pytest.raises(HubstackError) as error:
        stacks.select("odd")
    file.unlink()
    assert str(error.value) == f"Pulumi.odd.yaml: {said}"


FLEETS: dict[str, tuple[str, list[str]]] = {
    "an unknown key of a gate in the defaults": (
        "defaults: {gates: [{type: hub-health, foo: 1}]}\n",
        ["defaults.gates[0].foo: unknown key; known here: attempts, path, pause, timeout, type, url"],
    ),
    "gates are no list": ("defaults: {gates: 5}\n", ["defaults.gates: the number 5 is not allowed; must be a list"]),
    "defaults are text": ("defaults: x\n", ["defaults: 'x' is not allowed; must be a map of settings"]),
    "too many at once": (
        "defaults: {maxParallel: 500}\n",
        ["defaults.maxParallel: the number 500 is not"],
    ),
    "a duration without an end": (
        "defaults: {bakeTime: 99999999d}\n",
        ["defaults.bakeTime: '99999999d' is longer"],
    ),
    "an approval that is none": (
        "defaults: {approval: x}\n",
        ["defaults.approval: 'x' is not allowed; use"],
    ),
}
"""Additions to a fleet file, and every line that is said of them."""


@pytest.mark.parametrize("name", FLEETS)
def test_fleets(tmp_path: Path, name: str) -> None:
    """What is wrong with the defaults of all waves is told once, where it stands."""
    text, said = FLEETS[name]
    (tmp_path / "fleet.yaml").write_text(f"{text}stacks: {{a: {{}}}}\nwaves: [{{name: all, select: stack=a}}]\n")
    with pytest.raises(SettingsError) as error:
        load.read(tmp_path / "fleet.yaml", stack_files=False)
    lines = str(error.value).splitlines()
    assert [line.startswith(f"fleet.yaml:1: {start}") for line, start in zip(lines, said, strict=True)] == [True] * len(
        said
    ), lines


def test_a_mistake_of_ours_is_the_error_of_one_stack(workbench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a plan, a stack on which the program stumbles is refused, in words, and the others are planned."""
    from hubstack.fleet import digest, rollout
    from tests.unit.fuzz.driving import QUIET

    (workbench.fleet_folder / "fleet.yaml").write_text(mutation.text(seeds.FLEET))
    desired = digest.desired

    def stumbling(stack: stacks.Stack) -> digest.Desired:
        if stack.name == "b":
            raise KeyError("sentinel-9c1")
        return desired(stack)

    monkeypatch.setattr(digest, "desired", stumbling)
    plan = rollout.planned(workbench.fleet_folder, (), QUIET)
    assert {item.stack: item.action for item in plan.items} == {"a": "up", "b": "refused", "c": "up", "d": "up"}
    (refused,) = (item.reason for item in plan.items if item.stack == "b")
    assert refused.startswith("cannot be planned: a mistake in Hubstack (KeyError in test_examples.py, line ")
    assert "sentinel" not in refused


@pytest.mark.parametrize(
    "singleuser",
    [
        {"nodeSelector": [{}]},
        {"nodeSelector": "x"},
        {"nodeSelector": {"a": {}}},
        {"storage": {"type": "static", "static": {"pvcName": {"a": []}}}},
        {"storage": {"type": ["dynamic"], "dynamic": {"storageClass": {}, "pvcNameTemplate": []}}},
    ],
)
def test_the_doctor_of_a_chart_that_is_not_modelled(workbench: Bench, singleuser: dict[str, Any]) -> None:
    """Its values are checked by nobody here, so each check of the doctor bears whatever stands there."""
    workbench.stack(
        {**seeds.STACK, "mode": "helm", "chart": {"version": "3.3.8"}, "values": {"singleuser": singleuser}}
    )


@pytest.mark.parametrize(
    "values",
    [
        {"hub": {"extraVolumes": [{"name": ["a"]}], "extraVolumeMounts": [{"name": "b", "mountPath": "/b"}]}},
        {"singleuser": {"storage": {"extraVolumes": [{"name": {"a": 1}}]}}},
        {"singleuser": {"storage": {"type": "dynamic", "dynamic": {"volumeNameTemplate": "v"}, "extraVolumes": [{}]}}},
        {"hub": {"resources": {"requests": {"memory": "1e999", "cpu": "9e900"}}}},
    ],
)
def test_odd_settings_that_the_chart_takes(workbench: Bench, values: dict[str, object]) -> None:
    """A name of a volume that is no text, and an amount beyond all floats: judged, or refused in words."""
    judging.outcome(lambda: workbench.stack({**seeds.STACK, "values": values}))
