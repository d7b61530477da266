"""Posting a comment, against a small server that behaves as GitHub documents: pages, edits, limits, refusals."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from hubstack.errors import HubstackError
from hubstack.review import post
from hubstack.review.markdown import MARKER

LONGEST_BODY = 65_536


class FakeGitHub(ThreadingHTTPServer):
    """Comments of one pull request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.comments: list[dict[str, Any]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        """Answers to give before the real ones: status and headers."""
        self.calls: list[str] = []


class Handler(BaseHTTPRequestHandler):
    """The issue comments part of the REST API."""

    server: FakeGitHub

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        size, page = int(query["per_page"][0]), int(query["page"][0])
        self._answer(200, self.server.comments[(page - 1) * size : page * size])

    def do_POST(self) -> None:
        self._write(lambda body: self.server.comments.append({"id": 1000 + len(self.server.comments), "body": body}))

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
        self.wfile.write(json.dumps(content).encode())


@pytest.fixture
def server() -> Iterator[FakeGitHub]:
    """The fake, running."""
    with FakeGitHub() as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()


def github(server: FakeGitHub, token: str = "token") -> post.GitHub:
    """A client of the fake."""
    return post.GitHub("o/r", token, f"http://127.0.0.1:{server.server_port}")


def test_created_then_edited_then_left_alone(server: FakeGitHub) -> None:
    """However often it is posted, there is one comment, and it says the last thing."""
    assert post.post(github(server), 7, f"{MARKER}\none") == "created"
    assert post.post(github(server), 7, f"{MARKER}\ntwo") == "edited"
    assert post.post(github(server), 7, f"{MARKER}\ntwo\n") == "unchanged"
    assert [each["body"] for each in server.comments] == [f"{MARKER}\ntwo"]


def test_its_own_comment_is_found_beyond_the_first_page(server: FakeGitHub) -> None:
    """A long discussion hides the comment from nobody; someone who quotes it is left alone."""
    server.comments = [{"id": number, "body": f"> {MARKER}"} for number in range(250)]
    server.comments.append({"id": 999, "body": f"{MARKER}\nold"})
    assert post.post(github(server), 7, f"{MARKER}\nnew") == "edited"
    assert server.comments[-1]["body"].endswith("new")
    assert len(server.comments) == 251


def test_rate_limit_is_waited_for(server: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that ends soon is waited for, as long as the answer says, then the call is made."""
    waited: list[float] = []
    monkeypatch.setattr(post.time, "sleep", waited.append)
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
