"""Secrets that somebody has left in plain text: the program keeps them secret, and says where they stand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from hubstack import project, secret_settings
from hubstack.chart import helm_yaml
from hubstack.components import chart_component, token_key
from tests import needs
from tests.unit import test_components
from tests.unit.test_components import Recorder, plain_text
from tests.unit.test_library import objects, opened, register

CANARIES = ("canary-4f2a9c", 'canary "of" <sev&eral>\n$(li`n\'es) é\n')
"""A short one, and one that looks different in YAML, JSON, HTML, Markdown and a shell."""
REFERENCE = {"secretKeyRef": {"name": "canary-free", "key": "password", "optional": False}}


def everywhere(canary: str) -> dict[str, Any]:
    """Values with a canary in every place that is secret by nature, and nothing of it anywhere else."""
    code = f"c.GenericOAuthenticator.client_secret = {canary!r}\n"
    return {
        "fullnameOverride": "x",
        "hub": {
            "config": {
                "GitHubOAuthenticator": {"client_id": "public", "client_secret": canary},
                "JupyterHub": {"api_tokens": {canary: "somebody"}, "cookie_secret": canary},
                "CryptKeeper": {"keys": [canary, canary]},
            },
            "db": {"type": "postgres", "url": "postgres://db/hub", "password": canary},
            "extraConfig": {"token": "x = 1", "a": code},
            "extraEnv": {
                "AWS_SECRET_ACCESS_KEY": canary,
                "B": {"name": "DB_PASSWORD", "value": canary},
                "API_TOKEN": {"valueFrom": REFERENCE},
                "SESSION_TOKEN_NAME": "public",
            },
            "annotations": {"session-token": canary},
            "service": {"annotations": {"auth-token": canary}},
            "services": {"s": {"apiToken": canary, "url": "http://public"}},
            "extraContainers": [{"name": "c", "image": "i", "env": [{"name": "MY_TOKEN", "value": canary}]}],
            "extraFiles": {"f": {"mountPath": "/f", "stringData": f"password: {canary}"}},
            "extraVolumes": [{"name": "v", "secret": {"secretName": "public", "optional": False}}],
        },
        "proxy": {
            "secretToken": canary,
            "chp": {"extraEnv": {"SECRET_KEY": canary}},
            "https": {"enabled": True, "type": "manual", "manual": {"key": canary, "cert": "CERT"}, "hosts": ["h"]},
        },
        "ingress": {"enabled": True, "annotations": {"auth-secret-value": canary}},
        "singleuser": {"extraEnv": {"GIT_PASSWORD": canary}},
        "imagePullSecret": {"create": True, "registry": "r", "username": "u", "password": canary},
    }


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("mode", ["native", "helm"])
@pytest.mark.parametrize("where", ["values", "values_files"])
def test_no_canary_is_in_the_open(
    canary: str, mode: str, where: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In both modes, no input of any resource, and nothing that is logged, has a line of a canary in plain text."""
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(everywhere(canary), allow_unicode=True))
    recorder = register(lambda: {"mode": mode, where: everywhere(canary) if where == "values" else [str(file)]})
    plain = " ".join(plain_text(args.inputs) for args in recorder.registered.values()) + caplog.text
    assert [line for line in canary.strip().splitlines() if line in plain or json.dumps(line)[1:-1] in plain] == []


@pytest.mark.parametrize("mode", ["native", "helm"])
def test_objects_stay_as_they_are(mode: str) -> None:
    """Opened, every input is what it is without the marks: nothing of an existing stack changes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(token_key.secrets, "token_hex", lambda count: "ab" * count)
        marked = register(lambda: {"mode": mode, "values": everywhere("canary-4f2a9c")})
        patch.setattr(secret_settings, "places", lambda *_, **__: iter(()))
        bare = register(lambda: {"mode": mode, "values": everywhere("canary-4f2a9c")})
    assert {name: opened(each.inputs) for name, each in marked.registered.items()} == {
        name: opened(each.inputs) for name, each in bare.registered.items()
    }


def secret_places(value: Any, place: tuple[Any, ...] = ()) -> set[tuple[Any, ...]]:
    """Where in some inputs there is a secret envelope."""
    if isinstance(value, dict):
        if test_components.SECRET_ENVELOPE in value:
            return {place}
        return {found for key, each in value.items() for found in secret_places(each, (*place, key))}
    if isinstance(value, list):
        return {found for at, each in enumerate(value) for found in secret_places(each, (*place, at))}
    return set()


def test_leaves_are_marked_and_not_objects() -> None:
    """A variable's value is secret and not the pod, a client secret and not the class: a preview stays readable."""
    values = {
        "hub": {"extraEnv": {"API_TOKEN": "s3cr3t-of-it", "OTHER": "o"}, "config": {"X": {"password": "p4ssw0rd"}}}
    }
    native = register(lambda: {"values": values})
    found = {
        (kind.rpartition(":")[2], *place)
        for (kind, _), args in native.registered.items()
        if kind.startswith("kubernetes:")
        for place in secret_places(args.inputs)
    }
    variables = native.registered["kubernetes:apps/v1:Deployment", "prod-hub-deployment"].inputs
    variables = variables["spec"]["template"]["spec"]["containers"][0]["env"]
    (at,) = (at for at, each in enumerate(variables) if each["name"] == "API_TOKEN")
    template = ("Deployment", "spec", "template")
    assert {place for place in found if place[0] != "Secret"} == {
        (*template, "spec", "containers", 0, "env", at, "value")
    }
    helm = register(lambda: {"values": values, "mode": "helm"})
    release = helm.registered["kubernetes:helm.sh/v3:Release", "prod-release"].inputs["values"]
    generated = {("hub", "cookieSecret"), ("proxy", "secretToken"), ("hub", "config", "CryptKeeper", "keys")}
    assert secret_places(release) - generated == {("hub", "extraEnv", "API_TOKEN"), ("hub", "config", "X", "password")}


