"""The one client of the cluster: every request has a time limit, and whoever only looks changes nothing."""

from __future__ import annotations

import base64
import contextlib
import socket
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import kubernetes
import pytest
import urllib3
import yaml

from hubstack import project
from hubstack.cluster import pki
from hubstack.components import api_server
from hubstack.configuration import kubeconfig_path
from hubstack.credentials import CredentialsError
from tests import small_api_server
from tests.unit.web_servers import THERE, drips, ok, redirects, serve


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Path]:
    """A kubeconfig that leads to a server which accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = f"http://127.0.0.1:{listening.getsockname()[1]}"
        document = {
            "clusters": [{"name": "silent", "cluster": {"server": server}}],
            "users": [{"name": "silent", "user": {}}],
            "contexts": [{"name": "silent", "context": {"cluster": "silent", "user": "silent"}}],
        }
        file = tmp_path / "kubeconfig"
        file.write_text(yaml.safe_dump(document))
        yield file


def test_a_server_that_never_answers_is_not_waited_for(silent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever way the client is used, and whether or not the caller names a limit."""
    import kubernetes

    monkeypatch.setattr(api_server, "ANSWER_SECONDS", 0.05)
    client = api_server.client(str(silent), "silent", changes_nothing=True)
    with pytest.raises(urllib3.exceptions.HTTPError):
        kubernetes.client.CoreV1Api(client).list_node()
    with pytest.raises(urllib3.exceptions.HTTPError):
        api_server.get(client, "/version")
    with pytest.raises(urllib3.exceptions.HTTPError):
        api_server.request(client, "GET", "/version", seconds=0.05)


def test_an_answer_is_given_whatever_its_status(tmp_path: Path) -> None:
    """An object as it is, and the server's own words where there is none."""
    with small_api_server.serve({"/api/v1/nodes/one": {"kind": "Node"}}, tmp_path) as kubeconfig:
        client = api_server.client(str(kubeconfig), small_api_server.CONTEXT)
        found = api_server.request(client, "GET", "/api/v1/nodes/one", query={"pretty": "false"})
        missing = api_server.request(client, "GET", "/api/v1/nodes/two")
    assert (found.status, found.document()) == (200, {"kind": "Node"})
    assert (missing.status, missing.document()["reason"]) == (404, "NotFound")


@contextlib.contextmanager
def wants_a_certificate(folder: Path) -> Iterator[Path]:
    """A kubeconfig, with everything inside, of a server that answers nobody without a certificate of its authority."""
    keys = folder / "keys"
    pki.ensure_pki(keys)
    with small_api_server.serve({"/version": {"gitVersion": "v1"}}, folder, keys) as kubeconfig:
        yield kubeconfig


def test_a_key_inside_a_kubeconfig_is_left_in_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not while the client is used either: a process that is killed removes nothing."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with wants_a_certificate(tmp_path) as kubeconfig:
        client = api_server.client(str(kubeconfig), pki.CONTEXT)
        assert list(temporary.rglob("*")) == []
        assert api_server.get(client, "/version") == (200, b'{"gitVersion": "v1"}')
        assert list(temporary.rglob("*")) == []


def test_threads_with_the_same_key_do_not_disturb_each_other(tmp_path: Path) -> None:
    """The package remembers the files of a key; here each client has its own, or one would find another's gone."""
    with wants_a_certificate(tmp_path) as kubeconfig, ThreadPoolExecutor(8) as pool:
        clients = list(pool.map(lambda _: api_server.client(str(kubeconfig), pki.CONTEXT), range(40)))
        assert [api_server.get(each, "/version")[0] for each in clients] == [200] * 40


def test_a_server_of_another_authority_is_not_believed(tmp_path: Path) -> None:
    """Its certificate is checked against the kubeconfig's authority, unless that says not to."""
    pki.ensure_pki(tmp_path / "others")
    with wants_a_certificate(tmp_path) as kubeconfig:
        document = yaml.safe_load(kubeconfig.read_text())
        [cluster] = document["clusters"]
        others = (tmp_path / "others" / "ca.crt").read_bytes()
        cluster["cluster"]["certificate-authority-data"] = base64.b64encode(others).decode()
        kubeconfig.write_text(yaml.safe_dump(document))
        with pytest.raises(urllib3.exceptions.HTTPError, match="certificate verify failed"):
            api_server.get(api_server.client(str(kubeconfig), pki.CONTEXT, changes_nothing=True), "/version")
        del cluster["cluster"]["certificate-authority-data"]
        cluster["cluster"]["insecure-skip-tls-verify"] = True
        kubeconfig.write_text(yaml.safe_dump(document))
        assert api_server.get(api_server.client(str(kubeconfig), pki.CONTEXT), "/version")[0] == 200


