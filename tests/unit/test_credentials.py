"""Credentials of a kubeconfig: each way in which a program gives none has a sentence of its own, with a way out."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack.credentials import CredentialsError, expiry, log_in, program, refusal
from hubstack.credentials import login as logins
from hubstack.secret_forms import scrub

V1 = "client.authentication.k8s.io/v1"
GIVEN = {"apiVersion": V1, "kind": "ExecCredential", "status": {"token": "t0ken-of-a-program"}}


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test uses what a program gave in another."""
    monkeypatch.setattr(logins, "_known", {})


def kubeconfig(folder: Path, user: dict[str, Any], **cluster: Any) -> Path:
    """A kubeconfig with the one context ``prod`` of the user ``robot``."""
    file = folder / "kubeconfig"
    document = {
        "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "robot"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1", **cluster}}],
        "users": [{"name": "robot", "user": user}],
    }
    file.write_text(yaml.safe_dump(document))
    return file


def script(folder: Path, text: str, name: str = "plugin") -> dict[str, Any]:
    """A user whose program is a script beside the kubeconfig."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return {"exec": {"apiVersion": V1, "command": f"./{name}", "interactiveMode": "Never"}}


def printing(folder: Path, answer: Any) -> dict[str, Any]:
    """A user whose program prints an answer."""
    (folder / "answer").write_text(answer if isinstance(answer, str) else json.dumps(answer))
    return script(folder, f"cat {folder}/answer")


def why(folder: Path, user: dict[str, Any], seconds: float = 20.0) -> str:
    """What is said of a user without credentials, below the context and the user, which every sentence begins with."""
    with pytest.raises(CredentialsError) as raised:
        log_in(kubeconfig(folder, user), "prod", seconds)
    start = "context 'prod', user 'robot': "
    assert str(raised.value).startswith(start)
    return str(raised.value).removeprefix(start)


PROGRAM = "the program ./plugin, which the kubeconfig names for fetching credentials, "


def test_a_program_s_token_takes_its_place(tmp_path: Path) -> None:
    """The rest of the kubeconfig stays, and nothing of the credentials is shown by accident."""
    file = kubeconfig(tmp_path, printing(tmp_path, GIVEN))
    found = log_in(file, "prod")
    assert found is not None
    assert found.user == {"token": "t0ken-of-a-program"}
    assert found.document == {
        **yaml.safe_load(file.read_text()),
        "users": [{"name": "robot", "user": {"token": "t0ken-of-a-program"}}],
    }
    assert "t0ken" not in repr(found)


def test_what_a_program_is_told(tmp_path: Path) -> None:
    """Its arguments and variables, and the cluster where it wants to know it; no terminal and no input."""
    told = tmp_path / "told"
    user = script(
        tmp_path, f'printf "%s\\n" "$KUBERNETES_EXEC_INFO" "$*" "$REGION" "$(cat)" > {told}; cat {tmp_path}/a'
    )
    (tmp_path / "a").write_text(json.dumps(GIVEN))
    user["exec"] |= {"args": ["get token", "x"], "env": [{"name": "REGION", "value": "eu"}], "provideClusterInfo": True}
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}}
    log_in(kubeconfig(tmp_path, user, extensions=[extension], **{"tls-server-name": "n"}), "prod")
    info, *rest = told.read_text().splitlines()
    assert rest == ["get token x", "eu", ""]
    cluster = {"server": "https://127.0.0.1:1", "tls-server-name": "n", "config": {"audience": "a"}}
    assert json.loads(info) == {
        "apiVersion": V1,
        "kind": "ExecCredential",
        "spec": {"interactive": False, "cluster": cluster},
    }


def test_a_program_that_is_missing(tmp_path: Path) -> None:
    """On PATH or at its place; the kubeconfig's own hint is passed on, harmless."""
    entry = {"apiVersion": V1, "command": "no-such-aws", "installHint": "see \x1b[31mhttps://aws.example"}
    assert why(tmp_path, {"exec": entry}) == (
        "the program no-such-aws, which the kubeconfig names for fetching credentials, is not on PATH; install it "
        "(see \\x1b[31mhttps://aws.example), or name another kubeconfig"
    )
    entry = {"apiVersion": V1, "command": "/nowhere/aws"}
    assert "is not there; install it, or name another kubeconfig" in why(tmp_path, {"exec": entry})
    (tmp_path / "plain").write_text("text")
    entry = {"apiVersion": V1, "command": "./plain"}
    assert "cannot be run: Permission denied; mend it or the kubeconfig" in why(tmp_path, {"exec": entry})


