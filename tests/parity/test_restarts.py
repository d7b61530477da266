"""What restarts pods in the chart restarts the same pods here, and nothing else does.

A pod restarts when the template in its Deployment, DaemonSet or StatefulSet changes, its checksum annotations included.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chart import render
from hubstack.parity import helm_documents, rendering
from tests.parity import harness

BASE: dict[str, Any] = {
    "hub": {
        "config": {
            "ConfigurableHTTPProxy": {"auth_token": "a" * 64},
            "JupyterHub": {"cookie_secret": "b" * 64},
            "CryptKeeper": {"keys": ["c" * 64]},
        },
        "services": {"grader": {"apiToken": "d" * 64}},
        "extraFiles": {"motd": {"mountPath": "/etc/motd", "stringData": "hello"}},
    },
    "proxy": {
        "https": {"enabled": True, "hosts": ["hub.example.org"], "letsencrypt": {"contactEmail": "a@example.org"}}
    },
    "scheduling": {"userPlaceholder": {"replicas": 1}, "podPriority": {"enabled": True}},
    "singleuser": {"extraFiles": {"x": {"mountPath": "/x", "stringData": "x"}}},
}
"""Tokens are given, because the chart invents others at each rendering."""

CHANGES: dict[str, Any] = {
    "nothing": {},
    "hub.config of an authenticator": {"hub": {"config": {"GitHubOAuthenticator": {"client_id": "x"}}}},
    "proxy token": {"hub": {"config": {"ConfigurableHTTPProxy": {"auth_token": "e" * 64}}}},
    "cookie secret": {"hub": {"config": {"JupyterHub": {"cookie_secret": "e" * 64}}}},
    "hub.extraConfig": {"hub": {"extraConfig": {"a": "c.A.b = 1"}}},
    "hub.extraFiles": {"hub": {"extraFiles": {"motd": {"stringData": "bye"}}}},
    "hub.extraEnv": {"hub": {"extraEnv": {"A": "1"}}},
    "hub.resources": {"hub": {"resources": {"requests": {"cpu": "1"}}}},
    "hub.labels": {"hub": {"labels": {"team": "a"}}},
    "hub.annotations": {"hub": {"annotations": {"team": "a"}}},
    "hub image": {"hub": {"image": {"tag": "9.9.9"}}},
    "hub.nodeSelector": {"hub": {"nodeSelector": {"a": "b"}}},
    "hub.db.password": {"hub": {"db": {"password": "x"}}},
    "hub.db.pvc.storage": {"hub": {"db": {"pvc": {"storage": "2Gi"}}}},
    "hub.service.annotations": {"hub": {"service": {"annotations": {"a": "b"}}}},
    "hub.networkPolicy": {"hub": {"networkPolicy": {"enabled": False}}},
    "hub.pdb": {"hub": {"pdb": {"enabled": True}}},
    "hub.services": {"hub": {"services": {"grader": {"url": "http://x"}}}},
    "singleuser image": {"singleuser": {"image": {"tag": "9.9.9"}}},
    "singleuser.memory": {"singleuser": {"memory": {"limit": "2G"}}},
    "singleuser.profileList": {"singleuser": {"profileList": [{"display_name": "a"}]}},
    "singleuser.extraFiles": {"singleuser": {"extraFiles": {"x": {"stringData": "y"}}}},
    "singleuser.networkPolicy": {"singleuser": {"networkPolicy": {"enabled": False}}},
    "singleuser.defaultUrl": {"singleuser": {"defaultUrl": "/tree"}},
    "proxy.chp.resources": {"proxy": {"chp": {"resources": {"requests": {"cpu": "1"}}}}},
    "proxy.chp.defaultTarget": {"proxy": {"chp": {"defaultTarget": "http://x"}}},
    "proxy.service.type": {"proxy": {"service": {"type": "ClusterIP"}}},
    "proxy.labels": {"proxy": {"labels": {"team": "a"}}},
    "proxy.annotations": {"proxy": {"annotations": {"team": "a"}}},
    "proxy.https.hosts": {"proxy": {"https": {"hosts": ["other.example.org"]}}},
    "letsencrypt contact": {"proxy": {"https": {"letsencrypt": {"contactEmail": "b@example.org"}}}},
    "traefik static": {"proxy": {"traefik": {"extraStaticConfig": {"log": {"level": "DEBUG"}}}}},
    "traefik dynamic": {"proxy": {"traefik": {"extraDynamicConfig": {"http": {"a": 1}}}}},
    "manual certificate": {"proxy": {"https": {"type": "manual", "manual": {"key": "K", "cert": "C"}}}},
    "cull.timeout": {"cull": {"timeout": 60}},
    "custom": {"custom": {"a": 1}},
    "debug": {"debug": {"enabled": True}},
    "scheduler plugins": {"scheduling": {"userScheduler": {"plugins": {"score": {"disabled": [{"name": "*"}]}}}}},
    "scheduler replicas": {"scheduling": {"userScheduler": {"replicas": 3}}},
    "placeholder replicas": {"scheduling": {"userPlaceholder": {"replicas": 2}}},
    "core pods tolerations": {"scheduling": {"corePods": {"tolerations": [{"key": "x"}]}}},
    "user pods tolerations": {"scheduling": {"userPods": {"tolerations": [{"key": "x"}]}}},
    "prePuller.extraImages": {"prePuller": {"extraImages": {"a": {"name": "x", "tag": "1"}}}},
    "prePuller.resources": {"prePuller": {"resources": {"requests": {"cpu": "1"}}}},
    "prePuller.hook off": {"prePuller": {"hook": {"enabled": False}}},
    "imagePullSecrets": {"imagePullSecrets": ["regcred"]},
    "ingress": {"ingress": {"enabled": True, "hosts": ["hub.example.org"]}},
}


def over(lower: Any, upper: Any) -> Any:
    """Maps merged deep."""
    if not isinstance(lower, dict) or not isinstance(upper, dict):
        return upper
    return {**lower, **{key: over(lower.get(key), value) for key, value in upper.items()}}


def templates(objects: list[dict[str, Any]]) -> dict[str, str]:
    """The pod template of each object that has one."""
    return {
        f"{each['kind']}/{each['metadata']['name']}": json.dumps(each["spec"]["template"], sort_keys=True)
        for each in objects
        if each["kind"] in ("Deployment", "DaemonSet", "StatefulSet")
    }


def both(folder: Path, name: str, tree: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Pod templates of the chart and of ours for a values tree."""
    file = folder / f"{name.replace(' ', '-')}.yaml"
    file.write_text(json.dumps(tree))
    target = harness.release(file)
    return (
        templates(helm_documents.read(harness.helm_template(file))),
        templates(render.objects(target, rendering.generated_tokens(target))),
    )


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], dict[str, str]]:
    """Pod templates before any change."""
    return both(tmp_path_factory.mktemp("base"), "base", BASE)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_restarts_the_same_pods(unchanged: tuple, tmp_path: Path, name: str) -> None:
    """The pod templates that a change of one setting touches are the same in the chart and here."""
    chart, ours = (
        {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        for before, after in zip(unchanged, both(tmp_path, name, over(BASE, CHANGES[name])), strict=True)
    )
    assert ours == chart
