"""What a hub takes as its tokens: some texts keep it from starting, others are known to whoever guesses a little.

Source: JupyterHub 5 (``app.py``: cookie_secret; ``crypto.py``: _validate_key; ``orm.py``: APIToken;
``handlers/base.py``: auth_header_pat) and configurable-http-proxy 5 (``configproxy.js``: authorized).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hubstack import unread
from hubstack.chart.tokens import Place, places

GUESSABLE = 16
"""A token of fewer characters is doubted: 16 hexadecimal digits are 64 bits."""
_HUB_REFUSES = 8
"""JupyterHub does not start with a service's token of fewer characters."""


@dataclass(frozen=True)
class Fault:
    """Something wrong with a token."""

    place: Place
    message: str
    """Never holds the token."""
    certain: bool
    """Whether it cannot work; else it works, and is no secret."""


def faults(tokens: Mapping[Place, Any]) -> Iterator[Fault]:
    """What is wrong with some tokens.

    Arguments:
        tokens: text of each; what is no text, or encrypted where nothing decrypts it, is not judged.
    """
    seen: dict[str, Place] = {}
    for place, text in tokens.items():
        if not isinstance(text, str) or not text or unread.stands_in(text):
            continue
        if first := seen.get(text):
            yield Fault(place, f"is the same as {first.setting}; each needs a token of its own", certain=False)
            continue
        seen[text] = place
        if message := _CANNOT_WORK.get(place.key, _service)(text):
            yield Fault(place, message, certain=True)
        elif len(text) < GUESSABLE:
            yield Fault(
                place,
                f"has {len(text)} characters and can be guessed; `openssl rand -hex 32` makes a token",
                certain=False,
            )


def doubts(tree: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Path and message of everything wrong with the tokens that some values set. The chart takes them as they are.

    Arguments:
        tree: the merged values.
    """
    for fault in faults({place: text for place, text in places(tree).items() if text}):
        yield fault.place.path, fault.message


def _proxy(text: str) -> str:
    return "has white space: the proxy accepts no such token, and the hub waits for it in vain" if _blank(text) else ""


def _cookie(text: str) -> str:
    try:
        bytes.fromhex(text)
    except ValueError:
        return (
            "must be an even number of hexadecimal digits, or the hub does not start; `openssl rand -hex 32` makes them"
        )
    return ""


def _crypt(text: str) -> str:
    if all(map(_is_key, text.split(";"))):
        return ""
    return (
        "each key must be 32 bytes, or 64 hexadecimal digits, or base64 of 32 bytes, or a hub that keeps auth state "
        "does not start; `openssl rand -hex 32` makes one"
    )


def _service(text: str) -> str:
    if _blank(text):
        return "has white space: the hub accepts no request with such a token"
    if len(text) < _HUB_REFUSES:
        return f"has {len(text)} characters; the hub does not start with fewer than {_HUB_REFUSES}"
    return ""


_CANNOT_WORK = {"proxyAuth": _proxy, "cookieSecret": _cookie, "cryptKeys": _crypt}


def _blank(text: str) -> bool:
    return re.search(r"\s", text) is not None


def _is_key(text: str) -> bool:
    try:
        raw = text.encode("ascii")
        if len(raw) == 64:
            return len(binascii.a2b_hex(raw)) == 32
        return len(base64.urlsafe_b64decode(raw) if len(raw) == 44 else raw) == 32
    except ValueError:
        return False
