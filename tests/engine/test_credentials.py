"""Credentials and time against a real API server: nobody is taken for somebody, and nobody is waited for for ever."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from hubstack import deadline
from hubstack.credentials import CredentialsError
from hubstack.credentials import login as logins
from hubstack.doctor import run
from hubstack.doctor.reader import connect
from hubstack.engine import watch
from hubstack.engine.stack import OperationError
from hubstack.errors import HubstackError
from hubstack.migration import access
from hubstack.project.stacks import Stack
from tests.engine.conftest import Machine
from tests.engine.fleet_copy import FleetCopy

V1 = "client.authentication.k8s.io/v1"


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test uses what a program gave in another."""
    monkeypatch.setattr(logins, "_known", {})


def kubeconfig(machine: Machine, folder: Path, user: dict[str, Any]) -> Path:
    """The cluster's own kubeconfig with another user in it."""
    document = yaml.safe_load(machine.cluster.kubeconfig.read_text())
    document["users"][0]["user"] = user
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(document))
    return file


def program(folder: Path, text: str) -> dict[str, Any]:
    """A user whose credentials come from a script."""
    file = folder / f"plugin-{len(list(folder.iterdir()))}"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return {"exec": {"apiVersion": V1, "command": str(file), "interactiveMode": "Never"}}


def administrator(machine: Machine) -> dict[str, Any]:
    """The cluster's administrator."""
    found: dict[str, Any] = yaml.safe_load(machine.cluster.kubeconfig.read_text())["users"][0]["user"]
    return found


def giving(machine: Machine, folder: Path, before: str = "", **status: Any) -> dict[str, Any]:
    """A user whose script gives the administrator's certificate, after having done something else."""
    user = administrator(machine)
    pair = {"clientCertificateData": "client-certificate-data", "clientKeyData": "client-key-data"}
    given = {key: base64.b64decode(user[name]).decode() for key, name in pair.items()}
    credential = {"apiVersion": V1, "kind": "ExecCredential", "status": {**given, **status}}
    (folder / "credential").write_text(json.dumps(credential))
    return program(folder, f"{before}\ncat {folder}/credential")


def stack_of(machine: Machine, name: str, file: Path, **config: Any) -> Stack:
    """A stack of its own on the cluster, by another kubeconfig."""
    base = machine.stack()
    own = {"hubstack:namespace": name, "hubstack:kubeconfig": str(file), **config}
    merged = {**base.config, **own}
    return Stack(name=name, base="dev", config=merged, document={**base.document, "config": merged})


def web_token(ends: datetime) -> str:
    """A token that nobody has signed, which says when it ends."""
    parts = [{"alg": "none"}, {"exp": int(ends.timestamp()), "sub": "robot"}]
    return ".".join(
        [*(base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in parts), "eA"]
    )


def old_certificate(machine: Machine) -> dict[str, Any]:
    """The administrator's name in a certificate of the cluster's own authority that has ended."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    (folder,) = machine.state.glob("cluster/sim/pki-*")
    authority = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    signer = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    names = [(x509.NameOID.COMMON_NAME, "admin"), (x509.NameOID.ORGANIZATION_NAME, "system:masters")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(*each) for each in names]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2020, 2, 1, tzinfo=UTC))
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pair = {"client-certificate-data": certificate.public_bytes(pem), "client-key-data": private}
    return {name: base64.b64encode(content).decode() for name, content in pair.items()}


def users(machine: Machine, folder: Path) -> dict[str, tuple[dict[str, Any], str]]:
    """Each way to have no credentials, and what is said of it."""
    past = datetime(2020, 5, 17, 8, 30, tzinfo=UTC)
    ended = json.dumps({"apiVersion": V1, "kind": "ExecCredential", "status": {"token": web_token(past)}})
    (folder / "ended").write_text(ended)
    no_longer = "the API server does not accept the credentials (HTTP 401): "
    return {
        "missing": (
            {"exec": {"apiVersion": V1, "command": "no-such-program"}},
            "no-such-program, which the kubeconfig ",
        ),
        "failing": (
            program(folder, "echo 'session of robot ended' >&2; exit 1"),
            "exit code 1: session of robot ended; ",
        ),
        "garbage": (program(folder, "echo Welcome"), "printed no ExecCredential in JSON"),
        "hanging": (program(folder, "sleep 600"), "gave none within 2 s and was stopped"),
        "provider": ({"auth-provider": {"name": "gcp"}}, "install gke-gcloud-auth-plugin"),
        "ended token": ({"token": web_token(past)}, no_longer + "the token ended on 2020-05-17 at 08:30 UTC"),
        "ended token of a program": (
            program(folder, f"cat {folder}/ended"),
            no_longer + "the token ended on 2020-05-17",
        ),
        "unknown token": ({"token": "nobody-s"}, no_longer + "it says: Unauthorized; log in again"),
        "ended certificate": (old_certificate(machine), no_longer + "the client certificate ended on 2020-02-01"),
        "nobody": ({}, "the API server takes us for system:anonymous"),
    }


WAYS = (
    "missing", "failing", "garbage", "hanging", "provider", "ended token", "ended token of a program", "unknown token",
    "ended certificate", "nobody",
)  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_without_credentials_nobody_is_asked_as_anybody(
    machine: Machine, tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The doctor has an error of its own for it, which is none of the cluster's; an update ends with the same words
    before the engine is started.
    """
    monkeypatch.setattr(logins, "SECONDS", 2.0)
    monkeypatch.setattr("hubstack.doctor.run.connect", lambda file, context: connect(file, context, 2.0))
    user, said = users(machine, tmp_path)[way]
    stack = stack_of(machine, "jhub-nobody", kubeconfig(machine, tmp_path, user))
    report = run.examine(stack, run.Programs(None), ("cluster", "credentials", "permissions", "homes"))
    assert report.outcomes == {"cluster": "ok", "credentials": "error", "permissions": "skipped", "homes": "skipped"}
    (finding,) = report.findings
    assert said in finding.what
    assert report.exit_code == 3
    with pytest.raises(CredentialsError) as raised:
        access.require_login(stack)
    assert said in str(raised.value)