def test_a_program_that_fails(tmp_path: Path) -> None:
    """With its exit code or signal and its own last words, without what looks like a secret or is one of its own."""
    user = script(
        tmp_path, 'echo "greeting" >&2; echo "Error: session of $WHO ended $PASSWORD, token: abc123def" >&2; exit 3'
    )
    user["exec"]["env"] = [{"name": "WHO", "value": "robot"}, {"name": "PASSWORD", "value": "sesame-open"}]
    assert why(tmp_path, user) == (
        f"{PROGRAM}ended with exit code 3: greeting; Error: session of robot ended [secret], token: [secret]; log in "
        "again, or run it by hand to see what it lacks"
    )
    assert f"{PROGRAM}was ended by SIGTERM, and said nothing; " in why(tmp_path, script(tmp_path, "kill $$"))


def test_a_program_that_hangs(tmp_path: Path) -> None:
    """It is stopped at the limit with all that it has started, and what it has said until then is passed on."""
    mark = f"61{int(time.time()) % 100000}"
    started = time.monotonic()
    user = script(tmp_path, f"echo 'open https://login.example to log in' >&2; sleep {mark}; echo '{{}}'")
    assert why(tmp_path, user, 3) == (
        f"{PROGRAM}gave none within 3 s and was stopped: open https://login.example to log in; it may wait for "
        "somebody to log in, or for the network: run it by hand"
    )
    assert time.monotonic() - started < 20
    assert subprocess.run(["pgrep", "-f", f"sleep {mark}"], capture_output=True).stdout == b""


def test_a_program_that_leaves_something_in_the_background(tmp_path: Path) -> None:
    """Its answer is enough, although what it left holds its output open."""
    (tmp_path / "answer").write_text(json.dumps(GIVEN))
    user = script(tmp_path, f"sleep 60 & cat {tmp_path}/answer")
    started = time.monotonic()
    found = log_in(kubeconfig(tmp_path, user), "prod", 50)
    assert found is not None
    assert time.monotonic() - started < 30


def test_a_program_that_prints_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stopped long before it fills the memory."""
    monkeypatch.setattr(program, "MOST_BYTES", 100_000)
    assert f"{PROGRAM}prints without end, and was stopped" in why(tmp_path, script(tmp_path, "yes"))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("Welcome! s3cret-greeting", "printed no ExecCredential in JSON"),
        ("", "printed no ExecCredential in JSON"),
        ("[1]", "printed no ExecCredential in JSON"),
        ({**GIVEN, "kind": "Secret"}, "printed no ExecCredential in JSON"),
        ({**GIVEN, "apiVersion": "client.authentication.k8s.io/v1beta1"}, "answers in version client.auth"),
        ({**GIVEN, "status": None}, "gave neither a token nor a certificate"),
        ({**GIVEN, "status": {"token": ""}}, "gave neither a token nor a certificate"),
        ({**GIVEN, "status": {"clientCertificateData": "s3cret"}}, "gave only half of certificate and key"),
        ({**GIVEN, "status": {"token": "s3cret\nX-Other: 1"}}, "gave a token with characters that no token has"),
        (
            {**GIVEN, "status": {"token": "s3cret", "expirationTimestamp": "soon"}},
            "gave an expirationTimestamp that is no time",
        ),
    ],
)
def test_an_answer_that_is_none(answer: Any, said: str, tmp_path: Path) -> None:
    """Nothing of it is quoted: it may be half of a credential."""
    message = why(tmp_path, printing(tmp_path, answer))
    assert message.startswith(PROGRAM + said)
    assert "s3cret" not in message


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ({"exec": {"apiVersion": V1}}, "its exec entry names no command"),
        ({"exec": {"apiVersion": "client.authentication.k8s.io/v1alpha1", "command": "x"}}, "speaks version"),
        ({"exec": {"apiVersion": V1, "command": "x", "interactiveMode": "Always"}}, "wants a terminal"),
        ({"auth-provider": {"name": "gcp"}}, "no auth-provider gcp any more; install gke-gcloud-auth-plugin"),
        ({"auth-provider": {"name": "azure"}}, "no auth-provider azure any more; install kubelogin"),
        ({"auth-provider": {"name": "openstack"}}, "no auth-provider openstack any more; write the kubeconfig anew"),
        (
            {"tokenFile": "gone"},
            "the file of its token, gone, cannot be read: No such file or directory; get a new one",
        ),
        ({"client-certificate": "gone.crt"}, "the file of its client certificate, gone.crt, cannot be read"),
    ],
)
def test_entries_that_cannot_be_used(user: dict[str, Any], said: str, tmp_path: Path) -> None:
    """They are refused before anything is sent."""
    assert said in why(tmp_path, user)


def test_a_program_is_asked_again_only_when_needed(tmp_path: Path) -> None:
    """Its answer is used until shortly before its end, or until the cluster does not accept it."""

    def calls(ends: timedelta | None) -> int:
        count = tmp_path / "count"
        count.write_text("")
        status = {"token": "t0ken"}
        if ends is not None:
            status["expirationTimestamp"] = (datetime.now(UTC) + ends).isoformat()
        (tmp_path / "answer").write_text(json.dumps({**GIVEN, "status": status}))
        file = kubeconfig(tmp_path, script(tmp_path, f"echo . >> {count}; cat {tmp_path}/answer"))
        logins._known.clear()
        for _ in range(3):
            log_in(file, "prod")
        return len(count.read_text().split())

    assert [calls(None), calls(timedelta(hours=1)), calls(timedelta(seconds=30)), calls(-timedelta(hours=1))] == [
        1,
        1,
        3,
        3,
    ]
    refusal(tmp_path / "kubeconfig", "prod", 401, "Unauthorized")
    assert logins._known == {}


def web_token(ends: datetime) -> str:
    """A token that says when it ends."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=")
        for each in ({}, {"exp": ends.timestamp()})
    ]
    return ".".join([*parts, "c2ln"])


