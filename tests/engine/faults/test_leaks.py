"""Secrets stay where they belong: not in state, journal, logs, previews, reviews, nor in a file of the repository."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest

from hubstack.chart.merge import merge_files
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
    "key of a cloud": "s3nt1n3l",
    "annotation": "sentinel-annotation-1cedcafe",
    "code": "sentinel-code-f01dab1e",
    "file": "sentinel-file 'q' \"u\"\n$(sentinel `of` a shell) <b>& é\n",
    "variable with lines": 'sentinel "first" line\n  sentinel: $second <i>line</i>\n\n',
    "key of an API token": "sentinel-keyed-ba5eba11",
}
"""A secret of each kind: short, long, and with lines and characters that encodings write in ways of their own."""
LINES = {
    f"line {at} of {name}": line.strip()
    for name, text in PLANTED.items()
    for at, line in enumerate(text.splitlines())
    if "\n" in text and line.strip()
}
VALUES: dict[str, Any] = {
    "hub": {
        "config": {
            "JupyterHub": {"authenticator_class": "github"},
            "GitHubOAuthenticator": {"client_id": "hub", "client_secret": PLANTED["client secret"]},
        },
        "extraEnv": {
            "AWS_SECRET_ACCESS_KEY": PLANTED["key of a cloud"],
            "NOTE_SECRET": PLANTED["variable with lines"],
            "OTHER_TOKEN": {"valueFrom": {"secretKeyRef": {"name": "other", "key": "token", "optional": True}}},
        },
        "extraConfig": {"a": f"c.GenericOAuthenticator.client_secret = {PLANTED['code']!r}\n"},
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

"""What a release of the stand-in chart may have."""
MORE: dict[str, Any] = {
    "hub": {
        "annotations": {"session-token": PLANTED["annotation"]},
        "extraFiles": {"f": {"mountPath": "/f", "stringData": PLANTED["file"]}},
    }
}
"""What only mode native makes something of here."""


@pytest.fixture
def own(machine: Machine, tmp_path: Path) -> FaultHarness:
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


def looked_at(own: FaultHarness, name: str) -> list[str]:
    """What every command says that looks at a stack, after a change of its settings that the last commit has."""
    said = [own.must("preview", *form, "--stack", name) for form in ([], ["--json"])]
    said.append(own.refresh(name))
    said += [own.run("doctor", *form, "--stack", name)[1] for form in ([], ["--json"])]
    for form in ("text", "markdown", "json", "html"):
        said.append(own.run("review", "--base", "HEAD~1", "--format", form)[1])
    said.append(own.run("review", "--base", "HEAD~1", "--engine")[1])
    said += [own.run("rollout", "plan", *form)[1] for form in ([], ["--json"])]
    return said


def changed(own: FaultHarness, name: str) -> None:
    """Commit a harmless change of a stack's values."""
    values = own.copy.root / "values" / f"{name}.yaml"
    values.write_text(values.read_text().replace("client_id: hub", "client_id: another"))
    own.copy.commit()


ROLLOUT = (["up"], ["status"], ["history"], ["status", "--json"])


@pytest.mark.parametrize("mode", ["native", "helm"])
def test_secrets_are_nowhere(own: FaultHarness, mode: str) -> None:
    """A release with a secret of each kind is adopted, deployed, changed, reviewed, rolled out and destroyed."""
    name = f"{NAME}-{mode}"
    own.install(name, VALUES)
    secrets = {**PLANTED, **LINES, **tokens(own, name)}
    cluster = own.machine.cluster
    options = ["--context", cluster.context, "--kubeconfig", str(cluster.kubeconfig), "--namespace", name]
    said = [own.must("adopt", *options, "--release", name, "--stack", name, "--mode", mode)]
    own.copy.fleet({name: {"tier": "prod"}}, [{"name": "prod", "select": "tier=prod"}])
    own.copy.commit()
    said.append(own.must("up", "--stack", name))
    changed(own, name)
    said += looked_at(own, name)
    said += [own.must("rollout", *command) for command in ROLLOUT]
    said.append(own.must("destroy", "--stack", name, "--keep-data"))
    assert [leaks.in_text(text, secrets) for text in said] == [[]] * len(said)
    assert leaks.below(own.copy.state, secrets) == []
    assert leaks.below(own.copy.root, secrets) == []
    assert leaks.open_files(own.copy.state) == []


