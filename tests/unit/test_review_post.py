"""Posting a comment, against a small server that behaves as GitHub documents: pages, edits, limits, refusals."""

from __future__ import annotations

import contextlib
import io
import json
import os
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from hubstack.errors import HubstackError
from hubstack.review import github as github_api
from hubstack.review import post
from hubstack.review.markdown import MARKER
from tests.unit.web_servers import THERE, Server, answers, serve

LONGEST_BODY = 65_536
BOT = "github-actions[bot]"


class FakeGitHub(ThreadingHTTPServer):
    """Comments of one pull request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.comments: list[dict[str, Any]] = []
        self.me: Any = BOT
        self.objects: dict[str, Any] = {}
        """What a GET of other paths gives, by path without query; bytes are sent as they are."""
        self.storage = ""
        """Where archives of artifacts are kept."""
        self.answers: list[tuple[int, dict[str, str]]] = []
        """Answers to give before the real ones: status and headers."""
        self.calls: list[str] = []


class Handler(BaseHTTPRequestHandler):
    """The issue comments part of the REST API."""

    server: FakeGitHub

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.endswith("/zip"):
            self.server.answers.insert(0, (302, {"Location": self.server.storage}))
        if not path.endswith("/comments"):
            self._answer(200, self.server.objects.get(path, {}))
            return
        query = parse_qs(urlsplit(self.path).query)
        size, page = int(query["per_page"][0]), int(query["page"][0])
        self._answer(200, self.server.comments[(page - 1) * size : page * size])

    def do_POST(self) -> None:
        if self.path == "/graphql":
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(200, {"data": {"viewer": self.server.me and {"login": self.server.me}}})
            return
        number = 1000 + len(self.server.comments)
        self._write(lambda body: self.server.comments.append(comment(number, body)))

    def do_PATCH(self) -> None:
        identity = int(self.path.rpartition("/")[2])
        comment = next(each for each in self.server.comments if each["id"] == identity)
        self._write(lambda body: comment.update(body=body))

    def _write(self, change: Any) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
        if len(body) > LONGEST_BODY:
            self._answer(422, {"message": "Body is too long"})
            return
        self._answer(200, {}, lambda: change(body))

    def _answer(self, status: int, content: Any, effect: Any = lambda: None) -> None:
        self.server.calls.append(self.command)
        headers: dict[str, str] = {}
        if self.server.answers:
            status, headers = self.server.answers.pop(0)
            content = {"message": "no"}
        elif self.headers["Authorization"] != "Bearer token":
            status, content = 401, {"message": "Bad credentials"}
        else:
            effect()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content if isinstance(content, bytes) else json.dumps(content).encode())


@pytest.fixture
def server() -> Iterator[FakeGitHub]:
    """The fake, running."""
    with FakeGitHub() as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()


def comment(number: int, body: str, author: str | None = BOT) -> dict[str, Any]:
    """A comment as GitHub describes it."""
    return {"id": number, "body": body, "user": author and {"login": author}}


def github(server: FakeGitHub, token: str = "token") -> post.GitHub:
    """A client of the fake."""
    return github_api.GitHub("o/r", token, f"http://127.0.0.1:{server.server_port}")


def test_created_then_edited_then_left_alone(server: FakeGitHub) -> None:
    """However often it is posted, there is one comment, and it says the last thing."""
    assert post.post(github(server), 7, f"{MARKER}\none") == "created"
    assert post.post(github(server), 7, f"{MARKER}\ntwo") == "edited"
    assert post.post(github(server), 7, f"{MARKER}\ntwo\n") == "unchanged"
    assert [each["body"] for each in server.comments] == [f"{MARKER}\ntwo"]


def test_its_own_comment_is_found_beyond_the_first_page(server: FakeGitHub) -> None:
    """A long discussion hides the comment from nobody; someone who quotes it is left alone."""
    server.comments = [comment(number, f"> {MARKER}") for number in range(250)]
    server.comments.append(comment(999, f"{MARKER}\nold"))
    assert post.post(github(server), 7, f"{MARKER}\nnew") == "edited"
    assert server.comments[-1]["body"].endswith("new")
    assert len(server.comments) == 251


def test_rate_limit_is_waited_for(server: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that ends soon is waited for, as long as the answer says, then the call is made."""
    waited: list[float] = []
    monkeypatch.setattr(github_api.time, "sleep", waited.append)
    reset = str(int(time.time()) + 30)
    server.answers = [
        (429, {"Retry-After": "5"}),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}),
        (502, {}),
    ]
    assert post.post(github(server), 7, f"{MARKER}\none") == "created"
    assert waited[0] == 5
    assert 25 < waited[1] < 35
    assert waited[2] == 4


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((403, {}), "may not write comments"),
        ((404, {}), "no such repository"),
        ((429, {"Retry-After": "7200"}), "answers 429"),
    ],
)
def test_refusals_are_explained(server: FakeGitHub, answer: tuple, message: str) -> None:
    """What does not get better by waiting is one error that says what to do; the token is not in it."""
    server.answers = [answer]
    with pytest.raises(HubstackError, match=message) as error:
        post.post(github(server), 7, f"{MARKER}\none")
    assert "Bearer" not in str(error.value)


