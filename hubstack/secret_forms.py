"""How a secret value may be written inside of other texts, so that it is found there, and taken out."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

SHORTEST = 4
"""Characters from which a secret value is searched for in texts; a shorter one is hidden by its place alone."""

ASSIGNED = re.compile(
    r"(?i)(\b(?:[\w.-]*(?:password|passwd|secret|token|api[_-]?key|credential)[\w.-]*)[\"']?\s*[:=]\s*[\"']?)([^\s\"',;&]+)"
)
"""A setting whose name says that its value is secret."""
_OPTION = re.compile(r"(?i)(--?[\w-]*(?:password|passwd|secret|token|api-?key)[\w-]*\s+)([^\s\"',;&-][^\s\"',;&]*)")
_AUTHORIZATION = re.compile(r"(?i)\b(bearer|token|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_URL_PASSWORD = re.compile(r"(?<=://)([^:@/\s]*):[^@/\s]+(?=@)")
_WEB_TOKEN = re.compile(r"\beyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]*")


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """A text without secrets: known values in any encoding, and whatever looks like one.

    Arguments:
        text: a line of a log.
        secrets: values that must not be shown.
    """
    forms = {form for value in secrets if len(value) >= SHORTEST for form in encodings(value)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "[secret]")
    text = _URL_PASSWORD.sub(r"\1:[secret]", text)
    text = _WEB_TOKEN.sub("[secret]", text)
    text = _AUTHORIZATION.sub(r"\1 [secret]", text)
    text = _OPTION.sub(r"\1[secret]", text)
    return ASSIGNED.sub(r"\1[secret]", text)


def assigned(text: str) -> Iterator[str]:
    """The values in a text that are given to names and options of secrets."""
    for pattern in (ASSIGNED, _OPTION):
        yield from (match[2] for match in pattern.finditer(text))


def encodings(value: str) -> Iterator[str]:
    """The forms in which a value may stand in a text."""
    yield value
    for quoted in (quote(value, safe=""), quote(value), quote_plus(value)):
        yield quoted
        yield re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), quoted)
    yield html.escape(value)
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    raw = value.encode(errors="surrogatepass")
    yield base64.b64encode(raw).decode()
    yield base64.urlsafe_b64encode(raw).decode()
    # Inside a longer text that is encoded as a whole, a value looks different at each of three offsets, and its
    # first and last characters mix with their neighbours.
    for shift in range(3):
        whole = base64.b64encode(b" " * shift + raw).decode().rstrip("=")
        inner = whole[(4 if shift else 0) : len(whole) - (2 if len(raw) > SHORTEST else 0)]
        if len(inner) >= 2 * SHORTEST:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")
