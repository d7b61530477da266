"""What the suite asks Helm, apart from values drawn afresh; `record.py` writes the answers down.

Each test takes its own part, so that a recording knows all of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hubstack.chart.kube_version import OLDEST
from tests.parity import harness
from tests.parity.recording import Question

EVERY_VERSION_OF_AN_API = """
ingress: {enabled: true, hosts: [hub.example.org]}
httpRoute: {enabled: true, hostnames: [hub.example.org], gateway: {name: g}}
proxy:
  chp: {pdb: {enabled: true}}
  https: {enabled: true, hosts: [hub.example.org], letsencrypt: {contactEmail: a@example.org}}
scheduling: {podPriority: {enabled: true}, userPlaceholder: {replicas: 1}}
hub: {pdb: {enabled: true}}
"""
"""Values that make an object of each API whose version could depend on Kubernetes'."""

SUPPORTED = (f"{OLDEST[0]}.{OLDEST[1]}.0", "1.30.14", "1.33.2", "1.36.1", "v1.36.1-gke.4")
TOO_OLD = ("1.27.16", "v1.20", "0.9")
"""Versions of Kubernetes."""

OTHER_VERSIONS = ("4.3.5", "3.3.8")
"""Chart versions that people come from."""
OF_OTHER_VERSIONS = (
    "dev/defaults",
    "dev/hub-services-roles",
    "dev/prepuller-profile-images",
    "dev/proxy-https-manual",
    "dev/scheduling-user-affinity",
    "real/mitodl",
    "real/mybinder-bids",
    "real/utoronto",
)
"""Values files that are rendered with those too."""

UNCHANGED: dict[str, Any] = {
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
"""A hub before any change. Tokens are given, because the chart invents others at each rendering."""

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
"""Changes of one setting each, by name."""


def over(lower: Any, upper: Any) -> Any:
    """Maps merged deep."""
    if not isinstance(lower, dict) or not isinstance(upper, dict):
        return upper
    return {**lower, **{key: over(lower.get(key), value) for key, value in upper.items()}}


def of_tree(tree: dict[str, Any]) -> Question:
    """The question that a values tree poses."""
    return Question((json.dumps(tree),))


def of_other_versions() -> list[Question]:
    """The values files that other chart versions render."""
    files = {f"{file.parent.name}/{file.stem}": file for file in harness.values_files("dev", "real")}
    return [
        harness.question(files[name], version=version)
        for version in OTHER_VERSIONS
        for name in OF_OTHER_VERSIONS
        if name in files
    ]


def all_questions() -> Iterator[Question]:
    """Everything, each question once."""
    yield from map(harness.question, harness.values_files("dev", "real", "random"))
    yield from of_other_versions()
    yield from (Question((EVERY_VERSION_OF_AN_API,), kube_version=version) for version in SUPPORTED)
    yield from (Question((), kube_version=version) for version in TOO_OLD)
    yield from (of_tree(over(UNCHANGED, change)) for change in CHANGES.values())
