"""A chart that is known by its digest: fetched once, and deployed only if it is the very one."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from urllib.parse import urljoin

from hubstack import reading, web
from hubstack.chart_registry import blob
from hubstack.errors import HubstackError
from hubstack.reading.composer import LargeComposer

FOLDER = Path(".hubstack", "charts")
"""Below the program's folder: a path that is the same on every machine, because it is a part of the release's state."""
SECONDS = 120
"""How long the index, or the archive, may take."""
LONGEST_INDEX = 1 << 26
LONGEST_ARCHIVE = 1 << 25


def located(
    name: str,
    *,
    version: str,
    repository: str,
    path: str | None,
    digest: str | None,
    folder: Path,
    insecure: bool = False,
) -> Path | None:
    """The archive or folder that is deployed; None where Helm fetches the chart by its version.

    Arguments:
        name, version, repository, path, digest: the chart's, and its settings.
        folder: the program's folder, which a relative path starts from.
        insecure: whether a registry has no TLS.

    Raises:
        HubstackError: what is there, or what the repository has, is not what the digest says.
    """
    if path is not None:
        if digest is not None:
            verified(folder / path, digest)
        return Path(path)
    return fetched(name, version, repository, digest, folder, insecure) if digest is not None else None


def verified(path: Path, digest: str) -> Path:
    """The same path, if what is there has the digest.

    Raises:
        HubstackError: it has another one, or there is no file.
    """
    if not path.is_file():
        raise HubstackError(f"{path}: is no file, so it has no digest; chart.digest goes with an archive")
    found = _digest(path.read_bytes())
    if found != digest:
        raise HubstackError(f"{path}: has the digest {found}, and chart.digest says {digest}; it is not used")
    return path


def fetched(name: str, version: str, repository: str, digest: str, folder: Path, insecure: bool = False) -> Path:
    """The archive of a chart, from an earlier time or from its repository, relative to the program's folder.

    Arguments:
        name, version: of the chart.
        repository: an ``https`` or ``oci`` URL, or an ``http`` one that was asked for.
        digest: ``sha256:`` and hexadecimal digits.
        folder: the program's folder.
        insecure: whether a registry has no TLS.

    Raises:
        HubstackError: the repository does not have it, or has another one under this version.
    """
    relative = FOLDER / f"{name}-{version}-{digest.removeprefix('sha256:')[:16]}.tgz"
    target = folder / relative
    if target.is_file() and _digest(target.read_bytes()) == digest:
        return relative
    if repository.startswith("oci://"):
        content = blob(repository, name, digest, LONGEST_ARCHIVE, plain=insecure)
    else:
        content = _get(_address(name, version, repository), LONGEST_ARCHIVE)
    found = _digest(content)
    if found != digest:
        raise HubstackError(
            f"chart {name} {version} of {repository} has the digest {found}, and chart.digest says {digest}; it is not "
            "used. Find out why before you change chart.digest"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    (target.parent / ".gitignore").write_text("*\n")
    descriptor, temporary = tempfile.mkstemp(dir=target.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    os.replace(temporary, target)
    return relative


def _address(name: str, version: str, repository: str) -> str:
    """URL of an archive, by the repository's index (helm.sh, "The Chart Repository Guide")."""
    base = f"{repository.rstrip('/')}/"
    content = _get(f"{base}index.yaml", LONGEST_INDEX)
    try:
        index = reading.from_yaml(content.decode(), f"{base}index.yaml", LargeComposer)
        entries = [each for each in index["entries"].get(name) or [] if each["version"] == version]
        urls = [str(url) for each in entries for url in each["urls"]]
    except (reading.Unreadable, KeyError, TypeError, AttributeError, UnicodeDecodeError):
        raise HubstackError(f"{base}index.yaml: is no index of a chart repository") from None
    if not urls:
        raise HubstackError(f"{repository}: has no chart {name} {version}")
    url = urljoin(base, urls[0])
    if base.startswith("https://") and not url.startswith("https://"):
        raise HubstackError(f"{repository}: keeps chart {name} {version} where it is not encrypted; it is not fetched")
    return url


def _get(url: str, limit: int) -> bytes:
    try:
        answer = web.request("GET", url, seconds=SECONDS, limit=limit)
    except web.NoAnswer as error:
        raise HubstackError(f"{web.shown(url)}: {error}") from None
    if answer.status != 200:
        raise HubstackError(f"{web.shown(url)}: HTTP {answer.status}")
    return answer.body


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
