"""The one client of the cluster: every request has a time limit, and whoever only looks changes nothing."""

from __future__ import annotations

import socket
import time
import types
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import kubernetes
import pytest
import urllib3
import yaml

from hubstack import project
from hubstack.components import api_server
from hubstack.configuration import kubeconfig_path
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


def test_clients_are_made_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that ask for one context at once never meet inside of the package, whose temporary files are shared."""
    inside: list[int] = []
    most = 0

    def slow(*arguments: object, **options: object) -> object:
        nonlocal most
        inside.append(1)
        most = max(most, len(inside))
        time.sleep(0.02)
        inside.pop()
        return types.SimpleNamespace(
            rest_client=types.SimpleNamespace(request=print, pool_manager=types.SimpleNamespace(request=print))
        )

    monkeypatch.setattr(kubernetes.config, "new_client_from_config", slow)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: api_server.client("kubeconfig", "context"), range(8)))
    assert most == 1


def test_no_other_module_makes_a_client() -> None:
    """Credentials and time limits are decided in one place."""
    makers = {
        str(file.relative_to(project.CODE))
        for file in (project.CODE / "hubstack").rglob("*.py")
        if "new_client_from_config" in file.read_text(encoding="utf-8")
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
