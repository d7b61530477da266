"""`hubstack manifests`: the native objects as YAML."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hubstack import manifests, token_file
from hubstack.chart import helm_yaml
from hubstack.commands import main as cli

DEFAULT_OBJECTS = {
    ("ClusterRole", "jhub-user-scheduler"),
    ("ClusterRoleBinding", "jhub-user-scheduler"),
    ("ConfigMap", "hub"),
    ("ConfigMap", "user-scheduler"),
    ("DaemonSet", "continuous-image-puller"),
    ("DaemonSet", "hook-image-puller"),
    ("Deployment", "hub"),
    ("Deployment", "proxy"),
    ("Deployment", "user-scheduler"),
    ("NetworkPolicy", "hub"),
    ("NetworkPolicy", "proxy"),
    ("NetworkPolicy", "singleuser"),
    ("PersistentVolumeClaim", "hub-db-dir"),
    ("PodDisruptionBudget", "user-placeholder"),
    ("PodDisruptionBudget", "user-scheduler"),
    ("Role", "hub"),
    ("RoleBinding", "hub"),
    ("Secret", "hub"),
    ("Service", "hub"),
    ("Service", "proxy-api"),
    ("Service", "proxy-public"),
    ("ServiceAccount", "continuous-image-puller"),
    ("ServiceAccount", "hook-image-puller"),
    ("ServiceAccount", "hub"),
    ("ServiceAccount", "user-scheduler"),
    ("StatefulSet", "user-placeholder"),
}


def documents(text: str) -> list[dict]:
    """The objects in a YAML stream."""
    parts = [part for part in text.split("---\n") if part and not part.startswith("# PLACEHOLDER")]
    return [helm_yaml.load(part, "stream") for part in parts]


def identities(objects: list[dict]) -> set[tuple[str, str]]:
    """Kind and name of each object."""
    return {(manifest["kind"], manifest["metadata"]["name"]) for manifest in objects}


def run(*arguments: str) -> str:
    """Standard output of the command, which must succeed; with placeholders where no tokens are given."""
    tokens = [] if "--tokens" in arguments else ["--placeholder-tokens"]
    result = CliRunner().invoke(cli.app, ["manifests", *arguments, *tokens], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_default_objects() -> None:
    """Default values give exactly these objects, the namespaced ones in the namespace that was asked for."""
    objects = documents(run("--namespace", "lab"))
    assert identities(objects) == DEFAULT_OBJECTS
    namespaces = {each["metadata"].get("namespace") for each in objects if each["kind"] not in manifests.CLUSTER_WIDE}
    assert namespaces == {"lab"}
    assert not [each for each in objects if each["kind"] in manifests.CLUSTER_WIDE and "namespace" in each["metadata"]]


def tokens_of(objects: list[dict]) -> dict[str, str]:
    """What the hub's Secret says of tokens."""
    (secret,) = [each for each in objects if each["kind"] == "Secret" and each["metadata"]["name"] == "hub"]
    data = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    return {key: text for key, text in data.items() if key.startswith(("hub.config", "hub.services"))}


def test_without_tokens_nothing_is_rendered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Objects with tokens that everybody knows would be deployed: one error names each that is missing, and both ways
    out; a folder is not begun. Values that set all of them need nothing more."""
    values = tmp_path / "values.yaml"
    values.write_text(
        "proxy: {secretToken: "
        + "a" * 64
        + "}\nhub: {services: {bot: {admin: true}, b: {apiToken: own-token-of-b-1}}}\n"
    )
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as ended:
        main("manifests", "--values", str(values), "--output", str(out))
    error = capsys.readouterr().err
    assert ended.value.code == 1
    assert error == (
        f"error: {values}: no token for cookieSecret (hub.cookieSecret), cryptKeys (hub.config.CryptKeeper.keys), "
        "services.bot (hub.services.bot.apiToken). Whoever knows them administers the hub, so there are no defaults. "
        "Make them once with `hubstack tokens new --output tokens.yaml` and the same --values, and give --tokens "
        "tokens.yaml; or give --placeholder-tokens for objects that are only looked at.\n"
    )
    assert not out.exists()
    keys = "config: {CryptKeeper: {keys: [" + "c" * 64 + "]}}"
    values.write_text("proxy: {secretToken: " + "a" * 64 + "}\nhub: {cookieSecret: " + "b" * 64 + ", " + keys + "}\n")
    assert manifests.render_manifests([values], "jhub", "jhub", "1.36.1")


def main(*arguments: str) -> None:
    """The command as a person runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["hubstack", *arguments])
        patch.setenv("NO_COLOR", "1")
        cli.main()


