"""Secrets stay where they belong: not in state, journal, logs, previews, reviews, nor in a file of the repository."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.engine.conftest import Machine
from tests.engine.faults import leaks
from tests.engine.faults.harness import SENTINEL, FaultHarness
from tests.engine.faults.killing import Killer
from tests.engine.fleet_copy import FleetCopy

NAME = "guarded"
PLANTED = {
    "client secret": SENTINEL,
    "database password": "sentinel-database-77aa41",
    "TLS key": "sentinel-tls-51bc0d",
    "variable of the users": "sentinel-variable-c0ffee",
    "token of a service": "sentinel-service-0d15ea5e",
    "password of a registry": "sentinel-registry-5ca1ab1e",
}
VALUES: dict[str, Any] = {
    "hub": {
        "config": {
            "JupyterHub": {"authenticator_class": "github"},
            "GitHubOAuthenticator": {"client_id": "hub", "client_secret": PLANTED["client secret"]},
        },
        "db": {"type": "postgres", "url": f"postgresql://hub:{PLANTED['database password']}@db/hub"},
        "services": {"announce": {"apiToken": PLANTED["token of a service"]}},
    },
    "proxy": {
        "https": {
            "enabled": True,
            "type": "manual",
            "hosts": ["hub.example.org"],
            "manual": {"key": f"-----BEGIN KEY-----\n{PLANTED['TLS key']}\n-----END KEY-----\n", "cert": "CERT"},
        }
    },
    "singleuser": {"extraEnv": {"API_TOKEN": PLANTED["variable of the users"]}},
    "imagePullSecret": {
        "create": True,
        "registry": "registry.example.org",
        "username": "hub",
        "password": PLANTED["password of a registry"],
    },
}


@pytest.fixture
def own(machine: Machine, tmp_path: Any) -> FaultHarness:
    """A project folder for this test alone: a fleet has to know each stack of its folder."""
    return FaultHarness(FleetCopy.make(tmp_path / "project", tmp_path / "state"), machine, Killer(0))


def test_the_forms_are_found() -> None:
    """The search finds a secret in what it claims to look through."""
    around = [f"x{SENTINEL}y", f"xx{SENTINEL}", f"xxx{SENTINEL}yy"]
    for text in around:
        assert leaks.in_text(text, PLANTED) == ["client secret"]
        assert leaks.in_text(base64.b64encode(text.encode()), PLANTED) == ["client secret"]
        assert leaks.in_text(base64.urlsafe_b64encode(text.encode()), PLANTED) == ["client secret"]
    assert leaks.in_text(f"nothing but sentinel-9c, {SENTINEL[:-1]}", PLANTED) == []


@pytest.mark.parametrize("mode", ["native", "helm"])
def test_secrets_are_nowhere(own: FaultHarness, mode: str) -> None:
    """A release with a secret of each kind is adopted, deployed, changed, reviewed, rolled out and destroyed."""
    name = f"{NAME}-{mode}"
    own.install(name, VALUES)
    found = {f"token {key}": base64.b64decode(text).decode() for key, text in own.tokens(name).items()}
    secrets = {**PLANTED, **found}
    cluster = own.machine.cluster
    options = ["--context", cluster.context, "--kubeconfig", str(cluster.kubeconfig), "--namespace", name]
    said = [own.must("adopt", *options, "--release", name, "--stack", name, "--mode", mode)]
    own.copy.fleet({name: {"tier": "prod"}}, [{"name": "prod", "select": "tier=prod"}])
    own.copy.commit()
    said += [own.must(*command, "--stack", name) for command in (["preview"], ["up"], ["preview", "--json"])]
    said.append(own.refresh(name))
    said += [own.run("doctor", *form, "--stack", name)[1] for form in ([], ["--json"])]
    values = own.copy.root / "values" / f"{name}.yaml"
    values.write_text(values.read_text().replace("client_id: hub", "client_id: another"))
    own.copy.commit()
    for form in ("text", "markdown", "json", "html"):
        said.append(own.run("review", "--base", "HEAD~1", "--format", form)[1])
    said.append(own.run("review", "--base", "HEAD~1", "--engine")[1])
    said.append(own.run("rollout", "plan")[1])
    for command in (["up"], ["status"], ["history"], ["status", "--json"]):
        said.append(own.must("rollout", *command))
    said.append(own.must("destroy", "--stack", name, "--keep-data"))
    assert [leaks.in_text(text, secrets) for text in said] == [[]] * len(said)
    assert leaks.below(own.copy.state, secrets) == []
    assert leaks.below(own.copy.root, secrets) == []
