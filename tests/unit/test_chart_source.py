"""Where a chart comes from: encrypted, by digest where one is given, and in a review from nobody that is not known."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack import chart_archive, project, settings
from hubstack.chart.errors import SettingsError
from hubstack.components.arguments import ChartSourceArgs, JupyterHubArgs
from hubstack.configuration import Configuration
from hubstack.errors import HubstackError
from hubstack.project import stacks
from hubstack.review import review
from tests.unit.review_repository import QUIET, Repository
from tests.unit.web_servers import HERE, THERE, Server, serve

PASSWORD = "hunter2-5f0c"
BAD = [
    ({"repository": "http://example.org/charts/"}, "is not encrypted"),
    ({"repository": f"https://me:{PASSWORD}@example.org/charts/"}, "a user name, a password"),
    ({"repository": f"https://{PASSWORD}@example.org/charts/"}, "a user name, a password"),
    ({"repository": f"oci://me:{PASSWORD}@example.org/charts"}, "a user name, a password"),
    ({"repository": f"http://me:{PASSWORD}@example.org/charts", "insecure": True}, "a user name, a password"),
    ({"repository": f"https://example.org/charts/?token={PASSWORD}"}, "a user name, a password"),
    ({"repository": "file:///etc"}, "must begin with https:// or oci://"),
    ({"repository": "--post-renderer=/bin/sh"}, "is no URL"),
    ({"repository": "example.org"}, "is no URL"),
    ({"repository": "https://example.org/a b"}, "is no URL"),
    ({"digest": "0" * 64}, "must be sha256:"),
    ({"digest": f"sha256:{'0' * 63}"}, "must be sha256:"),
    ({"digest": f"sha256:{'A' * 64}"}, "must be sha256:"),
]
GOOD = [
    {},
    {"repository": "https://example.org/charts"},
    {"repository": "oci://example.org/charts"},
    {"repository": "http://127.0.0.1:8000/", "insecure": True},
    {"digest": f"sha256:{'0' * 64}"},
    {"digest": f"sha256:{'0' * 64}", "repository": "oci://example.org/charts"},
    {"digest": f"sha256:{'0' * 64}", "path": "chart.tgz", "repository": "oci://example.org/charts"},
]


def parsed(chart: dict[str, Any]) -> settings.StackConfig:
    """A stack's configuration with these settings of the chart."""
    config = {"hubstack:kubeContext": "c", "hubstack:mode": "helm", "hubstack:chart": chart}
    return settings.parse(stacks.entries(Configuration(config)), set())


@pytest.mark.parametrize(("chart", "message"), BAD)
def test_what_is_refused(chart: dict[str, Any], message: str) -> None:
    """In a stack's file and in a program alike, and without the password."""
    with pytest.raises(SettingsError, match=message) as by_file:
        parsed(chart)
    with pytest.raises(SettingsError, match=message) as by_program:
        JupyterHubArgs(mode="helm", chart=ChartSourceArgs(**chart)).checked("hub")
    for error in (by_file, by_program):
        assert PASSWORD not in str(error.value)
        assert "chart." in str(error.value)


@pytest.mark.parametrize("chart", GOOD)
def test_what_is_allowed(chart: dict[str, Any]) -> None:
    """Encrypted repositories, and others where somebody has asked for one."""
    parsed(chart)
    JupyterHubArgs(mode="helm", chart=ChartSourceArgs(**chart)).checked("hub")


def chart_of(**files: str) -> bytes:
    """An archive of a chart."""
    written = io.BytesIO()
    given = {"Chart.yaml": "apiVersion: v2\nname: jupyterhub\nversion: 9.9.9\n", **files}
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        for name, text in given.items():
            member = tarfile.TarInfo(f"jupyterhub/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return written.getvalue()


ARCHIVE = chart_of()
DIGEST = f"sha256:{hashlib.sha256(ARCHIVE).hexdigest()}"


@contextmanager
def repository_of(files: dict[str, bytes], host: str = HERE) -> Iterator[Server]:
    """A server with files by path; of anything else it has nothing."""

    def behave(connection: Any, head: bytes) -> None:
        content = files.get(head.split()[1].decode())
        status = "404 Not Found" if content is None else "200 OK"
        content = content or b""
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)

    with serve(behave, host) as server:
        yield server


