"""Downloads of the toolchain, from a server on this machine."""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from hubstack import toolchain
from hubstack.toolchain import download
from hubstack.toolchain.catalog import Catalog, Platform, Release
from hubstack.toolchain.hosts import Hosts
from hubstack.toolchain.report import Interrupted, Report
from tests.unit.web_servers import THERE, drips, ok, redirects, serve

LINUX = Platform("linux", "amd64")
PROGRAM = os.urandom(1_500_000)


@dataclass
class Server:
    """Files by path, and how to behave badly."""

    files: dict[str, bytes] = field(default_factory=dict)
    url: str = ""
    ranges: bool = True
    cut_after: int | None = None
    """Bytes after which the next big answers break off; for `cuts` answers."""
    cuts: int = 0
    broken: int = 0
    """So many answers are a 503."""
    etag: str = '"one"'
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Path and Range of each."""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers["Range"] or ""
            state.requests.append((self.path, wanted))
            if state.broken:
                state.broken -= 1
                self.send_error(503)
                return
            if self.path not in state.files:
                self.send_error(404)
                return
            content, start = state.files[self.path], 0
            if wanted and state.ranges and self.headers["If-Range"] == state.etag:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                if start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            else:
                self.send_response(200)
            body = content[start:]
            self.send_header("ETag", state.etag)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if state.cut_after is not None and state.cuts and len(body) > state.cut_after:
                state.cuts -= 1
                body = body[: state.cut_after]
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no mirror, nothing on PATH, and no waiting between attempts."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HUBSTACK_MIRROR", str(tmp_path / "no-mirror"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr("hubstack.toolchain.report.Report.sleep", lambda self, seconds: self._stop.wait(0.01))
    return tmp_path / "cache" / "hubstack" / "tools"


def catalog(base: str, /, *names: str, machine: Platform = LINUX, **changes: object) -> Catalog:
    """A release for each name; publisher's file and checksum lie below `base`."""
    releases = {}
    for name in names or ("tool",):
        fields: dict = {
            "version": "1.2.3",
            "programs": (name,),
            "fits": "exact",
            "mirror": f"{name}-v{{version}}",
            "url": f"{base}/v{{version}}/{{os}}/{{arch}}/{name}",
            "checksums": f"{base}/v{{version}}/{{os}}/{{arch}}/{name}.sha256",
            "version_command": ("--version",),
        }
        releases[name] = Release(name, **{**fields, **changes})
    return Catalog(releases, machine)


def publish(server: Server, *names: str, content: bytes = PROGRAM) -> None:
    for name in names or ("tool",):
        path = f"/v1.2.3/linux/amd64/{name}"
        server.files[path] = content
        server.files[f"{path}.sha256"] = hashlib.sha256(content).hexdigest().encode()


def ranges(server: Server) -> list[str]:
    return [wanted for path, wanted in server.requests if not path.endswith(".sha256")]


def left_over(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file() and not path.name.endswith(".lock")]


def test_a_program_is_downloaded_checked_and_executable(server: Server, cache: Path) -> None:
    """What the publisher states is what lies in the cache, and nothing else does."""
    publish(server)
    path = toolchain.ensure(["tool"], catalog=catalog(server.url))["tool"]
    assert path == cache / "tool-v1.2.3-linux-amd64" / "tool"
    assert path.read_bytes() == PROGRAM
    assert os.access(path, os.X_OK)
    assert left_over(cache) == [path]


def test_what_is_cached_is_not_asked_for_again(server: Server) -> None:
    """The second call sends no request."""
    publish(server)
    toolchain.ensure(["tool"], catalog=catalog(server.url))
    count = len(server.requests)
    toolchain.ensure(["tool"], catalog=catalog(server.url))
    assert len(server.requests) == count


def test_a_wrong_checksum_is_refused_and_nothing_is_left(server: Server, cache: Path) -> None:
    """Nobody can use a file that is not the publisher's, and the next try starts from nothing."""
    publish(server)
    server.files["/v1.2.3/linux/amd64/tool"] = b"#!/bin/sh\nevil\n"
    with pytest.raises(toolchain.ToolchainError, match="SHA-256 of what came is") as error:
        toolchain.ensure(["tool"], catalog=catalog(server.url))
    assert f"{server.url}/v1.2.3/linux/amd64/tool" in str(error.value)
    assert left_over(cache) == []


