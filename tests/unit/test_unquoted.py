"""Texts that the chart writes without quotes get their type from YAML, or are refused with their path."""

from __future__ import annotations

from typing import Any

import pytest

from hubstack.chart import render
from hubstack.chart.errors import SettingsError
from hubstack.chart.load import load_values
from hubstack.chart.release import Release, TokenValues
from hubstack.chart.unquoted import Written

TOKENS = TokenValues("proxy", "cookie", "keys", {})


def at(objects: list[dict[str, Any]], identity: str, *path: str | int) -> Any:
    """The value at a path of an object, which is given by kind and name."""
    found: Any = next(each for each in objects if f"{each['kind']}/{each['metadata']['name']}" == identity)
    for step in path:
        found = found[step]
    return found


def objects(user: dict[str, Any]) -> list[dict[str, Any]]:
    """All objects for some settings."""
    loaded = load_values([], user)
    return render.objects(Release("jhub", "jhub", loaded.values, loaded.tree), TOKENS)


POD = ("spec", "template", "spec")


@pytest.mark.parametrize(
    ("user", "identity", "path", "expected"),
    [
        (
            {"proxy": {"chp": {"defaultTarget": "http://a #b"}}},
            "Deployment/proxy",
            (*POD, "containers", 0, "command", 4),
            "--default-target=http://a",
        ),
        ({"hub": {"image": {"name": "a", "tag": "1 "}}}, "Deployment/hub", (*POD, "containers", 0, "image"), "a:1"),
        (
            {"singleuser": {"memory": {"guarantee": "1e3"}}},
            "StatefulSet/user-placeholder",
            (*POD, "containers", 0, "resources", "requests", "memory"),
            1000,
        ),
        ({"hub": {"service": {"ports": {"appProtocol": "0"}}}}, "Service/hub", ("spec", "ports", 0, "appProtocol"), 0),
        (
            {"singleuser": {"initContainers": [{"name": "a", "image": "007"}]}},
            "DaemonSet/hook-image-puller",
            (*POD, "initContainers", 2, "image"),
            7,
        ),
        (
            {"ingress": {"enabled": True, "ingressClassName": "two\nlines"}},
            "Ingress/jupyterhub",
            ("spec", "ingressClassName"),
            "two lines",
        ),
        (
            {"ingress": {"enabled": True, "pathSuffix": "a #b"}},
            "Ingress/jupyterhub",
            ("spec", "rules", 0, "http", "paths", 0, "path"),
            "/a",
        ),
    ],
)
def test_yaml_decides_what_a_text_is(
    user: dict[str, Any], identity: str, path: tuple[str | int, ...], expected: Any
) -> None:
    assert at(objects(user), identity, *path) == expected


@pytest.mark.parametrize(
    ("user", "path"),
    [
        ({"hub": {"baseUrl": "/a: b/"}}, "hub.baseUrl"),
        ({"hub": {"service": {"loadBalancerIP": "- x"}}}, "hub.service.loadBalancerIP"),
        ({"hub": {"extraFiles": {"a": {"mountPath": "*x", "stringData": "x"}}}}, "hub.extraFiles.a.mountPath"),
        ({"proxy": {"chp": {"errorTarget": "two\nlines"}}}, "proxy.chp.errorTarget"),
        ({"proxy": {"service": {"ipFamilyPolicy": "%"}}}, "proxy.service.ipFamilyPolicy"),
        ({"singleuser": {"extraContainers": [{"image": "a: b"}]}}, "singleuser.extraContainers[0].image"),
        (
            {"singleuser": {"profileList": [{"display_name": "a", "kubespawner_override": {"image": "&"}}]}},
            "singleuser.profileList[0].kubespawner_override.image",
        ),
        ({"prePuller": {"hook": {"serviceAccount": {"name": "*x"}}}}, "prePuller.hook.serviceAccount.name"),
        ({"hub": {"networkPolicy": {"allowedIngressPorts": ["["]}}}, "hub.networkPolicy.allowedIngressPorts[0]"),
        ({"fullnameOverride": "two\nlines"}, "fullnameOverride"),
    ],
)
def test_what_breaks_the_manifest_is_refused(user: dict[str, Any], path: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_values([], user)
    assert [problem.path for problem in error.value.problems] == [path]


@pytest.mark.parametrize(
    ("text", "item", "readable"),
    [
        ("x", False, True),
        ("a #b", False, True),
        ("a: b", False, False),
        ("a: b", True, True),
        ("x:", False, False),
        ("x\n", False, True),
        ("two\nlines", True, False),
        ('"two\n---lines"', False, False),
    ],
)
def test_a_text_is_readable_where_yaml_gives_back_one_value(text: str, item: bool, readable: bool) -> None:
    assert Written((), text, item=item).readable == readable
