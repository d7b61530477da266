"""What mutations start from: values, settings of a stack and a fleet that are right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import BaseModel

from hubstack import project
from hubstack.chart import helm_yaml
from hubstack.chart.errors import SettingsError
from hubstack.chart.values import ChartValues
from tests.unit.fuzz import mutation

RICH: dict[str, Any] = {
    "custom": {"a": {"b": [1, "x"]}},
    "imagePullSecret": {"create": True, "registry": "r.example.org", "username": "u", "password": "not-much-of-one"},
    "imagePullSecrets": ["one", {"name": "two"}],
    "hub": {
        "config": {
            "JupyterHub": {"authenticator_class": "github", "admin_access": True},
            "Authenticator": {"admin_users": ["ada"], "allowed_users": ["bob"]},
            "GitHubOAuthenticator": {"client_id": "x", "client_secret": "not-much-of-one"},
            "KubeSpawner": {"pvc_name_template": "claim-{username}", "slug_scheme": "escape"},
        },
        "extraConfig": {"10-a": "c.JupyterHub.log_level = 10\n"},
        "extraEnv": {"A": "b", "C": {"valueFrom": {"secretKeyRef": {"name": "n", "key": "k"}}}},
        "extraFiles": {
            "settings": {"mountPath": "/etc/a/settings.yaml", "data": {"a": 1}},
            "script": {"mountPath": "/etc/a/run.sh", "stringData": "#!/bin/sh\necho\n", "mode": 493},
            "blob": {"mountPath": "/etc/a/blob", "binaryData": "aGVsbG8="},
        },
        "services": {"monitor": {"apiToken": "not-much-of-one-either", "admin": True}, "grader": {"url": "http://g"}},
        "loadRoles": {"monitor": {"scopes": ["list:users"], "services": ["monitor"]}},
        "db": {"type": "sqlite-pvc", "pvc": {"storage": "2Gi", "storageClassName": "fast", "annotations": {"a": "b"}}},
        "networkPolicy": {"ingress": [{"from": []}], "egressAllowRules": {"cloudMetadataServer": False}},
        "nodeSelector": {"pool": "core"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "extraVolumes": [{"name": "v", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "v", "mountPath": "/v"}],
        "initContainers": [{"name": "i", "image": "busybox"}],
        "command": ["jupyterhub"],
        "args": ["--debug", "{{ .Release.Name }}"],
        "labels": {"a": "b"},
        "service": {"annotations": {"a": "b"}, "ports": {"nodePort": 30001}},
    },
    "proxy": {
        "https": {
            "enabled": True,
            "type": "letsencrypt",
            "hosts": ["hub.example.org"],
            "letsencrypt": {"contactEmail": "a@example.org"},
        },
        "service": {"type": "ClusterIP"},
        "chp": {"extraCommandLineFlags": ["--no-x-forward"], "resources": {"requests": {"cpu": 0.5}}},
        "traefik": {"extraStaticConfig": {"log": {"level": "INFO"}}, "hsts": {"maxAge": 1}, "extraPorts": []},
    },
    "singleuser": {
        "image": {"name": "quay.io/example/notebook", "tag": "2026-01-01"},
        "profileList": [
            {"display_name": "Small", "slug": "small", "default": True},
            {
                "display_name": "Large",
                "slug": "large",
                "kubespawner_override": {"mem_limit": "8G", "image": "quay.io/example/large:1"},
                "profile_options": {
                    "image": {
                        "display_name": "Image",
                        "choices": {"r": {"display_name": "R", "kubespawner_override": {"image": "quay.io/r:1"}}},
                    }
                },
            },
        ],
        "storage": {"type": "dynamic", "dynamic": {"storageClass": "fast"}, "extraVolumes": [{"name": "x"}]},
        "memory": {"limit": "2G", "guarantee": "1G"},
        "cpu": {"limit": 2, "guarantee": 0.5},
        "extraNodeAffinity": {
            "required": [{"matchExpressions": [{"key": "pool", "operator": "In", "values": ["user"]}]}]
        },
        "extraPodAffinity": {"preferred": [{"weight": 1, "podAffinityTerm": {"topologyKey": "z"}}]},
        "extraTolerations": [{"key": "gpu", "operator": "Exists"}],
        "extraEnv": {"A": "b"},
        "initContainers": [{"name": "i", "image": "busybox"}],
        "networkPolicy": {"egress": [{"to": []}]},
        "cmd": ["start"],
    },
    "scheduling": {
        "userScheduler": {"replicas": 2, "plugins": {"score": {"enabled": [{"name": "x"}]}}},
        "podPriority": {"enabled": True, "userPlaceholderPriority": -10},
        "userPlaceholder": {"enabled": True, "replicas": 2},
        "userPods": {"nodeAffinity": {"matchNodePurpose": "require"}},
    },
    "prePuller": {"hook": {"enabled": True}, "extraImages": {"x": {"name": "quay.io/x", "tag": "1"}}},
    "ingress": {"enabled": True, "hosts": ["hub.example.org"], "tls": [{"hosts": ["hub.example.org"]}]},
    "httpRoute": {"enabled": False, "hostnames": ["hub.example.org"], "gateway": {"name": "g", "namespace": "n"}},
    "cull": {"enabled": True, "timeout": 600, "maxAge": 0},
    "rbac": {"create": True},
    "global": {"safeToShowValues": False},
}
"""Values that use every part of the chart."""

STACK: dict[str, Any] = {
    "mode": "native",
    "namespace": "hub",
    "releaseName": "hub",
    "createNamespace": True,
    "valuesFiles": ["values.yaml"],
    "values": {"cull": {"every": 300}},
    "secretValues": {"hub": {"config": {"GitHubOAuthenticator": {"client_secret": {"secure": "v1:abc"}}}}},
    "storageClass": {
        "name": "safe",
        "provisioner": "ebs.csi.aws.com",
        "parameters": {"type": "gp3"},
        "reclaimPolicy": "Retain",
        "allowVolumeExpansion": True,
        "volumeBindingMode": "Immediate",
        "mountOptions": ["noatime"],
        "allowedTopologies": [{"matchLabelExpressions": [{"key": "zone", "values": ["a"]}]}],
        "default": True,
    },
    "kubeContext": "none",
    "kubeconfig": "kubeconfig",
    "clusterIdentifier": "east",
    "chart": {"version": "4.4.0", "repository": "https://charts.example.org", "path": "chart.tgz"},
    "rotateTokens": {"proxy": "2", "service-monitor": "1"},
    "adoptedTokens": {"proxy": "a", "cookie": "b", "crypt": "c", "services": {"monitor": "d"}},
    "keptChecksums": {"Deployment/hub checksum/secret": "a"},
    "takeOver": "hub",
    "protectData": True,
}
"""Every setting of a stack."""

FLEET: dict[str, Any] = {
    "defaults": {
        "maxParallel": 4,
        "maxFailures": "10%",
        "bakeTime": "10m",
        "approval": "none",
        "gates": [{"type": "hub-health", "path": "hub/health"}],
        "windows": [{"days": ["mon-thu"], "hours": "09:00-16:30", "timeZone": "Europe/Berlin"}],
    },
    "waves": [
        {"name": "canary", "select": "tier=canary", "gates": [{"type": "proxy-route", "timeout": "90s"}]},
        {
            "name": "staging",
            "select": {"tier": "staging", "region": ["eu", "us"]},
            "maxFailures": 1,
            "approval": "manual",
            "gates": [
                {"type": "certificate", "issuer": "x", "validFor": "14d", "caFile": "ca.pem", "url": "https://x"},
                {"type": "scheduler", "attempts": 2, "pause": "1s"},
                {"type": "notebook", "user": "test", "service": "s", "tokenEnv": "T", "code": "1", "expect": "1"},
            ],
            "windows": [{"hours": "22:00-04:00"}],
        },
        {"name": "rest", "select": "tier notin (canary, staging), !region"},
    ],
    "stacks": {
        "a": {"labels": {"tier": "canary", "region": "eu"}},
        "b": {"labels": {"tier": "staging", "region": "us"}},
        "c": {"labels": {"tier": "prod", "frozen": "no"}},
        "d": {},
    },
}
"""A fleet with everything that a fleet file may say."""

TOKENS = {"proxyAuth": "a" * 64, "cookieSecret": "b" * 64, "cryptKeys": "c" * 64, "services": {"monitor": "d" * 64}}
"""What `hubstack manifests --tokens` reads."""


def values() -> list[Any]:
    """Values to start from: those above, the chart's defaults, and the files of the mirror where there is one."""
    found = [RICH, ChartValues.defaults(), {}, *_files("dev", 12), *_files("real", 1), *_files("cases", 1)]
    return [*found, *_files("random", 20)]