def test_a_replaced_release_is_refused(server: Server, cache: Path) -> None:
    """Whoever replaces the file can replace the list beside it as well; the pinned digest decides, alone."""
    publish(server, content=b"#!/bin/sh\nevil\n")
    good = hashlib.sha256(PROGRAM).hexdigest()
    pinned = catalog(server.url, sha256={"linux-amd64": good})
    with pytest.raises(toolchain.ToolchainError) as error:
        toolchain.ensure(["tool"], catalog=pinned)
    evil = hashlib.sha256(b"#!/bin/sh\nevil\n").hexdigest()
    assert f"the SHA-256 of what came is {evil}, toolchain.yaml says {good}; not used" in str(error.value)
    assert left_over(cache) == []
    publish(server)
    del server.files["/v1.2.3/linux/amd64/tool.sha256"]  # and is not asked for
    assert toolchain.ensure(["tool"], catalog=pinned)["tool"].read_bytes() == PROGRAM


def test_without_a_pinned_digest_for_the_platform_the_list_decides(server: Server) -> None:
    """A digest of another platform says nothing about this one."""
    publish(server)
    elsewhere = catalog(server.url, sha256={"linux-arm64": "0" * 64})
    assert toolchain.ensure(["tool"], catalog=elsewhere)["tool"].read_bytes() == PROGRAM


def test_a_cut_connection_is_resumed_at_once(server: Server) -> None:
    """A break costs only the rest of the file."""
    publish(server)
    server.cut_after, server.cuts = 700_000, 1
    path = toolchain.ensure(["tool"], catalog=catalog(server.url))["tool"]
    assert path.read_bytes() == PROGRAM
    assert ranges(server) == ["", "bytes=700000-"]


def test_the_next_run_continues_where_this_one_gave_up(server: Server, cache: Path) -> None:
    """What came before the last break is kept for the next run."""
    publish(server)
    server.cut_after, server.cuts = 300_000, 3
    with pytest.raises(toolchain.ToolchainError, match="breaks off, after 900000 bytes of 1500000"):
        toolchain.ensure(["tool"], catalog=catalog(server.url))
    assert [path.name for path in left_over(cache)] == ["tool.partial", "tool.partial.version"]
    server.requests.clear()
    path = toolchain.ensure(["tool"], catalog=catalog(server.url))["tool"]
    assert ranges(server) == ["bytes=900000-"]
    assert left_over(cache) == [path]


def test_a_server_without_ranges_sends_it_all_again(server: Server) -> None:
    """An answer with the whole file is never appended to a part."""
    publish(server)
    server.ranges, server.cut_after, server.cuts = False, 700_000, 1
    path = toolchain.ensure(["tool"], catalog=catalog(server.url))["tool"]
    assert path.read_bytes() == PROGRAM


def test_a_part_of_another_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    """A part that a server takes for its own, but that does not fit, costs one more download, not an error."""
    publish(server)
    target = tmp_path / "tool"
    (tmp_path / "tool.partial").write_bytes(b"something else")
    (tmp_path / "tool.partial.version").write_text(server.etag)
    task = Report(None).begin("", "")
    download.download(f"{server.url}/v1.2.3/linux/amd64/tool", target, hashlib.sha256(PROGRAM).hexdigest(), task)
    assert target.read_bytes() == PROGRAM
    assert ranges(server) == ["bytes=14-", ""]


def test_a_complete_part_is_not_a_dead_end(server: Server, tmp_path: Path) -> None:
    """If a run was killed between the last byte and the check, the server refuses the range; still it works."""
    publish(server)
    target = tmp_path / "tool"
    (tmp_path / "tool.partial").write_bytes(PROGRAM)
    (tmp_path / "tool.partial.version").write_text(server.etag)
    task = Report(None).begin("", "")
    download.download(f"{server.url}/v1.2.3/linux/amd64/tool", target, hashlib.sha256(PROGRAM).hexdigest(), task)
    assert target.read_bytes() == PROGRAM


def test_a_server_in_trouble_is_asked_again(server: Server) -> None:
    """An answer 503 is tried again, a 404 is not."""
    publish(server)
    server.broken = 2
    toolchain.ensure(["tool"], catalog=catalog(server.url))
    server.requests.clear()
    with pytest.raises(toolchain.ToolchainError, match="the server answers 404"):
        toolchain.ensure(["other"], catalog=catalog(server.url, "other"))
    assert len(server.requests) == 1


def test_two_at_once_download_once(server: Server) -> None:
    """Whoever comes second waits and takes what the first one got."""
    publish(server)
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(toolchain.ensure(["tool"], catalog=catalog(server.url))["tool"]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.read_bytes() == PROGRAM for path in results] == [True] * 4
    assert len(ranges(server)) == 1


