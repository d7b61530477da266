"""Archives: checked in the mirror, and taken apart without trust in the paths that they name."""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from hubstack.toolchain.download import FetchError, sha256
from hubstack.toolchain.report import Task

_CHUNK = 1 << 20
_SUMS = "SHA256SUMS"


def check_mirrored(archive: Path) -> None:
    """Compare an archive of the mirror with the checksums beside it.

    Raises:
        FetchError: it is damaged or not listed.
    """
    sums = archive.parent / _SUMS
    try:
        lines = [line.split() for line in sums.read_text().splitlines()]
        digests = [line[0].lower() for line in lines if len(line) == 2 and line[1].lstrip("*") == archive.name]
        found = sha256(archive) if digests else ""
    except (OSError, UnicodeDecodeError) as error:
        raise FetchError(f"{archive}: cannot be checked: {error}") from None
    if not digests:
        raise FetchError(f"{archive}: not listed in {_SUMS} beside it; add the line of `sha256sum {archive.name}`")
    if found != digests[0]:
        raise FetchError(
            f"{archive}: damaged: its SHA-256 is {found}, {_SUMS} says {digests[0]}; copy it again or remove it"
        )


def unpack(archive: Path, names: Iterable[str], into: Path, task: Task, *, extras: Iterable[str] = ()) -> None:
    """Take the executables of these names out of an archive, whatever folder they are in; `extras` if it has them.

    The names in the archive are compared, never used as paths; so nothing can be written outside of the folder. A link
    becomes a hard link to the file that it names.

    Raises:
        FetchError: the archive is damaged or lacks one.
    """
    plain = into / ".tar"
    try:
        _decompress(archive, plain, task)
        with tarfile.open(plain, "r:") as content:
            members = {PurePosixPath(each.name).name: each for each in content if not each.isdir()}
            for name in (*names, *(each for each in extras if each in members)):
                _take(content, members, name, into)
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, gzip.BadGzipFile, KeyError) as error:
        raise FetchError(f"{archive}: not a good archive: {error.args[0] if error.args else error!r}") from None
    finally:
        plain.unlink(missing_ok=True)


def place(source: Path, target: Path) -> None:
    """Put an executable at its final place in one step; the source may stay or go."""
    source.chmod(0o755)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    _link(source, temporary)
    temporary.replace(target)


def _take(content: tarfile.TarFile, members: dict[str, tarfile.TarInfo], name: str, into: Path) -> Path:
    target = into / name
    if target.exists():
        return target
    member = members.get(name)
    if member is not None and (member.issym() or member.islnk()):
        original = members.get(PurePosixPath(member.linkname).name)
        if original is not None and original.isfile():
            _link(_take(content, members, PurePosixPath(original.name).name, into), target)
            return target
    data = content.extractfile(member) if member is not None and member.isfile() else None
    if data is None:
        raise KeyError(f"{name} is not in it")
    with data, target.open("xb") as file:
        shutil.copyfileobj(data, file, _CHUNK)
    return target


def _decompress(archive: Path, plain: Path, task: Task) -> None:
    """Once, into a file: the files that links name lie before them, and going back in a compressed one is slow."""
    total = archive.stat().st_size
    opener: Any = lzma.open if archive.name.endswith(".xz") else gzip.open
    with archive.open("rb") as raw, opener(raw) as unpacked, plain.open("wb") as file:
        while chunk := unpacked.read(_CHUNK):
            file.write(chunk)
            task.update(raw.tell(), total)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # not every file system has hard links
        shutil.copy2(source, target)