def _files(folder: str, step: int) -> Iterator[Any]:
    """Some files of a folder of the mirror, as trees."""
    mirror = project.mirror()
    files = sorted((mirror / "values" / folder).glob("*.yaml")) if mirror else []
    for file in files[::step]:
        try:
            tree = helm_yaml.load(file.read_text(encoding="utf-8"), file.name)
        except SettingsError:
            continue
        if isinstance(tree, dict):
            yield tree


def settings(model: type[BaseModel] = ChartValues) -> list[mutation.Path]:
    """The path of every setting and section of the chart that the models describe."""
    return [path for path in _described(model) if path]


def _described(model: type[BaseModel], path: mutation.Path = ()) -> Iterator[mutation.Path]:
    yield path
    for name, field in model.model_fields.items():
        here = (*path, field.alias or name)
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _described(kind, here)
        else:
            yield here


def stack_file(config: Any) -> dict[str, Any]:
    """A stack's file with some settings."""
    if not isinstance(config, dict):
        return {"config": config}
    return {"config": {f"hubstack:{key}": value for key, value in config.items()}}


def stacks() -> list[dict[str, Any]]:
    """Settings of stacks to start from: in both modes, of a chart that is modelled and of one that is not."""
    bare = {key: value for key, value in STACK.items() if key != "storageClass"}
    return [
        STACK,
        {**STACK, "mode": "helm"},
        {**STACK, "mode": "helm", "chart": {"version": "3.3.8"}, "values": RICH},
        {**bare, "values": RICH},
        {**bare, "secretValues": RICH},
    ]


def fleets() -> list[Any]:
    """Fleets to start from: one that says everything, and that of the documentation."""
    return [FLEET, yaml.safe_load((project.CODE / "docs/examples/fleet/fleet.yaml").read_text())]
