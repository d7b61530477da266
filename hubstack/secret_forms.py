"""How a secret value may be written inside of other texts, so that it is found there."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

SHORTEST = 4
"""Characters from which a secret value is searched for in texts; a shorter one is hidden by its place alone."""


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