def test_the_one_who_waits_is_told_for_whom(server: Server, cache: Path) -> None:
    """A held lock is no silent hang."""
    import fcntl

    publish(server)
    cache.mkdir(parents=True)
    output = io.StringIO()
    console = Console(file=output)
    with (cache / ".tool-v1.2.3-linux-amd64.lock").open("w") as lock:
        lock.write("4711")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        threading.Timer(0.3, lambda: fcntl.flock(lock, fcntl.LOCK_UN)).start()
        toolchain.ensure(["tool"], catalog=catalog(server.url), progress=console)
    assert output.getvalue().count("waiting for process 4711, which is fetching tool-v1.2.3-linux-amd64") == 1


def test_an_interruption_ends_the_threads_and_keeps_the_part(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C does not wait for the rest of the downloads."""
    publish(server, content=os.urandom(4_000_000))
    report = Report(None)
    task = report.begin("", "")

    def update(done: int, total: int | None) -> None:
        if done >= 1_000_000:
            report.stop()
        report.check()

    monkeypatch.setattr(task, "update", update)
    target = cache / "tool"
    with pytest.raises(Interrupted):
        download.download(f"{server.url}/v1.2.3/linux/amd64/tool", target, "0" * 64, task)
    assert not target.exists()
    assert 1_000_000 <= (cache / "tool.partial").stat().st_size < 4_000_000


def test_an_offline_machine_gets_one_error_with_everything(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """What, from where, why, and each way to install it by hand; for all programs at once."""

    asked = []

    def no_address(host: str, *arguments: object, **others: object) -> None:
        asked.append(host)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_address)
    names = [f"tool-{number}" for number in range(20)]
    with pytest.raises(toolchain.ToolchainError) as error:
        toolchain.ensure(names, catalog=catalog("https://publisher.example", *names))
    text = str(error.value)
    for name in names:
        assert f"{name} 1.2.3 from https://publisher.example/v1.2.3/linux/amd64/{name}\n" in text
        assert f"{name}-v1.2.3-linux-amd64.tar.xz" in text
        assert f"{name}-v1.2.3-linux-amd64/{name}" in text
    assert text.count("    publisher.example: no address for this host: Temporary failure in name resolution\n") == 20
    assert asked == ["publisher.example"]
    assert "PATH" in text
    assert "HUBSTACK_MIRROR" in text
    assert str(cache) in text


def test_a_look_up_that_does_not_end_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that never answers: one wait for all files, and none for the look-up itself."""
    answer = threading.Event()

    def hang(*arguments: object, **others: object) -> list[Any]:
        answer.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr("hubstack.toolchain.hosts._SECONDS", 0.05)
    names = [f"tool-{number}" for number in range(20)]
    try:
        with pytest.raises(toolchain.ToolchainError) as error:
            toolchain.ensure(names, catalog=catalog("https://publisher.example", *names))
    finally:
        answer.set()
    assert str(error.value).count("    publisher.example: no answer within 0 s\n") == 20


def test_a_host_that_takes_no_connection_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the system's reason; a closed port of this machine stands for it."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(toolchain.ToolchainError, match=r"    127\.0\.0\.1: Connection refused\n"):
        toolchain.ensure(["tool"], catalog=catalog(url))


def test_one_family_of_addresses_is_enough(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """An IPv6 address that leads nowhere stops nobody whose IPv4 works."""
    publish(server)
    real = socket.getaddrinfo

    def with_dead_ipv6(host: str, port: int, *arguments: Any, **others: Any) -> list[Any]:
        return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("100::1", port, 0, 0)), *real(host, port, type=1)]

    monkeypatch.setattr(socket, "getaddrinfo", with_dead_ipv6)
    report = Report(None)
    Hosts(report).check(server.url)