def test_too_long_and_wrong_token(server: FakeGitHub) -> None:
    """A text that GitHub refuses for its length, and a token that it does not know, are named."""
    with pytest.raises(HubstackError, match=r"422.*Body is too long.*length"):
        post.post(github(server), 7, MARKER + "x" * LONGEST_BODY)
    with pytest.raises(HubstackError, match=r"401.*GITHUB_TOKEN"):
        post.post(github(server, "wrong"), 7, f"{MARKER}\none")


def test_another_file_is_refused(server: FakeGitHub) -> None:
    """A file that is no comment of a review is not posted."""
    with pytest.raises(HubstackError, match="first line is missing"):
        post.post(github(server), 7, "hello")
    assert server.calls == []


def test_nobody_elses_comment_is_edited(server: FakeGitHub) -> None:
    """A stranger's comment with the mark, before or after our own, stays as it is; so does one whose author is gone."""
    strangers = [
        comment(1, f"{MARKER}\nmine", "mallory"),
        comment(2, f"{MARKER}\nmine", "github-actions"),
        comment(3, f"{MARKER}\nmine", None),
        comment(4, f"{MARKER}\nmine", "dependabot[bot]"),
    ]
    server.comments = [dict(each) for each in strangers]
    assert post.post(github(server), 7, f"{MARKER}\none") == "created"
    assert post.post(github(server), 7, f"{MARKER}\ntwo") == "edited"
    assert server.comments == [*strangers, comment(1004, f"{MARKER}\ntwo")]


@pytest.mark.parametrize("me", [None, "", 7])
def test_without_a_name_nothing_is_touched(server: FakeGitHub, me: Any) -> None:
    """Where GitHub does not say who we are, no comment is ours."""
    server.me = me
    with pytest.raises(HubstackError, match="does not say whose"):
        post.post(github(server), 7, f"{MARKER}\none")
    assert server.comments == []


@pytest.mark.parametrize("after", ["soon", "Fri, 27 Nov 2026 00:00:00 GMT", ""])
def test_a_limit_that_is_no_number(server: FakeGitHub, after: str) -> None:
    """What cannot be understood is not waited for, and no traceback."""
    server.answers = [(429, {"Retry-After": after})]
    with pytest.raises(HubstackError, match="answers 429"):
        post.post(github(server), 7, f"{MARKER}\none")


HEAD = "a" * 40
RUN = {
    "event": "pull_request",
    "head_sha": HEAD,
    "head_branch": "topic",
    "head_repository": {"full_name": "fork/r", "owner": {"login": "fork"}},
}


def pull_request(number: int = 7, **changes: Any) -> dict[str, Any]:
    """An open pull request whose head is what `RUN` has reviewed."""
    head = {"sha": HEAD, "ref": "topic", "repo": {"full_name": "fork/r"}, **changes.pop("head", {})}
    return {"number": number, "state": "open", "head": head, "base": {"repo": {"full_name": "o/r"}}, **changes}