def index(*urls: str, version: str = "9.9.9") -> bytes:
    """An index with one chart."""
    return yaml.safe_dump({"entries": {"jupyterhub": [{"version": version, "urls": list(urls)}]}}).encode()


def located(folder: Path, **chart: Any) -> Path | None:
    """Where the program takes the chart from."""
    given = {"version": "9.9.9", "repository": "https://example.org", "path": None, "digest": None, **chart}
    return chart_archive.located("jupyterhub", folder=folder, **given)


def test_an_archive_is_fetched_once(tmp_path: Path) -> None:
    """Its path is the same on every machine, and git does not see it; what is there is compared again."""
    with repository_of({"/charts/index.yaml": index("jupyterhub.tgz"), "/charts/jupyterhub.tgz": ARCHIVE}) as server:
        chart = {"repository": f"{server.url}/charts/", "digest": DIGEST}
        first = located(tmp_path, **chart)
        assert first == Path(".hubstack", "charts", f"jupyterhub-9.9.9-{DIGEST[7:23]}.tgz")
        assert (tmp_path / first).read_bytes() == ARCHIVE
        assert (tmp_path / ".hubstack" / "charts" / ".gitignore").read_text() == "*\n"
        assert located(tmp_path, **chart) == first
        assert len(server.came) == 2
        (tmp_path / first).write_bytes(b"something else")
        assert located(tmp_path, **chart) == first
        assert (tmp_path / first).read_bytes() == ARCHIVE


def test_another_archive_is_not_used(tmp_path: Path) -> None:
    """Neither one that the repository has put in its place, nor one that lies here."""
    other = chart_of(**{"values.yaml": "evil: true"})
    with (
        repository_of({"/index.yaml": index("/x.tgz"), "/x.tgz": other}) as server,
        pytest.raises(HubstackError, match=r"chart\.digest says sha256:.*not used"),
    ):
        located(tmp_path, repository=server.url, digest=DIGEST)
    (tmp_path / "own.tgz").write_bytes(other)
    (tmp_path / "folder").mkdir()
    for path in ("own.tgz", "folder", "missing.tgz"):
        with pytest.raises(HubstackError, match=r"chart\.digest"):
            located(tmp_path, path=path, digest=DIGEST)
    (tmp_path / "own.tgz").write_bytes(ARCHIVE)
    assert located(tmp_path, path="own.tgz", digest=DIGEST) == Path("own.tgz")
    assert located(tmp_path, path="folder") == Path("folder")
    assert located(tmp_path) is None
    assert not (tmp_path / ".hubstack").exists()


TOKEN = "token-of-the-registry"


def http(status: str, body: bytes = b"", **headers: str) -> bytes:
    """An answer."""
    lines = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in headers.items())
    return f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


def test_a_registry(tmp_path: Path) -> None:
    """The archive is the file of its digest; the registry's token does not go to where it keeps files."""
    path = f"/v2/charts/jupyterhub/blobs/{DIGEST}"
    with repository_of({"/kept": ARCHIVE}, THERE) as storage:

        def behave(connection: Any, head: bytes) -> None:
            target, authorized = head.split()[1].decode(), TOKEN.encode() in head
            if target.startswith("/token"):
                assert target == "/token?service=r&scope=repository%3Acharts%2Fjupyterhub%3Apull"
                connection.sendall(http("200 OK", json.dumps({"token": TOKEN}).encode()))
            elif target == path and authorized:
                connection.sendall(http("307 Temporary Redirect", Location=f"{storage.url}/kept"))
            else:
                realm = f'Bearer realm="{server.url}/token",service="r",scope="repository:charts/jupyterhub:pull"'
                connection.sendall(http("401 Unauthorized", WWW_Authenticate=realm))

        with serve(behave) as server:
            chart = {"repository": f"oci://{HERE}:{server.port}/charts", "digest": DIGEST, "insecure": True}
            found = located(tmp_path, **chart)
            assert found
            assert (tmp_path / found).read_bytes() == ARCHIVE
            assert [TOKEN.encode() in head for head in storage.came] == [False]