def test_a_key_that_is_none_is_named_without_its_text(tmp_path: Path) -> None:
    """As an error of the credentials, which whoever asks for a client expects."""
    with wants_a_certificate(tmp_path) as kubeconfig:
        document = yaml.safe_load(kubeconfig.read_text())
        document["users"][0]["user"]["client-key-data"] = base64.b64encode(b"canary").decode()
        kubeconfig.write_text(yaml.safe_dump(document))
        with pytest.raises(CredentialsError, match="the key of context 'hubstack-sim'") as raised:
            api_server.client(str(kubeconfig), pki.CONTEXT)
    assert "canary" not in str(raised.value)


def test_no_other_module_makes_a_client() -> None:
    """Credentials and time limits are decided in one place."""
    makers = {
        str(file.relative_to(project.CODE))
        for file in (project.CODE / "hubstack").rglob("*.py")
        if "load_kube_config(" in file.read_text(encoding="utf-8")
    }
    assert makers == {"hubstack/components/api_server.py"}


def test_where_the_kubeconfig_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative one lies in the project, wherever the command is run; without a setting it is the usual one."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    assert kubeconfig_path("kube/config", tmp_path) == tmp_path / "kube" / "config"
    assert kubeconfig_path("~/own", tmp_path) == tmp_path / "home" / "own"
    assert kubeconfig_path(None, tmp_path) == tmp_path / "home" / ".kube" / "config"
    monkeypatch.setenv("KUBECONFIG", "/etc/kubeconfig")
    assert kubeconfig_path(None, tmp_path) == Path("/etc/kubeconfig")


CANARY = "sentinel-bearer-71d2"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_package_follows_no_redirect(status: int, tmp_path: Path) -> None:
    """Neither a question nor a change, which would take its body along, reaches a server beside the kubeconfig's."""
    with serve(ok("{}"), THERE) as other, serve(redirects(f"{other.url}/api", status)) as first:
        document = {
            "clusters": [{"name": "c", "cluster": {"server": first.url}}],
            "users": [{"name": "u", "user": {"token": CANARY}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        }
        file = tmp_path / "kubeconfig"
        file.write_text(yaml.safe_dump(document))
        client = api_server.client(str(file), "c", changes_nothing=True)
        for ask in (
            lambda: api_server.get(client, "/version"),
            lambda: api_server.request(client, "PATCH", "/api/v1/x", body={"data": CANARY}),
            lambda: kubernetes.client.CoreV1Api(client).list_node(),
            lambda: kubernetes.client.CoreV1Api(client).create_namespace({"metadata": {"name": "x"}}),
        ):
            with pytest.raises((urllib3.exceptions.HTTPError, kubernetes.client.ApiException)):
                ask()
        assert other.came == []
        assert CANARY.encode() in first.came[0]


@pytest.mark.parametrize("before", ["", "HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"])
def test_a_byte_now_and_then_is_no_answer(before: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is for the whole answer, whichever way the client is used."""
    monkeypatch.setattr(api_server, "CONNECT_SECONDS", 0.1)
    monkeypatch.setattr(api_server, "ANSWER_SECONDS", 0.2)
    with serve(drips(before)) as server:
        document = {
            "clusters": [{"name": "c", "cluster": {"server": server.url}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        }
        file = tmp_path / "kubeconfig"
        file.write_text(yaml.safe_dump(document))
        client = api_server.client(str(file), "c", changes_nothing=True)
        began = time.monotonic()
        for ask in (
            lambda: api_server.get(client, "/version"),
            lambda: api_server.request(client, "GET", "/version", seconds=0.2),
            lambda: kubernetes.client.CoreV1Api(client).list_node(),
        ):
            with pytest.raises(urllib3.exceptions.HTTPError):
                ask()
        assert time.monotonic() - began < 20
