"""Puts a review's comment on a pull request: finds its own earlier one and edits it, so that there is never a second.

Runs in the trusted part of CI, which renders nothing, with the token in ``GITHUB_TOKEN``:

- ``--run N`` posts what run N of the untrusted part has left behind. Nothing of that is believed: GitHub says which
  commit was reviewed, and the pull request is the open one that has this very commit of this very branch as its head.
- ``--pull-request N --file comment.md`` posts a file that one has made oneself.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any

from hubstack.errors import HubstackError
from hubstack.review.github import API, GitHub
from hubstack.review.markdown import MARKER
from hubstack.safe_text import visible, without_commands

ARTIFACT = "comment"
"""Name of the artifact that the workflow ``review`` leaves behind for this."""
MEMBER = "comment.md"
"""The one file of it that is looked at."""
LONGEST_ARCHIVE = 1 << 20
LONGEST_COMMENT = 1 << 18
"""Bytes; GitHub takes 65,536 characters."""


def post(github: GitHub, pull_request: int, body: str) -> str:
    """Make the review's comment on a pull request say `body`; returns ``created``, ``edited`` or ``unchanged``.

    Only a comment that the token's owner has written is edited, whoever else begins one with the same mark.

    Raises:
        HubstackError: GitHub refused; says what is missing.
    """
    if not body.startswith(MARKER):
        raise HubstackError("the file is no comment of `hubstack review --format markdown`: its first line is missing")
    me = github.me()
    own = next((each for each in github.comments(pull_request) if _is_own(each, me)), None)
    if own is None:
        github.create(pull_request, body)
        return "created"
    if own["body"].replace("\r\n", "\n").strip() == body.strip():
        return "unchanged"
    github.edit(own["id"], body)
    return "edited"


def post_of_run(github: GitHub, number: int) -> str:
    """Post the comment that a run of the workflow ``review`` has left behind; returns what happened, in words.

    Raises:
        HubstackError: GitHub refused, or what the run has left behind is no comment of a review.
    """
    run = github.run(number)
    if run.get("event") != "pull_request":
        return f"run {number} was not started by a pull request: nothing to post"
    branch, repository = run["head_branch"], run["head_repository"] or {}
    owner = (repository.get("owner") or {}).get("login")
    if not owner or not branch:
        return f"the branch of run {number} is gone: nothing to post"
    open_ones = github.open_pull_requests(owner, branch)
    found = [each["number"] for each in open_ones if _is_of(each, run, github.repository)]
    if len(found) != 1:
        return f"{len(found) or 'no'} open pull requests have {run['head_sha']} as their head: nothing to post"
    archive = github.artifact(number, ARTIFACT, LONGEST_ARCHIVE)
    if archive is None:
        return f"run {number} has left no artifact {ARTIFACT}: nothing to post"
    return post(github, found[0], comment_in(archive))


def comment_in(archive: bytes) -> str:
    """The comment in an artifact that a stranger may have written; no file of it is laid out.

    Raises:
        HubstackError: it is no archive with a comment of a review, or that is too long.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened, opened.open(MEMBER) as member:
            data = member.read(LONGEST_COMMENT + 1)
    except (zipfile.BadZipFile, zlib.error, KeyError, OSError, ValueError, NotImplementedError, RuntimeError):
        raise HubstackError(f"the artifact {ARTIFACT} is no archive with a {MEMBER} that can be read") from None
    if len(data) > LONGEST_COMMENT:
        raise HubstackError(f"the {MEMBER} of the artifact {ARTIFACT} is longer than {LONGEST_COMMENT} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise HubstackError(f"the {MEMBER} of the artifact {ARTIFACT} is not UTF-8 text") from None


def _is_own(comment: dict[str, Any], me: str) -> bool:
    author = (comment.get("user") or {}).get("login")
    return author == me and str(comment.get("body") or "").startswith(MARKER)


def _is_of(pull_request: dict[str, Any], run: dict[str, Any], repository: str) -> bool:
    """Whether a run was about a pull request as it is now: the same commit, branch and repository on either side."""
    head, base = pull_request["head"], pull_request["base"]
    return (
        (head["sha"], head["ref"], (head["repo"] or {}).get("full_name"))
        == (run["head_sha"], run["head_branch"], run["head_repository"].get("full_name"))
        and str(base["repo"]["full_name"]).lower() == repository.lower()
        and pull_request["state"] == "open"
    )


def main() -> int:
    """The command; errors are one line each."""
    parser = argparse.ArgumentParser(description="Post or edit a review's comment on a pull request.")
    parser.add_argument("--repository", required=True, help="OWNER/NAME")
    parser.add_argument("--run", type=int, help="number of the run whose comment is to be posted")
    parser.add_argument("--pull-request", type=int)
    parser.add_argument("--file", type=Path, help="written by hubstack review --format markdown")
    parser.add_argument("--api", default=os.environ.get("GITHUB_API_URL", API))
    given = parser.parse_args()
    if (given.run is None) == (given.pull_request is None) or (given.pull_request is None) != (given.file is None):
        parser.error("give either --run, or --pull-request and --file")
    token = os.environ.get("GITHUB_TOKEN", "")
    try:
        if not token:
            raise HubstackError("GITHUB_TOKEN is not set")
        github = GitHub(given.repository, token, given.api.rstrip("/"))
        if given.run is not None:
            print(post_of_run(github, given.run))
        else:
            print(post(github, given.pull_request, given.file.read_text("utf-8")))
    except (HubstackError, OSError) as error:
        print(f"error: {without_commands(visible(error))}", file=sys.stderr)
        return 1
    except (KeyError, TypeError, ValueError):
        print("error: GitHub's answer lacks what its documentation promises; nothing was posted", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
