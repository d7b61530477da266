"""No review shows a secret: sentinels in each place that one can be, on both sides, in every format and encoding."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import yaml
from typer.testing import CliRunner

from hubstack import project, secret_settings
from hubstack.commands import main as cli
from hubstack.errors import HubstackError
from hubstack.review import review
from hubstack.review.rendering import Rendered
from hubstack.review.secrets import Redactor
from tests.unit.review_repository import QUIET, Repository

PLACES = (
    "client", "cookie", "database", "password", "env", "listed", "named", "query", "file", "service", "pull", "tls",
    "crypt", "dummy", "code", "assigned", "environment", "header", "secret", "plain", "keyed",
)  # fmt: skip


def sentinel(place: str, side: str) -> str:
    """A secret that looks different in each encoding, and different on each side."""
    return f'{side}+sentinel_{place}/9c"7b&e'


def places(side: str) -> dict[str, Any]:
    """Values with a secret in each place that one can be, in plain text as people leave them."""
    secret = {place: sentinel(place, side) for place in PLACES}
    quoted = {place: quote(value, safe="") for place, value in secret.items()}
    code = (
        f"c.GenericOAuthenticator.extra = {{'api_token': {secret['code']!r}}}\n"
        f"CLIENT_SECRET = {secret['assigned']!r}\n"
        f"import os\nos.environ['OTHER_PASSWORD'] = {secret['environment']!r}\n"
    )
    return {
        "hub": {
            "config": {
                "GitHubOAuthenticator": {"client_secret": secret["client"], "client_id": "public-id"},
                "DummyAuthenticator": {"password": secret["dummy"]},
                "JupyterHub": {"api_tokens": {secret["keyed"]: "somebody"}},
                "CryptKeeper": {"keys": [secret["crypt"]]},
            },
            "db": {"type": "postgres", "url": f"postgresql://hub:{quoted['database']}@db/hub"},
            "extraEnv": {
                "API_TOKEN": secret["env"],
                "B": {"name": "DB_PASSWORD", "value": secret["named"]},
                "CALLBACK": f"https://example.org/?a=b&access_token={quoted['query']}",
                "SMTP": f"Authorization: Bearer {quoted['header']}",
            },
            "services": {"monitor": {"apiToken": secret["service"]}},
            "extraConfig": {"a": code},
        },
        "singleuser": {
            "extraEnv": {"AWS_SECRET_ACCESS_KEY": {"value": secret["listed"]}, "GIT_PASSWORD": secret["password"]},
            "extraFiles": {"key": {"mountPath": "/etc/key", "stringData": f"key: {secret['file']}\n"}},
        },
        "imagePullSecret": {"create": True, "registry": "r", "username": "public-user", "password": secret["pull"]},
        "proxy": {"https": {"enabled": True, "type": "manual", "manual": {"key": secret["tls"], "cert": "CERT"}}},
    }


def forms(secret: str) -> Iterator[str]:
    """The encodings of a secret, made here in another way than by the scrubber."""
    yield secret
    yield from (quote(secret, safe=""), quote_plus(secret), quote(secret, safe="").lower(), html.escape(secret))
    yield from (json.dumps(secret)[1:-1], json.dumps(json.dumps(secret))[3:-3])
    for shift in range(3):
        yield base64.b64encode((" " * shift + secret).encode()).decode()[4:-4]


def found(text: str) -> list[str]:
    """Places whose secret of either side is in a text, in whatever form."""
    return [
        f"{side} {place}"
        for place in PLACES
        for side in ("old", "new")
        if any(form in text for form in forms(sentinel(place, side)))
    ]


def write(repository: Repository, side: str, name: str = "a", **config: Any) -> None:
    """One side's stack, with secrets in each place."""
    declared = {"hub": {"cookieSecret": sentinel("cookie", side), "labels": {"x": sentinel("secret", side)}}}
    inline = {"hub": {"annotations": {"session-token": sentinel("plain", side)}}}
    repository.stack(name, places(side), secretValues=declared, values=inline, **config)


