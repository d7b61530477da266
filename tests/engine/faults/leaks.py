"""Looking for secrets where they may not be, in every form that a program might have written them in."""

from __future__ import annotations

import base64
import html
import json
import shlex
import urllib.parse
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

_LARGEST = 64 * 1024 * 1024
"""Bytes of a file above which it is a program and not something that was written."""


def forms(secret: str) -> Iterator[bytes]:
    """A secret as it is and as it looks inside of other encodings; base64 at each of its three alignments."""
    raw = secret.encode()
    yield raw
    yield json.dumps(secret)[1:-1].encode()
    yield json.dumps(secret, ensure_ascii=False)[1:-1].encode()
    yield html.escape(secret).encode()
    yield shlex.quote(secret)[1:-1].encode()
    yield secret.replace("'", "''").encode()
    yield json.dumps(json.dumps(secret))[3:-3].encode()
    yield urllib.parse.quote(secret, safe="").encode()
    yield urllib.parse.quote_plus(secret).encode()
    yield raw.hex().encode()
    for text in (raw, base64.b64encode(raw)):
        for shift in range(3):
            # without the first and the last group, which depend on what stands around the secret
            coded = base64.b64encode(b"\0" * shift + text)[4:-4]
            yield coded
            yield coded.translate(bytes.maketrans(b"+/", b"-_"))


def in_text(text: str | bytes, secrets: Mapping[str, str]) -> list[str]:
    """Names of the secrets that a text holds."""
    content = text.encode() if isinstance(text, str) else text
    return [name for name, secret in secrets.items() if any(form in content for form in forms(secret))]


def open_files(state: Path) -> list[str]:
    """Folders of a state folder into which others may look; what is in a closed one is closed with it."""
    return [str(each.relative_to(state)) for each in sorted(state.iterdir()) if each.stat().st_mode & 0o077]


def below(folder: Path, secrets: Mapping[str, str], but: Collection[str] = ()) -> list[str]:
    """Each file below a folder that holds a secret, with the secret's name.

    Arguments:
        folder: where to look.
        secrets: by name.
        but: names of folders with copies of what somebody has written.
    """
    return [
        f"{file.relative_to(folder)}: {name}"
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not file.is_symlink() and file.stat().st_size < _LARGEST
        if not set(but) & set(file.relative_to(folder).parts)
        for name in in_text(file.read_bytes(), secrets)
    ]