def test_behind_a_proxy_only_the_proxy_looks_up_names(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine may know no public names at all."""
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("http_proxy", server.url)
    publish(server)
    # who asks a proxy sends the whole URL as the path
    server.files = {f"http://publisher.invalid{path}": content for path, content in server.files.items()}
    tools = toolchain.ensure(["tool"], catalog=catalog("http://publisher.invalid"))
    assert tools["tool"].read_bytes() == PROGRAM


def test_what_can_be_had_is_kept_when_something_else_fails(server: Server) -> None:
    """One missing program does not undo the others."""
    publish(server, "alpha")
    both = catalog(server.url, "alpha", "beta")
    with pytest.raises(toolchain.ToolchainError) as error:
        toolchain.ensure(["alpha", "beta"], catalog=both)
    assert "beta 1.2.3" in str(error.value)
    assert "alpha 1.2.3" not in str(error.value)
    assert both.cached("alpha")


def test_what_is_optional_may_be_missing(server: Server) -> None:
    """No error and no entry for what cannot be had; what can be had is there, and what is needed still fails."""
    publish(server, "alpha", "beta")
    names = ("alpha", "beta", "gamma", "delta")
    pins = catalog(server.url, *names)
    tools = toolchain.ensure(["alpha", "gamma"], optional=["beta", "gamma"], catalog=pins)
    assert list(tools) == ["alpha", "beta"]
    with pytest.raises(toolchain.ToolchainError) as error:
        toolchain.ensure(["alpha", "delta"], optional=["gamma"], catalog=pins)
    assert "delta 1.2.3" in str(error.value)
    assert "gamma 1.2.3" not in str(error.value)


def test_an_optional_download_that_failed_is_left_alone_for_an_hour(server: Server, cache: Path) -> None:
    """Nobody waits for it again and again; the reason is told each time."""
    pins = catalog(server.url, "alpha")
    first = toolchain.ensure([], optional=["alpha"], catalog=pins)
    assert first.absent == {"alpha": f"{server.url}/v1.2.3/linux/amd64/alpha.sha256: the server answers 404"}
    publish(server, "alpha")
    asked = len(server.requests)
    assert toolchain.ensure([], optional=["alpha"], catalog=pins).absent == first.absent
    assert len(server.requests) == asked
    (note,) = cache.glob("*.failed")
    an_hour_ago = time.time() - 3601
    os.utime(note, (an_hour_ago, an_hour_ago))
    assert list(toolchain.ensure([], optional=["alpha"], catalog=pins)) == ["alpha"]


@pytest.mark.parametrize("needed", [True, False])
def test_what_is_needed_or_asked_for_is_tried_at_once(server: Server, needed: bool) -> None:
    """A failure of a moment ago hides nothing that is there."""
    pins = catalog(server.url, "alpha")
    assert list(toolchain.ensure([], optional=["alpha"], catalog=pins)) == []
    publish(server, "alpha")
    if not needed:
        toolchain.forget_failures()
    found = toolchain.ensure(["alpha"] if needed else [], optional=[] if needed else ["alpha"], catalog=pins)
    assert (list(found), found.absent) == (["alpha"], {})


def test_optional_without_builds_for_the_platform_is_left_out(server: Server) -> None:
    """What nobody offers for this platform is missing like anything else that cannot be had."""
    elsewhere = catalog(server.url, "alpha", machine=Platform("darwin", "arm64"), platforms=("linux",))
    assert list(toolchain.ensure([], optional=["alpha"], catalog=elsewhere)) == []
    assert server.requests == []


def test_a_platform_without_builds_fails_before_any_download(server: Server) -> None:
    """There is no control plane for darwin: the error says what to do instead, and nothing was downloaded."""
    elsewhere = catalog(server.url, "alpha", machine=Platform("darwin", "arm64"), platforms=("linux",))
    with pytest.raises(toolchain.ToolchainError, match="no download for darwin is known") as error:
        toolchain.ensure(["alpha"], catalog=elsewhere)
    assert "CLUSTER=kind" in str(error.value)
    assert "CONTEXT=name" in str(error.value)
    assert server.requests == []


def test_a_release_with_a_file_for_each_program(server: Server) -> None:
    """{program} in the URL: only the programs that are asked for are downloaded."""
    publish(server, "alpha", "beta")
    where = f"{server.url}/v{{version}}/{{os}}/{{arch}}/{{program}}"
    pair = catalog(server.url, "pair", programs=("alpha", "beta"), url=where, checksums=f"{where}.sha256")
    toolchain.ensure(["alpha"], catalog=pair)
    assert pair.cached("alpha")
    assert not pair.cached("beta")


def test_an_archive_gives_the_program_and_what_belongs_to_it(server: Server, cache: Path) -> None:
    """From whatever folder of the archive; nothing else is taken from it."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name in ("linux-amd64/tool", "linux-amd64/tool-host", "linux-amd64/LICENSE", "../../escaped"):
            member = tarfile.TarInfo(name)
            member.size = len(PROGRAM)
            archive.addfile(member, io.BytesIO(PROGRAM))
    publish(server, "tool.tar.gz", content=data.getvalue())
    where = f"{server.url}/v1.2.3/linux/{{arch}}/tool.tar.gz"
    toolchain.ensure(
        ["tool"], catalog=catalog(server.url, url=where, checksums=f"{where}.sha256", beside=("tool-host",))
    )
    assert sorted(path.name for path in left_over(cache)) == ["tool", "tool-host"]
    assert not list(cache.parents[2].rglob("escaped"))


@pytest.mark.parametrize("extra", [True, False])
def test_extras_are_kept_where_the_archive_has_them(server: Server, cache: Path, extra: bool) -> None:
    """The language host beside the engine; without it the engine is good as well."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name in ("pack/tool", *(["pack/tool-extra"] if extra else []), "pack/other"):
            member = tarfile.TarInfo(name)
            member.size = len(PROGRAM)
            archive.addfile(member, io.BytesIO(PROGRAM))
    publish(server, "tool.tar.gz", content=data.getvalue())
    where = f"{server.url}/v1.2.3/linux/{{arch}}/tool.tar.gz"
    pins = catalog(server.url, url=where, checksums=f"{where}.sha256", extras=("tool-extra", "tool-extra-2"))
    path = toolchain.ensure(["tool"], catalog=pins)["tool"]
    assert sorted(each.name for each in path.parent.iterdir()) == ["tool", *(["tool-extra"] if extra else [])]
    assert all(os.access(each, os.X_OK) for each in path.parent.iterdir())


@pytest.mark.parametrize(
    "text",
    [
        "{digest}",
        "{digest}  tool.tar.gz\n",
        "{other}  tool.tar.gz.asc\n{digest} *tool.tar.gz\n",
        "{digest}  ./tool.tar.gz\n",
        '{{"assets": [{{"name": "x", "digest": null}}, {{"name": "tool.tar.gz", "digest": "sha256:{digest}"}}]}}',
    ],
    ids=["bare", "list", "binary", "folder", "github"],
)
def test_checksums_are_read_in_every_form(server: Server, text: str) -> None:
    """All forms in which publishers state a SHA-256."""
    digest = "0123456789abcdef" * 4
    server.files["/sums"] = text.format(digest=digest, other="f" * 64).encode()
    task = Report(None).begin("", "")
    assert download.published_digest(f"{server.url}/sums", "tool.tar.gz", task) == digest


@pytest.mark.parametrize(
    "text",
    ["", "not found", "a" * 40 + "  tool", "b" * 64 + "  other", json.dumps({"assets": [{"name": "tool"}]}), "{]"],
    ids=["empty", "prose", "sha1", "other", "github-without", "no-json"],
)
def test_without_a_sha256_nothing_is_downloaded(server: Server, text: str) -> None:
    """No checksum, no program."""
    publish(server)
    server.files["/v1.2.3/linux/amd64/tool.sha256"] = text.encode()
    with pytest.raises(toolchain.ToolchainError, match="no SHA-256 of tool in it"):
        toolchain.ensure(["tool"], catalog=catalog(server.url))
    assert ranges(server) == []


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_shown(server: Server, terminal: bool) -> None:
    """Bars on a terminal, else one line for each file that names its origin."""
    publish(server, "alpha", "beta")
    output = io.StringIO()
    console = Console(file=output, force_terminal=terminal, width=200)
    toolchain.ensure(["alpha", "beta"], catalog=catalog(server.url, "alpha", "beta"), progress=console)
    if terminal:
        assert "downloading alpha 1.2.3" in output.getvalue()
    else:
        assert sorted(output.getvalue().splitlines()) == [
            f"downloading {name} 1.2.3 from {server.url}/v1.2.3/linux/amd64/{name}" for name in ("alpha", "beta")
        ]


def test_a_download_that_hardly_moves_is_given_up(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then is no progress: what came is kept, and the reason is said."""
    monkeypatch.setattr(download, "_WINDOW_SECONDS", 0.2)
    with (
        serve(drips("HTTP/1.1 200 OK\r\nETag: one\r\nContent-Length: 100000\r\n\r\n")) as server,
        Report(None) as report,
        pytest.raises(download.FetchError, match=r"only \d+ bytes came within 0.2 s"),
    ):
        download.download(f"{server.url}/file", tmp_path / "file", "0" * 64, report.begin("file", server.url))
    assert (tmp_path / "file.partial").stat().st_size > 0


def test_a_publisher_leads_where_it_likes_but_not_out_of_https(cache: Path, tmp_path: Path) -> None:
    """A download is followed to another host: there is nothing that it could tell there."""
    content = b"content"
    with serve(ok("content"), THERE) as other, serve(redirects(f"{other.url}/real")) as first:
        digest = hashlib.sha256(content).hexdigest()
        with Report(None) as report:
            download.download(f"{first.url}/file", tmp_path / "file", digest, report.begin("file", first.url))
    assert (tmp_path / "file").read_bytes() == content