@pytest.mark.parametrize("form", review.FORMATS)
@pytest.mark.parametrize("mode", ["changed", "new", "removed", "other-namespace"])
def test_no_secret_is_shown(repository: Repository, form: str, mode: str) -> None:
    """Not one of the sentinels, of neither side and in no encoding, is in what is written; what is public is."""
    if mode == "new":
        repository.stack("b", {})
    else:
        write(repository, "old")
    repository.commit()
    if mode == "removed":
        (repository.root / "Pulumi.a.yaml").unlink()
    else:
        write(repository, "new", **({"namespace": "elsewhere"} if mode == "other-namespace" else {}))
    report, text = repository.review(form=form)
    assert [stack.errors for stack in report.changed] == [()]
    assert found(text) == []
    if mode == "changed":
        assert "client_secret" in text, "the setting is named"
        assert "CLIENT_SECRET" in text, "code stays readable around the secret"


def test_a_changed_secret_is_a_pair_of_digests(repository: Repository) -> None:
    """A secret that changes shows that it does, with neither value nor length; an equal one is not mentioned."""
    write(repository, "old")
    repository.commit()
    values = places("old")
    values["hub"]["config"]["GitHubOAuthenticator"]["client_secret"] = "a much longer secret than it was"
    (repository.root / "a.yaml").write_text(yaml.safe_dump(values))
    _, text = repository.review()
    lines = [line.strip() for line in text.splitlines() if "client_secret" in line]
    row, *diff = lines
    assert re.fullmatch(r"\| `[\w.]+` \| \(secret \w{4}\) \| \(secret \w{4}\) \| a\.yaml \|", row)
    assert [line[0] for line in diff] == ["-", "+"]
    assert {len(line) for line in diff} == {len(diff[0])}
    assert all("(secret " in line for line in diff)


BROKEN = [
    ("hub:\n  config:\n    X: {client_secret: 'SECRET'}\n  db: {type: SECRET}\n", "does not fit"),
    ("hub:\n  cookieSecret: SECRET\n  db: {password: SECRET, typ: [SECRET]}\n", "unknown key"),
    ("hub:\n  password: SECRET\n   x: SECRET\n", "does not parse"),
    ("imagePullSecret: {password: 'SECRET', create: 'SECRET'}\n", "wrong type"),
]


@pytest.mark.parametrize(("content", "what"), BROKEN)
@pytest.mark.parametrize("side", ["base", "head"])
def test_messages_of_broken_stacks_quote_no_secret(repository: Repository, content: str, what: str, side: str) -> None:
    """The message about settings that cannot be used has none of the secrets beside or in them."""
    del what
    broken = content.replace("SECRET", sentinel("plain", "old").replace('"', ""))
    repository.stack("a", {})
    if side == "base":
        (repository.root / "a.yaml").write_text(broken)
    repository.commit()
    repository.stack("a", {})
    if side == "head":
        (repository.root / "a.yaml").write_text(broken)
    report, text = repository.review()
    assert report.exit_code == 1
    assert f"{side}: " in text
    assert "sentinel" not in text


ENCRYPTED = [
    {"proxy": {"secretToken": None}},
    {"hub": {"cookieSecret": None}},
    {"hub": {"db": {"type": "postgres", "url": None, "password": None}}},
    {"hub": {"config": {"CryptKeeper": {"keys": [None]}}}},
    {"hub": {"services": {"monitor": {"apiToken": None}}}},
    {"imagePullSecret": {"create": True, "registry": "r", "username": "u", "password": None}},
    {"proxy": {"https": {"enabled": True, "type": "manual", "manual": {"key": None, "cert": None}}}},
    {"singleuser": {"extraEnv": {"X": None}}},
]


@pytest.mark.parametrize("tree", ENCRYPTED)
def test_encrypted_leaves_are_compared_as_they_stand(repository: Repository, tree: dict[str, Any]) -> None:
    """Without a passphrase, every secret setting renders; another ciphertext is a change, the same one is none."""

    def sealed(text: str) -> Any:
        return json.loads(json.dumps(tree).replace("null", json.dumps({"secure": text})))

    repository.stack("a", {}, secretValues=sealed("v1:aaaa:one"))
    repository.commit()
    report, _ = repository.review()
    assert report.exit_code == 0
    repository.stack("a", {}, secretValues=sealed("v1:bbbb:two"))
    report, text = repository.review()
    assert [stack.errors for stack in report.stacks] == [()]
    assert report.changed
    assert "v1:" not in text