NOT_SECRET: dict[str, Any] = {
    "flags": {"imagePullSecret": {"create": True, "automaticReferenceInjection": True}},
    "references": {"hub": {"extraEnv": {"API_TOKEN": {"valueFrom": REFERENCE}}}},
    "names": {"hub": {"existingSecret": "s"}, "ingress": {"tls": [{"secretName": "tls-token", "hosts": ["h"]}]}},
    "pull secrets": {"imagePullSecrets": ["token"], "singleuser": {"image": {"pullSecrets": [{"name": "token"}]}}},
    "volumes": {"hub": {"extraVolumes": [{"name": "v", "secret": {"secretName": "token", "optional": True}}]}},
    "addresses": {"hub": {"config": {"GenericOAuthenticator": {"token_url": "https://x", "token_params": {"a": "b"}}}}},
    "durations": {"hub": {"config": {"JupyterHub": {"oauth_token_expires_in": 60}}}},
    "other variables": {"hub": {"extraEnv": {"API_TOKEN": "$(OTHER)", "B_TOKEN": "${OTHER}"}}},
    "names of snippets": {"hub": {"extraConfig": {"00-token": "c.JupyterHub.log_level = 10"}}},
    "code that asks": {"hub": {"extraConfig": {"a": "c.X.password = os.environ['PASSWORD']\ntoken = get_token()"}}},
    "checksums": {"hub": {"annotations": {"checksum/secret": "abc"}}},
    "images": {"proxy": {"secretSync": {"image": {"name": "i", "tag": "t"}}}},
    "policies": {"hub": {"config": {"X": {"password_policy": "strong", "minimum_password_length": 8}}}},
}


@pytest.mark.parametrize("name", NOT_SECRET)
def test_what_only_sounds_secret_is_none(name: str) -> None:
    """Flags, references, and what is about a secret are neither marked nor warned of."""
    assert list(secret_settings.places(NOT_SECRET[name])) == []


REAL = {
    "mitodl.yaml": set(),
    "mybinder-bids.yaml": {
        "hub.config.JupyterHub.cookie_secret",
        "hub.config.ConfigurableHTTPProxy.auth_token",
        "hub.config.CryptKeeper.keys.0",
    },
    "utoronto.yaml": {
        "hub.config.GitHubOAuthenticator.client_secret",
        "hub.config.CILogonOAuthenticator.client_secret",
    },
}


@pytest.mark.parametrize("name", REAL)
def test_real_settings(name: str) -> None:
    """Of values files that people run, exactly what they keep secret is warned of."""
    mirror = project.mirror()
    if mirror is None:
        needs.skip("values", "HUBSTACK_MIRROR names their folder")
    values = helm_yaml.load((mirror / "values" / "real" / name).read_text(), name)
    found = {".".join(map(str, place)) for place in secret_settings.places(values, whole_files=False)}
    assert found == REAL[name]