def test_placeholders_cannot_be_overlooked_and_are_the_same_in_every_run(tmp_path: Path) -> None:
    """A comment above the objects and above the Secret's file, a warning, and a text that says what is missing."""
    result = CliRunner().invoke(cli.app, ["manifests", "--placeholder-tokens"], catch_exceptions=False)
    assert result.stdout == run()
    assert result.stdout.startswith("# PLACEHOLDER TOKENS: do not deploy this.")
    assert "warning: placeholders, which no hub accepts, stand for proxyAuth, cookieSecret, cryptKeys" in result.stderr
    assert tokens_of(documents(result.stdout)) == {
        f"hub.config.{name}": f"PLACEHOLDER: no token. Set {setting}, or {key} in the file of --tokens"
        for name, setting, key in (
            ("ConfigurableHTTPProxy.auth_token", "proxy.secretToken", "proxyAuth"),
            ("JupyterHub.cookie_secret", "hub.cookieSecret", "cookieSecret"),
            ("CryptKeeper.keys", "hub.config.CryptKeeper.keys", "cryptKeys"),
        )
    }
    run("--output", str(tmp_path / "out"))
    marked = {file.name for file in (tmp_path / "out").iterdir() if file.read_text().startswith("# PLACEHOLDER")}
    assert marked == {"secret-hub.yaml"}


def test_given_tokens_are_used(tmp_path: Path) -> None:
    """Tokens of the file reach the hub's Secret, those of services included; the values' own still win; no warning."""
    tokens, values = tmp_path / "tokens.yaml", tmp_path / "values.yaml"
    given = {key: letter * 64 for key, letter in (("proxyAuth", "1"), ("cookieSecret", "2"), ("cryptKeys", "3"))}
    tokens.write_text(helm_yaml.dump({**given, "services": {"a": "token-of-service-a"}}))
    tokens.chmod(0o600)
    values.write_text(
        "proxy: {secretToken: from-the-values-file}\nhub: {services: {a: {}, b: {apiToken: own-token-of-b-1}}}\n"
    )
    result = CliRunner().invoke(cli.app, ["manifests", "--tokens", str(tokens), "--values", str(values)])
    assert (result.exit_code, result.stderr) == (0, "")
    assert tokens_of(documents(result.stdout)) == {
        "hub.config.ConfigurableHTTPProxy.auth_token": "from-the-values-file",
        "hub.config.JupyterHub.cookie_secret": "2" * 64,
        "hub.config.CryptKeeper.keys": "3" * 64,
        "hub.services.a.apiToken": "token-of-service-a",
        "hub.services.b.apiToken": "own-token-of-b-1",
    }


def test_tokens_may_come_from_standard_input() -> None:
    """What a program that decrypts a file prints goes in without being written anywhere."""
    arguments = ["manifests", "--tokens", "-"]
    result = CliRunner().invoke(cli.app, arguments, input=token_file.new({}), catch_exceptions=False)
    assert (result.exit_code, result.stderr) == (0, "")
    result = CliRunner().invoke(cli.app, arguments, input="proxyAuth: 5")
    assert str(result.exception) == "standard input: proxyAuth: must be text; quote it"


def test_files_with_secrets_are_private(tmp_path: Path) -> None:
    """The file of a Secret is readable by its owner only; so is a stream that has one."""
    run("--output", str(tmp_path / "out"))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.yaml").write_text("{}\n")
    run("--batch", str(tmp_path / "in"), "--output", str(tmp_path / "streams"))
    private = {file.name for file in (tmp_path / "out").iterdir() if not file.stat().st_mode & 0o077}
    assert private == {"secret-hub.yaml"}
    assert (tmp_path / "streams" / "a.yaml").stat().st_mode & 0o077 == 0


def test_a_file_per_object(tmp_path: Path) -> None:
    """With a folder, each object is a file of its own that reads back as the object."""
    run("--output", str(tmp_path / "out"))
    files = sorted((tmp_path / "out").iterdir())
    assert len(files) == len(DEFAULT_OBJECTS)
    assert identities([helm_yaml.load(file.read_text(), file.name) for file in files]) == DEFAULT_OBJECTS


def test_a_batch_renders_each_file_and_goes_on_after_a_wrong_one(tmp_path: Path) -> None:
    """Each good file of a folder gives what it gives alone, with the tokens of the file of its name; one that is wrong,
    or that has no tokens, is reported and stops nobody."""
    folder, tokens = tmp_path / "in", tmp_path / "tokens"
    folder.mkdir()
    tokens.mkdir()
    (folder / "a.yaml").write_text("hub: {concurrentSpawnLimit: 1}\n")
    (folder / "b.yaml").write_text("hubb: {}\n")
    (folder / "c.yaml").write_text("cull: {enabled: false}\n")
    (folder / "d.yaml").write_text("cull: {enabled: false}\n")
    for name in ("a.yaml", "c.yaml"):
        token_file.write(tokens / name, token_file.new({}))
    written, errors = manifests.render_batch(folder, tmp_path / "out", "jhub", "jhub", "1.36.1", tokens)
    assert [path.name for path in written] == ["a.yaml", "c.yaml"]
    wrong, without = (error.problems[0] for error in errors)
    assert wrong.path == "hubb"
    assert without.source == str(folder / "d.yaml")
    assert without.message.startswith("no token for proxyAuth")
    given = token_file.read(tokens / "a.yaml")
    alone = manifests.to_stream(manifests.render_manifests([folder / "a.yaml"], "jhub", "jhub", "1.36.1", given))
    assert written[0].read_text() == alone
    assert not alone.startswith("#")