def test_secrets_that_are_encrypted_as_a_whole(repository: Repository) -> None:
    """Where not even the names of secret settings can be read, the review says that they change and no more."""
    repository.stack("a", {}, secretValues={"secure": "v1:aaaa:one"})
    repository.commit()
    assert repository.review()[0].exit_code == 0
    repository.stack("a", {}, secretValues={"secure": "v1:bbbb:two"})
    report, text = repository.review()
    assert report.exit_code == 2
    assert "sealed-secrets" in text
    assert "v1:" not in text


@pytest.mark.parametrize("form", review.FORMATS)
def test_it_fails_closed(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, form: str
) -> None:
    """With a scrubber that scrubs nothing, the command ends with exit code 1 and has written nothing anywhere."""
    repository.stack("a", {})
    repository.commit()
    write(repository, "new")
    monkeypatch.setattr(Redactor, "text", lambda self, text: text)
    monkeypatch.setattr(project, "ROOT", repository.root)
    output: Path = tmp_path_factory.mktemp("out") / "comment.md"
    for options in ([], ["--output", str(output)]):
        done = CliRunner().invoke(cli.app, ["review", "--base", "HEAD", "--format", form, *options])
        assert isinstance(done.exception, HubstackError)
        assert "nothing is" in str(done.exception)
        assert found(str(done.exception)) == []
        assert done.stdout == ""
    assert not output.exists()


def test_common_words_as_passwords_do_not_stop_a_review(repository: Repository) -> None:
    """Somebody's password is the very mark of a secret, or shorter than can be searched for: the review is written."""
    repository.stack("a", {"hub": {"config": {"DummyAuthenticator": {"password": "secret"}}}})
    repository.commit()
    repository.stack("a", {"hub": {"config": {"DummyAuthenticator": {"password": "abc"}}}})
    _, text = repository.review()
    assert [line.split(":")[1][:9] for line in text.splitlines() if " password:" in line and line[0] in "+-"] == [
        " (secret ",
        " (secret ",
    ]


PATHS = {
    "hub.config.GitHubOAuthenticator.client_secret": True,
    "hub.config.GenericOAuthenticator.token_url": False,
    "hub.config.JupyterHub.oauth_token_expires_in": False,
    "hub.db.password": True,
    "hub.existingSecret": False,
    "hub.extraVolumes.0.secret.secretName": False,
    "hub.extraEnv.X.valueFrom.secretKeyRef.key": False,
    "hub.extraEnv.API_KEY.value": True,
    "hub.services.x.apiToken": True,
    "imagePullSecret.username": False,
    "imagePullSecret.password": True,
    "proxy.https.manual.key": True,
    "proxy.secretSync.image.name": False,
    "singleuser.extraFiles.a.stringData": True,
    "singleuser.extraFiles.a.mountPath": False,
    "singleuser.image.pullSecrets.0": False,
}


def test_what_is_secret_by_nature() -> None:
    """Names and places that are secret, and those that only sound so."""
    assert {path: secret_settings.is_secret(path) for path in PATHS} == PATHS


def test_parts_of_texts() -> None:
    """Secrets in code and URLs are found; what merely mentions one is not."""
    text = """
c.X.client_secret = "aaaa1"
c.X.token_url = "https://example.org/token"
password: str = 'bbbb2'
requests.get(url, headers={"X-Api-Key": "cccc3"})
os.environ.setdefault("MY_TOKEN", "dddd4")
token = get_token()
db = "mysql+pymysql://u:eeee%2B5@host/db"
# basic authentication, token expires
key = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
"""
    assert set(secret_settings.parts(text)) == {
        "aaaa1",
        "bbbb2",
        "cccc3",
        "dddd4",
        "eeee%2B5",
        "eeee+5",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    }


def test_digests_tell_equal_from_different_and_no_more() -> None:
    """One key gives one digest for a value; another key another; none is kept."""
    one, two = (Redactor([Rendered("a")], key) for key in (b"1" * 32, b"2" * 32))
    assert one.digest("x") == one.digest("x") != one.digest("y")
    assert one.digest("x") != two.digest("x")
    assert len(one.digest("x" * 1000)) == 4
    assert QUIET.quiet