def test_why_a_server_does_not_accept_credentials(tmp_path: Path) -> None:
    """The end of a token, of a program's answer, of a certificate: what can be seen of it without the server."""
    past = datetime(2020, 5, 17, 8, 30, tzinfo=UTC)
    told = {**GIVEN, "status": {"token": "t0ken", "expirationTimestamp": past.isoformat()}}
    for user, ended in (
        ({"token": web_token(past)}, "the token ended on 2020-05-17 at 08:30 UTC"),
        (printing(tmp_path, told), "what its program gave ended on 2020-05-17 at 08:30 UTC"),
        ({"username": "a", "password": "b"}, "no API server since Kubernetes 1.19 accepts a name and a password"),
        ({"token": web_token(datetime.now(UTC) + timedelta(days=1))}, "it says: Unauthorized"),
    ):
        assert str(refusal(kubeconfig(tmp_path, user), "prod", 401, "Unauthorized")) == (
            f"context 'prod': the API server does not accept the credentials (HTTP 401): {ended}; log in again, or "
            "have new ones made"
        )


def test_a_missing_permission_is_no_missing_credential(tmp_path: Path) -> None:
    """Whoever is known and may not do something has credentials; nobody in particular has none."""
    file = kubeconfig(tmp_path, {})
    assert refusal(file, "prod", 403, 'User "robot" cannot get path "/api"') is None
    assert "takes us for system:anonymous" in str(
        refusal(file, "prod", 403, 'forbidden: User "system:anonymous" cannot get path "/api"')
    )


@pytest.mark.parametrize(
    "token", ["", "a.b", "a.b.c", "....", f"{'x' * 9}.eyJleHAiOiJzb29uIn0.y", "a.eyJleHAiOjFlOTk5fQ.b"]
)
def test_a_token_that_says_no_end(token: str) -> None:
    """It is taken as it is."""
    assert expiry._end_of_token(token) is None


def test_secrets_are_taken_out_of_a_complaint() -> None:
    """Web tokens and the values of options, beside what other logs have."""
    text = "refresh --client-secret hunter22 failed for eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl, --token=abc"
    assert scrub(text) == "refresh --client-secret [secret] failed for [secret], --token=[secret]"


def test_python_is_not_needed_for_a_program(tmp_path: Path) -> None:
    """A command that is looked up on PATH is found as by other clients."""
    entry = {"apiVersion": V1, "command": Path(sys.executable).name, "args": ["-c", f"print({json.dumps(GIVEN)!r})"]}
    found = log_in(kubeconfig(tmp_path, {"exec": entry}), "prod")
    assert found is not None
    assert found.user == {"token": "t0ken-of-a-program"}