@pytest.mark.parametrize(
    "answer",
    [
        http("401 Unauthorized"),
        http("401 Unauthorized", WWW_Authenticate="Basic realm=x"),
        http("403 Forbidden"),
        http("404 Not Found"),
        http("200 OK", b"another file"),
        http("307 Temporary Redirect", Location="file:///etc/passwd"),
    ],
)
def test_a_registry_that_does_not_give_it(answer: bytes, tmp_path: Path) -> None:
    """One error, and nothing is kept."""
    with serve(lambda connection, _: connection.sendall(answer)) as server, pytest.raises(HubstackError):
        located(tmp_path, repository=f"oci://{HERE}:{server.port}/charts", digest=DIGEST, insecure=True)
    assert list(tmp_path.iterdir()) == []


NO_INDEX = [
    b"",
    b"<html>",
    b"entries: 5",
    b"entries: {jupyterhub: 5}",
    b"entries: {jupyterhub: [1]}",
    b"entries: {jupyterhub: [{version: 9.9.9}]}",
    b"[" * 50_000,
    b"\xff\xfe\x00",
]


@pytest.mark.parametrize("content", NO_INDEX)
def test_an_index_that_is_none(content: bytes, tmp_path: Path) -> None:
    """One error, whatever the server calls its index."""
    with repository_of({"/index.yaml": content}) as server, pytest.raises(HubstackError, match="is no index"):
        located(tmp_path, repository=server.url, digest=DIGEST)


def test_a_chart_that_is_not_there(tmp_path: Path) -> None:
    """Its name and version are said."""
    with repository_of({"/index.yaml": index("x.tgz", version="1.0.0")}) as server:
        with pytest.raises(HubstackError, match=r"has no chart jupyterhub 9\.9\.9"):
            located(tmp_path, repository=server.url, digest=DIGEST)
        with pytest.raises(HubstackError, match="HTTP 404"):
            located(tmp_path, repository=f"{server.url}/elsewhere", digest=DIGEST)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository for stacks in mode helm; no machine's mirror has their chart."""
    made = Repository(tmp_path / "repository")
    made.root.mkdir()
    made.git("init", "--quiet", "--initial-branch=main")
    monkeypatch.setattr(project, "ROOT", made.root)
    return made


def reviewed(repository: Repository, *allowed: str) -> str:
    """What a review says."""
    report, redactor = review.review(repository.root, "HEAD", [], {}, QUIET, repositories=allowed)
    return review.written(report, redactor, "text")


@pytest.mark.parametrize("as_text", [False, True])
def test_a_review_asks_no_server_that_only_the_change_names(repository: Repository, as_text: bool) -> None:
    """Not in a stack that is new, nor in one that changes; the flag, or any stack of the base, allows it."""

    def stack(name: str, server: Server, **more: Any) -> None:
        chart: Any = {"version": "9.9.9", "repository": server.url, "insecure": True, "digest": DIGEST, **more}
        repository.stack(name, None, mode="helm", chart=json.dumps(chart) if as_text else chart)

    with repository_of({}) as known, repository_of({}, THERE) as strangers:
        stack("old", known)
        repository.commit()
        stack("old", strangers)
        stack("new", strangers)
        stack("third", strangers, digest=None)
        assert reviewed(repository).count(f"--allow-chart-repository {strangers.url}") >= 3
        assert strangers.came == []
        stack("old", known)
        stack("new", known)
        (repository.root / "Pulumi.third.yaml").unlink()
        known.came.clear()
        assert "--allow-chart-repository" not in reviewed(repository)
        assert known.came != []
        stack("new", strangers)
        assert "HTTP 404" in reviewed(repository, f"{strangers.url}/")
        assert strangers.came != []