def test_whoever_may_not_do_something_is_known(machine: Machine, tmp_path: Path) -> None:
    """A missing permission (403) is none of missing credentials (401)."""
    client = machine.cluster.client()
    client.request("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "poor"}})
    granted = client.request("POST", "/api/v1/namespaces/default/serviceaccounts/poor/token", {"spec": {}})
    user = {"token": granted["status"]["token"]}
    stack = stack_of(machine, "jhub-poor", kubeconfig(machine, tmp_path, user))
    access.require_login(stack)
    report = run.examine(stack, run.Programs(None), ("credentials", "permissions"))
    assert report.outcomes == {"credentials": "ok", "permissions": "error"}
    with pytest.raises(HubstackError, match=r'User "system:serviceaccount:default:poor" cannot get .* \(HTTP 403\)'):
        access.read(access.of(stack), access.Target("v1", "Secret", "default", "x"))


def waiting(machine: Machine, name: str, user: dict[str, Any], folder: Path) -> Stack:
    """A new stack in a namespace where no pod is let in, so that the engine waits for its Deployments."""
    client = machine.cluster.client()
    client.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    client.request("POST", f"/api/v1/namespaces/{name}/resourcequotas", quota)
    own = {"hubstack:createNamespace": False, "hubstack:checkAdmission": False, "hubstack:protectData": False}
    return stack_of(machine, name, kubeconfig(machine, folder, user), **own)


def test_an_engine_that_waits_is_stopped_at_the_limit(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said what is waited for; the engine writes its state, and the next update goes on."""
    monkeypatch.setattr(watch, "REMIND_SECONDS", 3.0)
    stack = waiting(machine, "jhub-late", administrator(machine), tmp_path)
    updater, notices = machine.updater(stack), []
    updater.tell = notices.append
    with deadline.limited(30), pytest.raises(OperationError) as raised:
        updater.up()
    assert raised.value.out_of_time
    assert "the engine was stopped while it was at this: " in str(raised.value)
    assert any(each.kind == "waiting" and each.text.startswith("after ") for each in notices)
    machine.cluster.client().request("DELETE", "/api/v1/namespaces/jhub-late/resourcequotas/none")
    assert machine.updater(stack).up().outputs["mode"] == "native"
    doctor = run.examine(stack, run.programs(stack, Console(quiet=True)), ("pulumi", "lock"))
    assert doctor.outcomes == {"pulumi": "ok", "lock": "ok"}
    machine.updater(stack).destroy()


@pytest.mark.long
def test_a_provider_that_waits_for_credentials_is_stopped_at_the_limit(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program answers us and hangs when the provider asks; the stack can be deployed afterwards."""
    monkeypatch.setattr(watch, "PATIENCE", (5.0, 5.0))
    calls, ends = tmp_path / "calls", (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    wait = f"echo x >> {calls}; [ $(wc -l < {calls}) -gt 2 ] && [ ! -e {tmp_path}/mended ] && sleep 600"
    user = giving(machine, tmp_path, wait, expirationTimestamp=ends)
    stack = stack_of(machine, "jhub-hangs", kubeconfig(machine, tmp_path, user))
    with deadline.limited(25), pytest.raises(OperationError) as raised:
        machine.updater(stack).up()
    assert raised.value.out_of_time
    assert len(calls.read_text().split()) > 2, "the provider has asked the program, too"
    (tmp_path / "mended").touch()
    assert machine.updater(stack).up().outputs["mode"] == "native"
    machine.updater(stack).destroy()


def test_a_rollout_goes_on_without_the_hub_that_it_may_not_touch(machine: Machine, tmp_path: Path) -> None:
    """A stack without credentials is no failure and no success: the others are deployed, and the end is incomplete."""
    copy = FleetCopy.make(tmp_path / "project", tmp_path / "state")
    (tmp_path / "a").mkdir()
    failing = kubeconfig(machine, tmp_path / "a", program(tmp_path / "a", "echo 'token=s3cr3t expired' >&2; exit 1"))
    copy.stack("jhub-known", machine.cluster.context, machine.cluster.kubeconfig)
    copy.stack("jhub-unknown", machine.cluster.context, failing)
    names = {"jhub-known": {}, "jhub-unknown": {}}
    copy.fleet(names, [{"name": "all", "select": "stack in (jhub-known, jhub-unknown)"}])
    copy.commit()
    code, output = copy.run("up")
    assert code == 4, output
    assert copy.states() == {"jhub-known": "succeeded", "jhub-unknown": "no-credentials"}
    assert "ended with exit code 1: token=[secret] expired; log in again" in output
    assert "s3cr3t" not in output