def archive(content: str | bytes = f"{MARKER}\nnew", name: str = "comment.md", **more: bytes) -> bytes:
    """An artifact's archive."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, content)
        for path, data in more.items():
            made.writestr(path, data)
    return written.getvalue()


@contextlib.contextmanager
def left_behind(server: FakeGitHub, data: bytes, run: Any = RUN, found: Any = None) -> Iterator[Server]:
    """A run with an artifact, kept on another host as GitHub does, and the pull requests of its branch."""
    with serve(answers(f"HTTP/1.1 200 OK\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data), THERE) as storage:
        server.storage = f"{storage.url}/signed?sig=x"
        artifact = {"id": 5, "name": "comment", "expired": False, "size_in_bytes": len(data)}
        server.objects = {
            "/repos/o/r/actions/runs/3": run,
            "/repos/o/r/pulls": [pull_request()] if found is None else found,
            "/repos/o/r/actions/runs/3/artifacts": {"artifacts": [artifact]},
        }
        yield storage


def test_the_comment_of_a_run_is_posted(server: FakeGitHub) -> None:
    """The pull request is the one that GitHub names for the commit, and the token stays with GitHub."""
    with left_behind(server, archive(number=b"8")) as storage:
        assert post.post_of_run(github(server), 3) == "created"
    assert server.comments == [comment(1000, f"{MARKER}\nnew")]
    assert b"Bearer" not in storage.came[0]


@pytest.mark.parametrize(
    ("run", "found"),
    [
        ({**RUN, "event": "push"}, None),
        ({**RUN, "head_repository": None}, None),
        (RUN, []),
        (RUN, [pull_request(state="closed")]),
        (RUN, [pull_request(head={"sha": "b" * 40})]),
        (RUN, [pull_request(head={"ref": "other"})]),
        (RUN, [pull_request(head={"repo": {"full_name": "o/r"}})]),
        (RUN, [pull_request(head={"repo": None})]),
        (RUN, [pull_request(base={"repo": {"full_name": "fork/r"}})]),
        (RUN, [pull_request(7), pull_request(8)]),
    ],
)
def test_a_run_that_is_of_no_open_pull_request(server: FakeGitHub, run: Any, found: Any) -> None:
    """The comment goes to the pull request that was reviewed, as it is now; not to one that shares a commit with it."""
    with left_behind(server, archive(), run, found) as storage:
        assert "nothing to post" in post.post_of_run(github(server), 3)
        assert storage.came == []
    assert server.comments == []


@pytest.mark.parametrize(
    "data",
    [
        b"no archive",
        archive(name="../comment.md"),
        archive(name="/comment.md"),
        archive(b"\xff\xfe"),
        archive("<b>hello</b>"),
        archive(f"{MARKER}\n" + "x" * 10_000_000),
        archive()[:-30],
        archive()[:44] + b"\0\0" + archive()[46:],
        os.urandom(2_000_000),
    ],
    ids=["none", "up", "root", "bytes", "other", "bomb", "cut", "checksum", "large"],
)
def test_a_strangers_artifact(server: FakeGitHub, data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is: one error, nothing posted, no file written, nothing large unpacked."""
    monkeypatch.chdir(tmp_path)
    with left_behind(server, data), pytest.raises(HubstackError):
        post.post_of_run(github(server), 3)
    assert server.comments == []
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_is_larger_than_it_says(server: FakeGitHub) -> None:
    """The size that GitHub tells is checked first, and what comes all the same."""
    with left_behind(server, os.urandom(2_000_000)) as storage:
        (artifact,) = server.objects["/repos/o/r/actions/runs/3/artifacts"]["artifacts"]
        with pytest.raises(HubstackError, match="larger than"):
            post.post_of_run(github(server), 3)
        assert storage.came == []
        artifact["size_in_bytes"] = 10
        with pytest.raises(HubstackError, match="longer than"):
            post.post_of_run(github(server), 3)


def test_an_answer_that_is_none_of_githubs(server: FakeGitHub, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """The command says so in one line."""
    monkeypatch.setenv("GITHUB_TOKEN", "token")
    command = ["post", "--repository", "o/r", "--run", "3", "--api", f"http://127.0.0.1:{server.server_port}"]
    monkeypatch.setattr("sys.argv", command)
    server.objects = {"/repos/o/r/actions/runs/3": {"event": "pull_request"}}
    assert post.main() == 1
    server.objects = {"/repos/o/r/actions/runs/3": b"<html>"}
    assert post.main() == 1
    assert [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()] == ["error", "error"]
