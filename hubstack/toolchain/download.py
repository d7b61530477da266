"""Downloads that survive interruptions, and the checksums that publishers put beside them."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from hubstack.toolchain.report import Task

_SECONDS = 15.0
"""Patience with a server that says nothing."""
_ATTEMPTS = 3
_CHUNK = 1 << 18
_DIGEST = re.compile(r"[0-9a-f]{64}")
_T = TypeVar("_T")
_ERRORS = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)
"""What may go wrong on the network; other errors are the machine's own."""


class FetchError(Exception):
    """One file cannot be had: where from and why."""


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
    headers = {"Range": f"bytes={done}-", "If-Range": mark} if done else {}
    try:
        answer = _open(url, headers)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        # no such part: the file at the server is shorter than what is here, or just as long
        _discard(partial)
        done, answer = 0, _open(url, {})
    with answer:
        # the whole file comes if it has changed, or if the server knows no parts
        continues = answer.status == 206 and (answer.headers["Content-Range"] or "").startswith(f"bytes {done}-")
        done = done if continues else 0
        length = answer.headers["Content-Length"]
        total = done + int(length) if length else None
        tag = answer.headers["ETag"] or answer.headers["Last-Modified"] or ""
        validator.write_text("" if tag.startswith("W/") else tag)
        with partial.open("ab" if continues else "wb") as file:
            task.update(done, total)
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                task.update(done, total)
    if total is not None and done < total:
        raise ConnectionError(f"the connection broke after {done} of {total} bytes")


def _validator(partial: Path) -> Path:
    """File with the server's mark of the version that the partial file is of."""
    return partial.with_name(f"{partial.name}.version")


def _discard(partial: Path) -> None:
    partial.unlink(missing_ok=True)
    _validator(partial).unlink(missing_ok=True)


def _open(url: str, headers: dict[str, str]) -> Any:
    return urllib.request.urlopen(
        urllib.request.Request(url, headers={"User-Agent": "hubstack", **headers}), timeout=_SECONDS
    )


def _read(url: str) -> str:
    with _open(url, {}) as answer:
        return str(answer.read().decode(errors="replace"))


def _attempts(url: str, task: Task, work: Callable[[], _T]) -> _T:
    attempt = 0
    while True:
        attempt += 1
        try:
            return work()
        except _ERRORS as error:
            if attempt == _ATTEMPTS or _is_final(error):
                raise FetchError(f"{url}: {_reason(error)}") from None
        task.report.sleep(0.5 * attempt)


def _is_final(error: BaseException) -> bool:
    """Whether it makes no sense to try again: the server refuses, or cannot be reached at all."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code < 500 and error.code not in (408, 429)
    return isinstance(error, urllib.error.URLError)


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answers {error.code} {error.reason}"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, socket.gaierror):
        return f"no address for this host: {cause.strerror}"
    if isinstance(cause, TimeoutError):
        return f"no answer within {_SECONDS:.0f} s"
    return str(cause) or repr(cause)
