"""Puts a review's comment on a pull request: finds its own earlier one and edits it, so that there is never a second.

``python -m hubstack.review.post --repository OWNER/NAME --pull-request N --file comment.md``, with the token in
``GITHUB_TOKEN``. Runs in the trusted part of CI, which renders nothing (docs.github.com, REST API: issue comments).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubstack.errors import HubstackError
from hubstack.review.markdown import MARKER
from hubstack.safe_text import visible, without_commands

API = "https://api.github.com"
PAGE_SIZE = 100
TIMEOUT_SECONDS = 30
LONGEST_WAIT_SECONDS = 120
"""How long a rate limit may ask to wait before the post gives up."""
TRIES = 4


@dataclass
class GitHub:
    """The few calls of GitHub's REST API that a comment needs."""

    repository: str
    """``owner/name``."""
    token: str
    api: str = API

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

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            f"{self.api}/repos/{self.repository}/{path}",
            method=method,
            data=json.dumps(body).encode() if body else None,
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        for attempt in range(TRIES):
            try:
                with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                wait = _wait_seconds(error, attempt)
                if wait is None or attempt == TRIES - 1:
                    raise HubstackError(_explained(error, method, path)) from None
                time.sleep(wait)
            except OSError as error:
                raise HubstackError(f"{self.api} cannot be reached: {getattr(error, 'reason', error)}") from None
        raise AssertionError("unreachable")


def post(github: GitHub, pull_request: int, body: str) -> str:
    """Make the review's comment on a pull request say `body`; returns ``created``, ``edited`` or ``unchanged``.

    Raises:
        HubstackError: GitHub refused; says what is missing.
    """
    if not body.startswith(MARKER):
        raise HubstackError("the file is no comment of `hubstack review --format markdown`: its first line is missing")
    own = next((each for each in github.comments(pull_request) if str(each.get("body") or "").startswith(MARKER)), None)
    if own is None:
        github.create(pull_request, body)
        return "created"
    if own["body"].replace("\r\n", "\n").strip() == body.strip():
        return "unchanged"
    github.edit(own["id"], body)
    return "edited"


def _wait_seconds(error: urllib.error.HTTPError, attempt: int) -> float | None:
    """Seconds to wait before the next try; None where trying again does not help."""
    if error.code >= 500:
        return float(2**attempt)
    if error.code not in (403, 429):
        return None
    if after := error.headers.get("Retry-After"):
        wait = float(after)
    elif error.headers.get("X-RateLimit-Remaining") == "0":
        wait = max(0.0, float(error.headers.get("X-RateLimit-Reset") or 0) - time.time()) + 1
    else:
        return None
    return wait if wait <= LONGEST_WAIT_SECONDS else None


def _explained(error: urllib.error.HTTPError, method: str, path: str) -> str:
    try:
        message = json.load(error).get("message", "")
    except ValueError:
        message = ""
    hints = {
        401: "the token in GITHUB_TOKEN is not valid",
        403: "the token may not write comments (permissions: pull-requests: write), or the rate limit is used up",
        404: "no such repository or pull request, or the token may not see it",
        422: "GitHub refuses the text, probably for its length",
    }
    hint = hints.get(error.code, "try again")
    return f"GitHub answers {error.code} to {method} {path.partition('?')[0]}: {message}; {hint}"


def main() -> int:
    """The command; errors are one line each."""
    parser = argparse.ArgumentParser(description="Post or edit a review's comment on a pull request.")
    parser.add_argument("--repository", required=True, help="OWNER/NAME")
    parser.add_argument("--pull-request", required=True, type=int)
    parser.add_argument("--file", required=True, type=Path, help="written by hubstack review --format markdown")
    parser.add_argument("--api", default=os.environ.get("GITHUB_API_URL", API))
    given = parser.parse_args()
    token = os.environ.get("GITHUB_TOKEN", "")
    try:
        if not token:
            raise HubstackError("GITHUB_TOKEN is not set")
        print(post(GitHub(given.repository, token, given.api), given.pull_request, given.file.read_text("utf-8")))
    except (HubstackError, OSError) as error:
        print(f"error: {without_commands(visible(error))}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
