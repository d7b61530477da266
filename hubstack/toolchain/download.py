"""Downloads that survive interruptions, and the checksums that publishers put beside them."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from hubstack import web
from hubstack.toolchain.report import Task

_SECONDS = 15.0
"""Patience with a server that says nothing, or that says what a checksum is."""
_FILE_SECONDS = 3600.0
"""How long one file may take; what has come by then is continued the next time."""
_WINDOW_SECONDS = 30.0
_LEAST_BYTES = 30_000
"""So many must come within such a time, or the server counts as one that says nothing."""
_ATTEMPTS = 3
_CHUNK = 1 << 18
_DIGEST = re.compile(r"[0-9a-f]{64}")
_T = TypeVar("_T")


class FetchError(Exception):
    """One file cannot be had: where from and why."""


class _Refused(Exception):
    """The server answers with an error."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the server answers {status}")
        self.status = status


def published_digest(url: str, file_name: str, task: Task) -> str:
    """SHA-256 of a file, in hexadecimal digits, as its publisher states it at this URL.

    Raises:
        FetchError: the URL does not answer, or does not say.
    """
    text = _attempts(url, task, lambda: _read(url))
    if text.lstrip().startswith("{"):
        try:
            found = [str(each.get("digest")) for each in json.loads(text)["assets"] if each["name"] == file_name]
        except (ValueError, KeyError, TypeError, AttributeError):
            found = []
        found = [each.removeprefix("sha256:") for each in found]
    elif len(text.split()) == 1:
        found = text.split()
    else:
        lines = [line.split() for line in text.splitlines()]
        found = [line[0] for line in lines if len(line) == 2 and line[1].lstrip("*").removeprefix("./") == file_name]
    if not found or not _DIGEST.fullmatch(found[0].lower()):
        raise FetchError(f"{url}: no SHA-256 of {file_name} in it")
    return found[0].lower()


def download(url: str, target: Path, digest: str, task: Task, *, authority: str = "the publisher") -> None:
    """Get a file of this SHA-256. What an interruption leaves in ``<target>.partial`` is continued the next time.

    Arguments:
        url: where it is.
        target: where it goes.
        digest: its SHA-256, in hexadecimal digits.
        task: gets how far it is.
        authority: who says that this is its SHA-256, for the error.

    Raises:
        FetchError: it cannot be had, or is another file; nothing is left in the latter case.
    """
    if target.is_file() and sha256(target) == digest:
        return
    partial = target.with_name(f"{target.name}.partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    resumed = partial.exists()
    while True:
        _attempts(url, task, lambda: _transfer(url, partial, task))
        found = sha256(partial)
        if found == digest:
            partial.replace(target)
            _validator(partial).unlink(missing_ok=True)
            return
        _discard(partial)
        if not resumed:
            raise FetchError(f"{url}: the SHA-256 of what came is {found}, {authority} says {digest}; not used")
        resumed = False  # perhaps the parts do not belong together: once more, from the start


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _transfer(url: str, partial: Path, task: Task) -> None:
    """Get all of the file, or what is missing of it."""
    validator = _validator(partial)
    mark = validator.read_text() if validator.exists() else ""
    done = partial.stat().st_size if partial.exists() and mark else 0
    try:
        _receive(url, partial, task, done, mark)
    except _Refused as refusal:
        if refusal.status != 416 or not done:
            raise
        # no such part: the file at the server is shorter than what is here, or just as long
        _discard(partial)
        _receive(url, partial, task, 0, "")


def _receive(url: str, partial: Path, task: Task, done: int, mark: str) -> None:
    with _open(url, {"Range": f"bytes={done}-", "If-Range": mark} if done else {}) as answer:
        if answer.status not in (200, 206):
            raise _Refused(answer.status)
        # the whole file comes if it has changed, or if the server knows no parts
        continues = answer.status == 206 and answer.headers.get("content-range", "").startswith(f"bytes {done}-")
        done = done if continues else 0
        length = answer.headers.get("content-length", "")
        total = done + int(length) if length.isdecimal() else None
        tag = answer.headers.get("etag") or answer.headers.get("last-modified") or ""
        _validator(partial).write_text("" if tag.startswith("W/") else tag)
        with partial.open("ab" if continues else "wb") as file:
            task.update(done, total)
            since, before = time.monotonic(), done
            try:
                for chunk in answer.chunks():
                    file.write(chunk)
                    done += len(chunk)
                    task.update(done, total)
                    if time.monotonic() - since > _WINDOW_SECONDS:
                        if done - before < _LEAST_BYTES:
                            raise web.NoAnswer(f"only {done - before} bytes came within {_WINDOW_SECONDS:g} s")
                        since, before = time.monotonic(), done
            except web.NoAnswer as error:
                reason = f"{error}, after {done} bytes" + (f" of {total}" if total else "")
                raise web.NoAnswer(reason, again=error.again) from None


def _validator(partial: Path) -> Path:
    """File with the server's mark of the version that the partial file is of."""
    return partial.with_name(f"{partial.name}.version")


def _discard(partial: Path) -> None:
    partial.unlink(missing_ok=True)
    _validator(partial).unlink(missing_ok=True)


def _open(url: str, headers: Mapping[str, str]) -> AbstractContextManager[web.Stream]:
    return web.opened("GET", url, seconds=_FILE_SECONDS, silence=_SECONDS, headers=headers)


def _read(url: str) -> str:
    answer = web.request("GET", url, seconds=_SECONDS)
    if answer.status != 200:
        raise _Refused(answer.status)
    return answer.body.decode(errors="replace")


def _attempts(url: str, task: Task, work: Callable[[], _T]) -> _T:
    attempt = 0
    while True:
        attempt += 1
        try:
            return work()
        except (web.NoAnswer, _Refused) as error:
            if attempt == _ATTEMPTS or not _may_help(error):
                raise FetchError(f"{web.shown(url)}: {error}") from None
        task.report.sleep(0.5 * attempt)


def _may_help(error: web.NoAnswer | _Refused) -> bool:
    """Whether it makes sense to try again: unless the server refuses, or cannot be reached at all."""
    return error.again if isinstance(error, web.NoAnswer) else error.status >= 500 or error.status in (408, 429)