def test_the_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One for each file: its settings, never a value, and how to encrypt one; what is encrypted is left out."""
    file = tmp_path / "values.yaml"
    file.write_text(
        "hub: {cookieSecret: canary-4f2a9c, config: {A.b: {client_secret: canary-4f2a9c}}, db: {password: x}}"
    )
    values = {"hub": {"extraEnv": [{"name": "A_TOKEN", "value": "canary-4f2a9c"}]}}
    declared = {"hub": {"db": {"password": "canary-4f2a9c"}}}
    register(lambda: {"values_files": [str(file)], "values": values, "secret_values": declared})
    lines = [each.getMessage() for each in caplog.records if "plain text" in each.getMessage()]
    assert [line.partition(": secret, ")[0] for line in lines] == [
        f"{file}: hub.cookieSecret, hub.config.A.b.client_secret",
        "hubstack:values: hub.extraEnv.0.value",
    ]
    assert "pulumi config set --secret --path 'hubstack:secretValues.hub.cookieSecret'" in lines[0]
    assert "canary" not in "".join(lines)


@pytest.mark.parametrize("mode", ["native", "helm"])
def test_an_output_is_secret_where_its_setting_or_its_value_is(mode: str) -> None:
    """An Output that nobody has made secret is one, at a place that is secret, and where a secret is in its text."""

    def values() -> Any:
        of = pulumi.Output.from_input
        return {
            "hub": {
                "config": {"X": {"client_secret": of("canary-4f2a9c")}},
                "db": {"type": "mysql", "url": of("mysql://u:canary-4f2a9c@h/d")},
                "extraEnv": {"A_TOKEN": of("canary-4f2a9c"), "B": of({"name": "PASSWORD", "value": "canary-4f2a9c"})},
            }
        }

    recorder = register(lambda: {"mode": mode, "values": values()})
    given = register(
        lambda: {"mode": mode, "secret_values": {"hub": {"extraEnv": {"X": pulumi.Output.from_input("canary-4f2a9c")}}}}
    )
    for each in (*recorder.registered.values(), *given.registered.values()):
        assert "canary" not in plain_text(each.inputs)


FLAGS: dict[str, Any] = {
    "imagePullSecret.create": {
        "imagePullSecret": {"create": True, "registry": "r", "username": "u", "password": "canary"}
    },
    "ingress.enabled": {"ingress": {"enabled": True, "annotations": {"x": "canary"}}},
    "httpRoute.enabled": {"httpRoute": {"enabled": True, "annotations": {"x": "canary"}, "gateway": {"name": "g"}}},
    "hub.networkPolicy.enabled": {"hub": {"networkPolicy": {"enabled": False}, "annotations": {"x": "canary"}}},
    "proxy.https.enabled": {
        "proxy": {"https": {"enabled": True, "type": "manual", "manual": {"key": "canary", "cert": "canary"}}}
    },
    "proxy.https.type": {
        "proxy": {"https": {"enabled": True, "hosts": ["h"], "letsencrypt": {"contactEmail": "canary"}}}
    },
    "hub.pdb.enabled": {"hub": {"pdb": {"enabled": True}, "extraEnv": {"X": "canary"}}},
    "hub.db.type": {"hub": {"db": {"type": "sqlite-pvc", "pvc": {"annotations": {"x": "canary"}}}}},
    "hub.service": {"hub": {"serviceAccount": {"create": True, "annotations": {"x": "canary"}}}},
    "rbac.create": {"rbac": {"create": False}, "hub": {"annotations": {"x": "canary"}}},
    "scheduling.userScheduler.enabled": {
        "scheduling": {"userScheduler": {"enabled": True, "serviceAccount": {"annotations": {"x": "canary"}}}}
    },
    "scheduling.userPlaceholder.enabled": {
        "scheduling": {"userPlaceholder": {"enabled": True, "replicas": 2, "annotations": {"x": "canary"}}}
    },
    "scheduling.podPriority.enabled": {
        "scheduling": {"podPriority": {"enabled": True}}, "hub": {"annotations": {"x": "canary"}}
    },
    "prePuller.hook.enabled": {"prePuller": {"hook": {"enabled": False}, "annotations": {"x": "canary"}}},
    "prePuller.continuous.enabled": {"prePuller": {"continuous": {"enabled": True}, "annotations": {"x": "canary"}}},
    "singleuser.networkPolicy.enabled": {
        "singleuser": {"networkPolicy": {"enabled": True}, "extraEnv": {"X": "canary"}}
    },
    "fullnameOverride": {"fullnameOverride": "x", "hub": {"annotations": {"x": "canary"}}},
}  # fmt: skip


def names(recorder: Recorder) -> set[tuple[str, str]]:
    return {
        (each.inputs["kind"], each.inputs["metadata"]["name"])
        for each in recorder.registered.values()
        if "kind" in each.inputs and "metadata" in each.inputs
    }


@pytest.mark.parametrize("name", FLAGS)
def test_a_secret_flag_makes_and_unmakes_its_objects(name: str) -> None:
    """Given as secrets, settings that decide which objects exist make the same ones; what else is secret stays so."""
    secret = register(lambda: {"secret_values": FLAGS[name]})
    plain = register(lambda: {"values": FLAGS[name]})
    assert names(secret) == names(plain)
    assert objects(secret) == objects(plain)
    assert "canary" not in " ".join(plain_text(each.inputs) for each in secret.registered.values())


def test_a_checksum_of_somebodys_own_may_be_a_secret() -> None:
    """Checksums are shown, because they tell nothing; a secret text in such an annotation is not."""
    secret = {"hub": {"annotations": {"checksum/mine": "canary-4f2a9c"}}}
    recorder = register(lambda: {"secret_values": secret})
    assert "canary" not in " ".join(plain_text(each.inputs) for each in recorder.registered.values())
    assert chart_component.CHECKSUM_PREFIX == "checksum/"
