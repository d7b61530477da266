"""Nothing secret is shown: secret leaves become short digests, and every text is searched for secret values at the
end.
"""

from __future__ import annotations

import bisect
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hubstack.errors import HubstackError
from hubstack.review.rendering import PINNED, Rendered
from hubstack.safe_text import escaped, html, inline, visible
from hubstack.secret_forms import SHORTEST, encodings
from hubstack.secret_settings import is_secret, is_word, join, leaves, secrets_in, step

SHORTEST_LINE = 16
"""Characters from which a line of a secret text is searched for by itself; shorter ones may be in any text."""
HIDDEN = "[secret]"
"""What stands where a secret was found in a text."""


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
            for leaf in (*side.leftovers, *secrets_in(side.values, side.secrets)):
                self._add(leaf)
            for manifest in side.objects.values():
                if manifest["kind"] == "Secret":
                    for leaf in _contents(manifest["data"]):
                        self._add(leaf)
        # What is a part of the mark itself cannot be told from it.
        self._values = {value for value in self._values if len(value) >= SHORTEST and value not in HIDDEN}
        self._forms = sorted({form for value in self._values for form in _written(value)}, key=len, reverse=True)
        self._known: dict[str, str] = {}

    def digest(self, value: Any) -> str:
        """Four hex digits for a secret value."""
        text = json.dumps(value, sort_keys=True, default=str).encode()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()[:4]

    def manifest(self, manifest: Mapping[str, Any], secret_paths: frozenset[str]) -> dict[str, Any]:
        """An object in which every secret leaf is a digest."""
        if manifest["kind"] != "Secret":
            return self._hidden_map(manifest)
        data = {
            key: self._settings(each, secret_paths) if key == "values.yaml" else f"(secret {self.digest(each)})"
            for key, each in manifest["data"].items()
        }
        return {**self._hidden_map({key: each for key, each in manifest.items() if key != "data"}), "data": data}

    def value(self, value: Any, declared: frozenset[str], path: str, named: str) -> Any:
        """A setting in which every secret leaf is a digest.

        Arguments:
            declared: paths that are secret whatever they are called.
            path: of the setting.
            named: the path as `secret_settings.step` calls its parts.
        """
        return self._settings(value, declared, path, named)

    def text(self, text: str) -> str:
        """A text without any secret value, in whatever encoding."""
        if text not in self._known:
            hidden = text
            # The forms stand in the order of their lengths, and a longer one than the text is not in it.
            for form in self._forms[bisect.bisect_left(self._forms, -len(text), key=lambda form: -len(form)) :]:
                hidden = hidden.replace(form, HIDDEN)
            self._known[text] = hidden
        return self._known[text]

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
        if isinstance(leaf, str) and not leaf.startswith(PINNED):
            self._values.add(leaf)
            self._values.update(line.strip() for line in leaf.splitlines() if len(line.strip()) >= SHORTEST_LINE)
        elif isinstance(leaf, int) and not isinstance(leaf, bool) and leaf > 10**SHORTEST:
            self._values.add(str(leaf))

    def _settings(self, value: Any, declared: frozenset[str], path: str = "", named: str = "") -> Any:
        # A map that only sounds secret (``secret: {secretName: ...}``) is judged member by member.
        sounds = value and (not isinstance(value, Mapping) or path in declared)
        if sounds and is_secret(path, declared, named):
            return f"(secret {self.digest(value)})"
        if isinstance(value, Mapping):
            return {
                self.text(str(key)): self._settings(
                    member, declared, join(path, key), join(named, step(value, str(key)))
                )
                for key, member in value.items()
            }
        if isinstance(value, list):
            return [
                self._settings(each, declared, join(path, index), join(named, index))
                for index, each in enumerate(value)
            ]
        return self._hidden(value)

    def _hidden_map(self, value: Mapping[str, Any]) -> dict[str, Any]:
        return {self.text(str(key)): self._hidden(member) for key, member in value.items()}

    def _hidden(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self._hidden_map(value)
        if isinstance(value, list):
            return [self._hidden(each) for each in value]
        if isinstance(value, str):
            shown = self.text(value)
            return shown if shown == value else f"{shown} ({self.digest(value)})"
        return value


def _written(value: str) -> Iterator[str]:
    """The forms in which a value may stand in a review, which is Markdown at times."""
    yield from encodings(value)
    yield escaped(value)
    yield inline(value)
    yield html(value)
    yield visible(value)


def _contents(data: Mapping[str, Any]) -> Iterator[Any]:
    """Every secret of a Kubernetes Secret: all of it, but for the hub's settings and who a registry's user is."""
    for key, each in data.items():
        if key == ".dockerconfigjson":
            yield from (leaf for path, _, leaf in leaves(each) if path.endswith((".password", ".auth")))
        elif key != "values.yaml":
            found = leaves(each, named=key)
            yield from (leaf for _, named, leaf in found if not is_word(named, leaf))