@pytest.mark.long
@pytest.mark.parametrize("mode", ["native", "helm"])
def test_plain_settings_are_nowhere_else(own: FaultHarness, mode: str, tmp_path: Path) -> None:
    """Secrets in plain text in a values file are there, in what renders them for others, and nowhere else."""
    name = f"plain-{mode}"
    (own.copy.root / "values").mkdir()
    own.copy.values(f"values/{name}.yaml", **merge_files((VALUES, KEYED)))
    cluster = own.machine.cluster
    declared = {"hub": {"extraEnv": {"UNSUSPICIOUS": DECLARED}}}
    own.copy.stack(name, cluster.context, cluster.kubeconfig, [f"values/{name}.yaml"], mode=mode, secretValues=declared)
    own.copy.fleet({name: {"tier": "prod"}}, [{"name": "prod", "select": "tier=prod"}])
    own.copy.commit()
    said = [own.must("preview", "--stack", name), own.must("up", "--stack", name)]
    secrets = {**PLANTED, **LINES, "declared": DECLARED, **tokens(own, name)}
    if mode == "native":
        said += recovered(own, name)
    changed(own, name)
    said += looked_at(own, name)
    said += [own.must("rollout", *command) for command in ROLLOUT]
    said.append(own.run("parity", "--values", str(own.copy.root / "values" / f"{name}.yaml"))[1])
    if mode == "native":
        said.append(switched(own, name))
    said.append(own.must("destroy", "--stack", name, "--keep-data"))
    assert [leaks.in_text(text, secrets) for text in said] == [[]] * len(said)
    found = leaks.below(own.copy.state, secrets, but=("source",))
    # The engine notes the settings of a stack's file as they stand there.
    assert {each.rpartition(": ")[2] for each in found} == {"declared"}
    noted = re.compile(r"(backend/\.pulumi/history|stacks)/.*|rollouts/.*/logs/.*\.events\.json: .*")
    assert [each for each in found if not noted.fullmatch(each)] == []
    written = {found.partition(":")[0] for found in leaks.below(own.copy.root, secrets)}
    assert written == {f"values/{name}.yaml", f"Pulumi.{name}.yaml"}
    assert leaks.open_files(own.copy.state) == []


def recovered(own: FaultHarness, name: str) -> list[str]:
    """Lose the state, go on with the hub, and say what the commands said."""
    for state in own.copy.checkpoint(name).parent.glob(f"{name}.json*"):
        state.unlink()
    said = [own.run("up", "--stack", name)[1], own.must("recover", "--stack", name), own.must("up", "--stack", name)]
    own.copy.commit()
    return said


def switched(own: FaultHarness, name: str) -> str:
    """Switch from mode native to mode helm."""
    file = own.copy.root / f"Pulumi.{name}.yaml"
    file.write_text(file.read_text().replace("hubstack:mode: native", "hubstack:mode: helm"))
    return own.must("up", "--stack", name)


def test_manifests_have_secrets_where_the_chart_has_them(own: FaultHarness, tmp_path: Path) -> None:
    """Rendered for others, secrets are in files that nobody else may read, and in what a pod is given in the open."""
    own.copy.values("values.yaml", **merge_files((VALUES, MORE)))
    own.must("manifests", "--values", "values.yaml", "--placeholder-tokens", "--output", str(tmp_path / "out"))
    found = {each.partition(":")[0] for each in leaks.below(tmp_path / "out", {**PLANTED, **LINES})}
    names = {"secret-hub.yaml", "secret-image-pull-secret.yaml", "secret-proxy-public-manual-tls.yaml"}
    assert found == {*names, "deployment-hub.yaml"}
    assert {(tmp_path / "out" / name).stat().st_mode & 0o777 for name in names} == {0o600}


def tokens(own: FaultHarness, name: str) -> dict[str, str]:
    """The tokens of a hub."""
    return {f"token {key}": base64.b64decode(text).decode() for key, text in own.tokens(name).items()}


DECLARED = "sentinel-declared-0ddba11"
KEYED = {"hub": {"config": {"JupyterHub": {"api_tokens": {PLANTED["key of an API token"]: "somebody"}}}}}
