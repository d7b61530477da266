"""Nothing secret is shown of a difference: a secret value is a short digest, which says equal or not, and no more."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from hubstack import secret_settings
from hubstack.drift import paths
from hubstack.drift.difference import Difference
from hubstack.drift.paths import MISSING, Item, Path
from hubstack.secret_forms import SHORTEST, encodings

_LONGEST = 160
"""Characters of a text that is shown; of a longer one, and of one with several lines, a digest is."""
_KEY = secrets.token_bytes(32)
"""Of this process's digests; nobody else has it, so that no secret can be guessed from one."""


class Hiding:
    """What is shown of the values of one stack."""

    def __init__(self, known: Iterable[Any] | None) -> None:
        """Prepare for a stack's secrets.

        Arguments:
            known: the stack's secrets, which may stand anywhere in its objects; None where they cannot be read: then no
                text is shown.
        """
        self._is_blind = known is None
        texts = {str(each) for each in known or () if not isinstance(each, bool)}
        self._forms = [form for text in texts if len(text) >= SHORTEST for form in encodings(text)]

    def shown(self, difference: Difference) -> dict[str, Any]:
        """A difference with nothing but JSON types, and nothing secret."""
        target, entry = difference.target, difference.entry
        return {
            "kind": target.kind,
            "namespace": target.namespace or None,
            "name": target.name,
            "path": difference.field,
            "change": difference.change,
            "declared": self._value(difference, difference.declared),
            "live": self._value(difference, difference.live),
            "manager": entry.manager if entry else None,
            "subresource": (entry.subresource if entry else None) or None,
            "when": (entry.time if entry else None) or None,
        }

    def _value(self, difference: Difference, value: Any) -> Any:
        if value is MISSING:
            return None
        is_data = difference.target.kind == "Secret" and difference.path[:1] in (("data",), ("stringData",))
        if difference.is_secret or is_data:
            return _digest("secret", value)
        return self._leaves(value, difference.path, _named(difference.path))

    def _leaves(self, value: Any, path: Path, named: str) -> Any:
        """A value with each secret in it as a digest."""
        if isinstance(value, Mapping):
            return {
                key: self._leaves(each, (*path, key), f"{named}.{secret_settings.step(value, key)}")
                for key, each in value.items()
            }
        if isinstance(value, list):
            return [self._leaves(each, (*path, index), f"{named}.{index}") for index, each in enumerate(value)]
        if not isinstance(value, str):
            return value
        if self._is_secret(value, path, named):
            return _digest("secret", value)
        lines = value.count("\n") + 1
        if lines > 1 or len(value) > _LONGEST:
            return _digest(f"text of {lines} line{'s' if lines > 1 else ''}", value)
        return value

    def _is_secret(self, text: str, path: Path, named: str) -> bool:
        return (
            self._is_blind
            or secret_settings.is_secret(paths.dotted(path), named=named)
            or bool(secret_settings.parts(text))
            or any(form in text for form in self._forms)
        )


def _named(path: Path) -> str:
    """A path as `secret_settings.step` calls its parts."""
    steps: list[str] = []
    for step in path:
        is_value = step == "value" and path and steps and isinstance(path[len(steps) - 1], Item)
        steps.append(steps[-1] if is_value else str(step.value) if isinstance(step, Item) else str(step))
    return ".".join(steps)


def _digest(what: str, value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str).encode()
    return f"({what}, digest {hmac.new(_KEY, text, hashlib.sha256).hexdigest()[:8]})"
