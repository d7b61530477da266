"""Nothing secret is shown: secret leaves become short digests, and every text is searched for secret values at the
end.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from hubstack.errors import HubstackError
from hubstack.review.rendering import PINNED, Rendered

SHORTEST = 4
"""Characters from which a secret value is searched for in texts; a shorter one is hidden by its place alone."""

_BY_NAME = re.compile(
    r"(passw(or)?d|passphrase|secret|token|credential|private_?key|api_?key|auth_?key|cookie_?secret)", re.I
)
_NO_SECRET = re.compile(
    r"(existingSecret|secretName|[pP]ullSecrets?|secretSync|secretKeyRef|token_?url|tokenUrl|secret\.(name|key|crt)|rotateTokens"
    r"|automountServiceAccountToken|imagePullSecret\.(create|email|registry|username|automaticReferenceInjection))",
)
_BY_PLACE = re.compile(
    r"(^|\.)(proxy\.https\.manual\.key|hub\.config\.CryptKeeper\.keys.*|extraFiles\.[^.]+\.(data|stringData|binaryData).*)$"
)
_URL_PASSWORD = re.compile(r"(?<=:)[^:@/\s]+(?=@)")


class Redactor:
    """Hides the secrets of both sides of a review; one digest key per run, so that digests say equal or not, no
    more.
    """

    def __init__(self, sides: Iterable[Rendered], key: bytes | None = None) -> None:
        """Collect every secret of both sides.

        Arguments:
            key: of the digests; None for one that nobody else has.
        """
        self._key = key or secrets.token_bytes(32)
        self._values: set[str] = set()
        for side in sides:
            for path, leaf in _leaves(side.values):
                if is_secret(path, side.secrets):
                    self._add(leaf)
                elif isinstance(leaf, str):
                    self._values.update(_URL_PASSWORD.findall(leaf) if "://" in leaf else ())
            for manifest in side.objects.values():
                if manifest["kind"] == "Secret":
                    for path, leaf in _leaves(
                        {key: each for key, each in manifest["data"].items() if key != "values.yaml"}
                    ):
                        del path
                        self._add(leaf)
        self._values = {value for value in self._values if len(value) >= SHORTEST and not value.startswith(PINNED)}
        self._forms = sorted({form for value in self._values for form in encodings(value)}, key=len, reverse=True)

    def digest(self, value: Any) -> str:
        """Four hex digits for a secret value."""
        text = json.dumps(value, sort_keys=True, default=str).encode()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()[:4]

    def manifest(self, manifest: Mapping[str, Any], secret_paths: frozenset[str]) -> dict[str, Any]:
        """An object in which every secret leaf is a digest."""
        if manifest["kind"] != "Secret":
            return self._hidden(manifest)
        data = {
            key: self._settings(each, secret_paths) if key == "values.yaml" else f"(secret {self.digest(each)})"
            for key, each in manifest["data"].items()
        }
        return {**manifest, "data": data}

    def setting(self, path: str, value: Any, secret_paths: frozenset[str]) -> str:
        """One setting's value as text."""
        hidden = is_secret(path, secret_paths)
        return f"(secret {self.digest(value)})" if hidden else str(self._hidden(value))

    def text(self, text: str) -> str:
        """A text without any secret value, in whatever encoding."""
        for form in self._forms:
            text = text.replace(form, "[secret]")
        return text

    def require_clean(self, text: str) -> None:
        """Fail if a secret value is in a text that is about to be shown.

        Raises:
            HubstackError: one survived; nothing of it is in the message.
        """
        if any(form in text for form in self._forms):
            raise HubstackError(
                "a secret value would have been shown, so nothing is; this is an error of Hubstack, report it"
            )

    def _add(self, leaf: Any) -> None:
        if isinstance(leaf, str):
            self._values.add(leaf)
            self._values.update(line.strip() for line in leaf.splitlines() if len(line.strip()) >= 2 * SHORTEST)
        elif isinstance(leaf, int) and not isinstance(leaf, bool) and leaf > 10**SHORTEST:
            self._values.add(str(leaf))

    def _settings(self, value: Any, secret_paths: frozenset[str], path: str = "") -> Any:
        if value and is_secret(path, secret_paths):
            return f"(secret {self.digest(value)})"
        if isinstance(value, Mapping):
            below = f"{path}." if path else ""
            return {key: self._settings(member, secret_paths, f"{below}{key}") for key, member in value.items()}
        if isinstance(value, list):
            return [self._settings(each, secret_paths, f"{path}.{index}") for index, each in enumerate(value)]
        return self._hidden(value)

    def _hidden(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {self.text(str(key)): self._hidden(member) for key, member in value.items()}
        if isinstance(value, list):
            return [self._hidden(each) for each in value]
        if isinstance(value, str):
            shown = self.text(value)
            return shown if shown == value else f"{shown} ({self.digest(value)})"
        return value


def is_secret(path: str, secret_paths: frozenset[str]) -> bool:
    """Whether the value at a path of the settings is secret: declared so, or by nature."""
    if not path:
        return False
    if any(path == known or path.startswith(f"{known}.") or known.startswith(f"{path}[") for known in secret_paths):
        return True
    if _NO_SECRET.search(path):
        return False
    last = next((step for step in reversed(path.split(".")) if not step.isdigit()), "")
    return bool(_BY_NAME.search(last) or _BY_PLACE.search(path))


def encodings(value: str) -> Iterator[str]:
    """The forms in which a value may stand in a text."""
    yield value
    yield quote(value, safe="")
    yield quote_plus(value)
    yield html.escape(value)
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    raw = value.encode()
    yield base64.b64encode(raw).decode()
    yield base64.urlsafe_b64encode(raw).decode()
    # Inside a longer text that is encoded as a whole, a value looks different at each of three offsets, and its
    # first and last characters mix with their neighbours.
    for shift in range(3):
        whole = base64.b64encode(b" " * shift + raw).decode().rstrip("=")
        inner = whole[(4 if shift else 0) : len(whole) - (2 if len(raw) > SHORTEST else 0)]
        if len(inner) >= 2 * SHORTEST:
            yield inner


def url_without_password(url: str) -> str:
    """A connection URL as it may be compared in the open."""
    parts = urlsplit(url)
    return url.replace(f":{parts.password}@", ":***@") if parts.password else url


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield from _leaves(member, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _leaves(each, f"{path}.{index}")
    elif value not in (None, ""):
        yield path, value
