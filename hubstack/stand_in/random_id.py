"""The resource type: what it takes, what it makes of random bytes, and what makes new ones necessary.

All of it is what pulumi-random 4.21.1 does (the resource ``random_id`` of the Terraform provider that it wraps);
tests/engine/stand_in compares the two.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from typing import Any

from hubstack.stand_in.values import UNKNOWN, Properties, secret, text, whole_number

TYPE = "random:index/randomId:RandomId"
_MOST_BYTES = 1 << 16
"""More would be a slip, and must not fill the memory."""
_NOTE = "__pulumi_raw_state_delta"
"""Where the real plugin notes how its properties differ from the Terraform state that they stand for."""
_NULL = secret({"replace": {"raw": None}})
"""The note on an input that was not given."""


class RandomId:
    """``RandomId``: bytes that may be seen, in four notations with a prefix before each."""

    length = "byteLength"
    """Name of the input that says how many bytes."""
    inputs = ("byteLength", "keepers", "prefix")
    """Names of all inputs."""
    outputs = ("b64Std", "b64Url", "dec", "hex", "id")
    """Names of what is made of the bytes."""

    def check(self, news: Mapping[str, Any]) -> dict[str, str]:
        """What is wrong with the inputs: for each property, why."""
        failures = {name: "is an output, and cannot be set" for name in self.outputs if news.get(name) is not None}
        if news.get(self.length) is None:
            failures[self.length] = "is required: the number of bytes"
        for name in self.inputs:
            try:
                self._value(name, news.get(name))
            except ValueError as error:
                failures.setdefault(name, str(error))
        return failures

    def plan(self, news: Mapping[str, Any]) -> Properties:
        """The inputs as a resource has them: only those of this type, each of its own type.

        Raises:
            ValueError: they would not pass `check`.
        """
        if failures := self.check(news):
            raise ValueError("; ".join(f"{name} {why}" for name, why in failures.items()))
        values = {name: self._value(name, news.get(name)) for name in self.inputs}
        return {name: value for name, value in values.items() if value is not None}

    def create(self, news: Mapping[str, Any]) -> tuple[str, Properties]:
        """A new resource: its id and its properties.

        Raises:
            ValueError: the inputs would not pass `check`, or are not known.
        """
        plan = self.plan(news)
        raw = secrets.token_bytes(whole_number(plan[self.length]))
        return self.identity(raw), self._noted(plan, self._made(raw, plan))

    def preview(self, news: Mapping[str, Any]) -> Properties:
        """The properties of a new resource, as far as they are known before it is made.

        Raises:
            ValueError: the inputs would not pass `check`.
        """
        return {**self.plan(news), **dict.fromkeys(self.outputs, UNKNOWN)}

    def imported(self, identity: str) -> tuple[str, Properties]:
        """A resource that is imported: its id and its properties.

        Arguments:
            identity: its id; for a `RandomId` with a prefix, that, a comma and the id.

        Raises:
            ValueError: it is no id of this type.
        """
        raw, plan = self._decoded(identity)
        if not raw:
            raise ValueError("the id stands for no bytes")
        plan = {self.length: len(raw), **plan}
        return self.identity(raw), self._noted(plan, self._made(raw, plan))

    def kept(self, olds: Mapping[str, Any], inputs: Mapping[str, Any], *, preview: bool = False) -> Properties:
        """The properties of a resource that keeps its bytes.

        Arguments:
            olds: properties of the resource.
            inputs: properties that have its inputs.
            preview: whether this is not yet what the state gets.

        Raises:
            ValueError: the resource lacks an output.
        """
        if missing := [name for name in self.outputs if not isinstance(olds.get(name), str)]:
            raise ValueError(f"the state has no {' and no '.join(missing)}")
        plan = {name: inputs[name] for name in self.inputs if name in inputs}
        return {**plan, **self._shown(olds)} if preview else self._noted(plan, olds)

    def changes(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, bool]:
        """For each input that changes, whether that makes a new resource necessary.

        Arguments:
            olds: properties of the resource.
            news: inputs that have passed `check`.
        """
        plan = self.plan(news)
        changed = [name for name in sorted(self.inputs) if olds.get(name) != plan.get(name)]
        return {name: self._replaces(name, olds.get(name), plan.get(name)) for name in changed}

    def identity(self, raw: bytes) -> str:
        """The id of a resource with these bytes."""
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    def _made(self, raw: bytes, plan: Mapping[str, Any]) -> Properties:
        """The outputs."""
        prefix = plan.get("prefix", "")
        return {
            "id": self.identity(raw),
            "b64Url": prefix + self.identity(raw),
            "b64Std": prefix + base64.b64encode(raw).decode(),
            "hex": prefix + raw.hex(),
            "dec": prefix + str(int.from_bytes(raw)),
        }

    def _decoded(self, identity: str) -> tuple[bytes, Properties]:
        """Bytes that an id for an import stands for, and inputs that it tells beside their number."""
        prefix, _, encoded = identity.rpartition(",")
        padded = encoded + "=" * (-len(encoded) % 4)
        try:
            raw = base64.urlsafe_b64decode(padded)
        except ValueError:
            raw = b""
        if self.identity(raw) != encoded:
            raise ValueError("the id is not base64 in the alphabet for URLs, without padding")
        return raw, {"prefix": prefix} if prefix else {}

    def _noted(self, plan: Mapping[str, Any], made: Mapping[str, Any]) -> Properties:
        notes = {name: _NULL for name in self.inputs if name not in plan}
        if "keepers" in plan:
            notes["keepers"] = {"map": {}}
        return {**plan, **self._shown(made), _NOTE: {"obj": {"ps": notes}}}

    def _shown(self, made: Mapping[str, Any]) -> Properties:
        return {name: made[name] for name in self.outputs}

    def _replaces(self, name: str, old: Any, new: Any) -> bool:
        """Keepers of which no value appears, changes or goes away leave the bytes as they are."""
        if name != "keepers":
            return True
        before = old or {}
        after = new if isinstance(new, dict) else {}  # not known: holds nothing yet
        return bool(before.keys() - after.keys()) or any(before.get(key) != value for key, value in after.items())

    def _value(self, name: str, value: Any) -> Any:
        if value is None or value == UNKNOWN:
            return value
        if name == self.length:
            number = whole_number(value)
            if not 1 <= number <= _MOST_BYTES:
                raise ValueError(f"must be from 1 to {_MOST_BYTES}, not {number}")
            return number
        if name != "keepers":
            return text(value)
        if not isinstance(value, dict):
            raise ValueError(f"must be a map of texts, not {value!r}")
        return {key: text(each) for key, each in value.items()}
