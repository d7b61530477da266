"""`hubstack manifests`: the native objects as YAML."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hubstack import manifests
from hubstack.chart import helm_yaml
from hubstack.chart.errors import SettingsError
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
    return [helm_yaml.load(part, "stream") for part in text.split("---\n") if part]


def identities(objects: list[dict]) -> set[tuple[str, str]]:
    """Kind and name of each object."""
    return {(manifest["kind"], manifest["metadata"]["name"]) for manifest in objects}


def run(*arguments: str) -> str:
    """Standard output of the command, which must succeed."""
    result = CliRunner().invoke(cli.app, ["manifests", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_default_objects() -> None:
    """Default values give exactly these objects, the namespaced ones in the namespace that was asked for."""
    objects = documents(run("--namespace", "lab"))
    assert identities(objects) == DEFAULT_OBJECTS
    namespaces = {each["metadata"].get("namespace") for each in objects if each["kind"] not in manifests.CLUSTER_WIDE}
    assert namespaces == {"lab"}
    assert not [each for each in objects if each["kind"] in manifests.CLUSTER_WIDE and "namespace" in each["metadata"]]


def test_two_runs_print_the_same() -> None:
    """A token that nobody gave is a text that says so, and the same in every run, so that GitOps tools see no
    change.
    """
    first = run()
    assert first == run()
    (secret,) = [each for each in documents(first) if each["kind"] == "Secret"]
    token = base64.b64decode(secret["data"]["hub.config.ConfigurableHTTPProxy.auth_token"]).decode()
    assert token == "PLACEHOLDER-no-token-given--set-proxy.secretToken-or-proxyAuth-in-the-file-of---tokens"


def test_given_tokens_are_used(tmp_path: Path) -> None:
    """Tokens of the file reach the hub's Secret, those of services included; the values' own still win."""
    tokens, values = tmp_path / "tokens.yaml", tmp_path / "values.yaml"
    tokens.write_text("proxyAuth: from-file\ncookieSecret: cookie\nservices: {a: service-a}\n")
    values.write_text("proxy: {secretToken: from-values}\nhub: {services: {a: {}, b: {apiToken: own}}}\n")
    objects = documents(run("--tokens", str(tokens), "--values", str(values)))
    (secret,) = [each for each in objects if each["kind"] == "Secret"]
    data = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    assert data["hub.config.ConfigurableHTTPProxy.auth_token"] == "from-values"
    assert data["hub.config.JupyterHub.cookie_secret"] == "cookie"
    assert (data["hub.services.a.apiToken"], data["hub.services.b.apiToken"]) == ("service-a", "own")


def test_wrong_tokens_are_refused_without_showing_them(tmp_path: Path) -> None:
    """Every problem of a token file is named at once, no token with it."""
    file = tmp_path / "tokens.yaml"
    file.write_text("proxyauth: sentinel-1\ncookieSecret: 12345\n")
    with pytest.raises(SettingsError) as error:
        manifests.read_tokens(file)
    assert [problem.path for problem in error.value.problems] == ["proxyauth", "cookieSecret"]
    assert "sentinel" not in str(error.value)
    assert "12345" not in str(error.value)


def test_a_file_per_object(tmp_path: Path) -> None:
    """With a folder, each object is a file of its own that reads back as the object."""
    run("--output", str(tmp_path / "out"))
    files = sorted((tmp_path / "out").iterdir())
    assert len(files) == len(DEFAULT_OBJECTS)
    assert identities([helm_yaml.load(file.read_text(), file.name) for file in files]) == DEFAULT_OBJECTS


def test_files_with_secrets_are_their_owners_alone(tmp_path: Path) -> None:
    """A new file that holds a Secret cannot be read by others, alone or in a stream."""
    objects = manifests.render_manifests([], "jhub", "jhub", "1.36.1")
    written = manifests.write_files(objects, tmp_path / "files")
    assert {path.name for path in written if not path.stat().st_mode & 0o077} == {"secret-hub.yaml"}
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.yaml").write_text("")
    ((stream,), _) = manifests.render_batch(tmp_path / "in", tmp_path / "out", "jhub", "jhub", "1.36.1")
    assert stream.stat().st_mode & 0o777 == 0o600


def test_a_batch_renders_each_file_and_goes_on_after_a_wrong_one(tmp_path: Path) -> None:
    """Each good file of a folder gives what it gives alone; a wrong one is reported and stops nobody."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.yaml").write_text("hub: {concurrentSpawnLimit: 1}\n")
    (folder / "b.yaml").write_text("hubb: {}\n")
    (folder / "c.yaml").write_text("cull: {enabled: false}\n")
    written, errors = manifests.render_batch(folder, tmp_path / "out", "jhub", "jhub", "1.36.1")
    assert [path.name for path in written] == ["a.yaml", "c.yaml"]
    assert [problem.path for error in errors for problem in error.problems] == ["hubb"]
    alone = manifests.to_stream(manifests.render_manifests([folder / "a.yaml"], "jhub", "jhub", "1.36.1"))
    assert written[0].read_text() == alone
