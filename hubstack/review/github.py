"""The calls of GitHub's REST and GraphQL APIs that a review's comment needs (docs.github.com)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from hubstack import web
from hubstack.errors import HubstackError
from hubstack.web.origin import following

API = "https://api.github.com"
PAGE_SIZE = 100
TIMEOUT_SECONDS = 30
LONGEST_WAIT_SECONDS = 120
"""How long a rate limit may ask to wait before the post gives up."""
TRIES = 4
LONGEST_PAGE = 1 << 24
"""Bytes of one answer: a hundred comments of the greatest length and what stands around them."""


@dataclass
class GitHub:
    """One repository, for the owner of a token."""

    repository: str
    """``owner/name``."""
    token: str
    api: str = API

    def me(self) -> str:
        """Login of the token's owner, as it stands at their comments.

        ``GET /user`` is refused to tokens of apps, GitHub Actions' among them; GraphQL tells every kind of token.
        """
        url = f"{self.api.removesuffix('/v3')}/graphql"
        answer = self._send("POST", url, {"query": "query { viewer { login } }"})
        viewer = (answer.get("data") or {}).get("viewer") if isinstance(answer, dict) else None
        login = viewer.get("login") if isinstance(viewer, dict) else None
        if not isinstance(login, str) or not login:
            raise HubstackError("GitHub does not say whose the token in GITHUB_TOKEN is, so no comment is touched")
        return login

    def comments(self, pull_request: int) -> Iterator[dict[str, Any]]:
        """Every comment of a pull request, page by page."""
        page = 1
        while True:
            found = self._call("GET", f"issues/{pull_request}/comments?per_page={PAGE_SIZE}&page={page}")
            yield from found
            if len(found) < PAGE_SIZE:
                return
            page += 1

    def create(self, pull_request: int, body: str) -> dict[str, Any]:
        """A new comment."""
        made: dict[str, Any] = self._call("POST", f"issues/{pull_request}/comments", {"body": body})
        return made

    def edit(self, comment: int, body: str) -> dict[str, Any]:
        """Another text for a comment."""
        edited: dict[str, Any] = self._call("PATCH", f"issues/comments/{comment}", {"body": body})
        return edited

    def run(self, number: int) -> dict[str, Any]:
        """A run of a workflow, as GitHub knows it."""
        found: dict[str, Any] = self._call("GET", f"actions/runs/{number}")
        return found

    def open_pull_requests(self, owner: str, branch: str) -> list[dict[str, Any]]:
        """Open pull requests from a branch of somebody's, which may be a fork's."""
        query = urlencode({"state": "open", "head": f"{owner}:{branch}", "per_page": PAGE_SIZE})
        found: list[dict[str, Any]] = self._call("GET", f"pulls?{query}")
        return found

    def artifact(self, run: int, name: str, limit: int) -> bytes | None:
        """The archive of a run's newest artifact of this name; None where there is none.

        GitHub keeps it with somebody else, and answers with an address there that needs no token; it gets none.

        Raises:
            HubstackError: it is larger than the limit.
        """
        query = urlencode({"name": name, "per_page": PAGE_SIZE})
        listed = self._call("GET", f"actions/runs/{run}/artifacts?{query}")
        found = [each for each in listed["artifacts"] if each["name"] == name and not each["expired"]]
        if not found:
            return None
        newest = max(found, key=lambda each: int(each["id"]))
        if int(newest["size_in_bytes"]) > limit:
            raise HubstackError(f"artifact {name} of run {run}: is larger than {limit} bytes; nothing was posted")
        url = f"{self.api}/repos/{self.repository}/actions/artifacts/{int(newest['id'])}/zip"
        try:
            answer = web.request(
                "GET", url, seconds=TIMEOUT_SECONDS, headers=self._headers(), follow=False, limit=limit
            )
            if location := answer.headers.get("location"):
                there = following("GET", url, answer.status, location, "")
                answer = web.request("GET", there, seconds=TIMEOUT_SECONDS, limit=limit)
        except web.NoAnswer as error:
            raise HubstackError(f"artifact {name} of run {run}: {error}") from None
        if answer.status != 200:
            raise HubstackError(f"artifact {name} of run {run}: HTTP {answer.status}")
        return answer.body

    def _headers(self) -> dict[str, str]:
        return {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "X-GitHub-Api-Version": "2022-11-28",
        }

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._send(method, f"{self.api}/repos/{self.repository}/{path}", body)

    def _send(self, method: str, url: str, body: dict[str, Any] | None) -> Any:
        data = json.dumps(body).encode() if body else None
        for attempt in range(TRIES):
            try:
                answer = web.request(
                    method, url, seconds=TIMEOUT_SECONDS, headers=self._headers(), body=data, limit=LONGEST_PAGE
                )
            except web.NoAnswer as error:
                raise HubstackError(f"{self.api} cannot be reached: {error}") from None
            if answer.status < 300:
                return _parsed(answer, method, url)
            wait = _wait_seconds(answer, attempt)
            if wait is None or attempt == TRIES - 1:
                break
            time.sleep(wait)
        raise HubstackError(_explained(answer, method, url))


def _parsed(answer: web.Answer, method: str, url: str) -> Any:
    try:
        return json.loads(answer.body)
    except ValueError:
        raise HubstackError(f"{method} {web.shown(url)}: the answer is none of GitHub's") from None


def _wait_seconds(answer: web.Answer, attempt: int) -> float | None:
    """Seconds to wait before the next try; None where trying again does not help."""
    if answer.status >= 500:
        return float(2**attempt)
    if answer.status not in (403, 429):
        return None
    try:
        if after := answer.headers.get("retry-after"):
            wait = float(after)
        elif answer.headers.get("x-ratelimit-remaining") == "0":
            wait = float(answer.headers.get("x-ratelimit-reset") or 0) - time.time() + 1
        else:
            return None
    except ValueError:
        return None
    return max(wait, 0.0) if wait <= LONGEST_WAIT_SECONDS else None


def _explained(answer: web.Answer, method: str, url: str) -> str:
    try:
        message = str(json.loads(answer.body)["message"])[:200]
    except (ValueError, KeyError, TypeError):
        message = ""
    hints = {
        401: "the token in GITHUB_TOKEN is not valid",
        403: "the token may not write comments (permissions: pull-requests: write), or the rate limit is used up",
        404: "no such repository or pull request, or the token may not see it",
        422: "GitHub refuses the text, probably for its length",
    }
    hint = hints.get(answer.status, "try again")
    return f"GitHub answers {answer.status} to {method} {web.shown(url)}: {message}; {hint}"
