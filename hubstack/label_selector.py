"""Label expressions, in the syntax of Kubernetes: ``tier=staging,region in (eu, us),!frozen``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_KEY = r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?"
_VALUE = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_TERM = re.compile(
    rf"\s*(?:(?P<not>!)?\s*(?P<exists>{_KEY})|(?P<key>{_KEY})\s*(?P<operator>==|=|!=)\s*(?P<value>{_VALUE})"
    rf"|(?P<set>{_KEY})\s+(?P<in>in|notin)\s*\(\s*(?P<values>{_VALUE}(?:\s*,\s*{_VALUE})*)\s*\))\s*(?:,|$)"
)


@dataclass(frozen=True)
class Term:
    """One requirement on one label."""

    key: str
    values: frozenset[str] | None
    """What the label may be; None: anything."""
    negated: bool = False
    """Turns the requirement round; a label that is absent then fits."""

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet the requirement."""
        has = self.key in labels and (self.values is None or labels[self.key] in self.values)
        return has != self.negated


@dataclass(frozen=True)
class Selector:
    """Requirements that must all be met."""

    text: str
    terms: tuple[Term, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet every requirement."""
        return all(term.matches(labels) for term in self.terms)

    @property
    def keys(self) -> frozenset[str]:
        """Labels that the expression asks about."""
        return frozenset(term.key for term in self.terms)


def parse(text: str) -> Selector:
    """Read an expression.

    Raises:
        ValueError: it is empty or not in the syntax; says from which place on.
    """
    terms, position = [], 0
    while position < len(text):
        found = _TERM.match(text, position)
        if not found:
            raise ValueError(
                f"{text!r}: cannot be read from {text[position:].strip()!r} on; "
                "write it like tier=staging, tier!=staging, region in (eu, us), region notin (eu), gpu, !gpu"
            )
        terms.append(_term(found))
        position = found.end()
    if not terms or text.rstrip().endswith(","):
        raise ValueError(
            f"{text!r}: selects nothing in particular; name at least one label, without a comma at the end"
        )
    return Selector(text, tuple(terms))


def from_mapping(labels: Mapping[str, Any]) -> Selector:
    """Read a map of labels to a value, or to a list of values of which any fits.

    Raises:
        ValueError: the map is empty, or holds something else than text.
    """
    if not labels:
        raise ValueError("selects nothing in particular; name at least one label")
    terms = []
    for key, given in labels.items():
        values = given if isinstance(given, list) else [given]
        if not values or not all(isinstance(value, str) for value in values):
            raise ValueError(f"{key}: must be text or a list of texts; put numbers, yes and no in quotes")
        terms.append(Term(str(key), frozenset(values)))
    return Selector(",".join(f"{term.key} in ({', '.join(sorted(term.values or ()))})" for term in terms), tuple(terms))


def _term(found: re.Match[str]) -> Term:
    if found["exists"]:
        return Term(found["exists"], None, negated=bool(found["not"]))
    if found["key"]:
        return Term(found["key"], frozenset([found["value"]]), negated=found["operator"] == "!=")
    return Term(found["set"], frozenset(re.findall(_VALUE, found["values"])), negated=found["in"] == "notin")


def _validate(value: Any) -> Selector:
    try:
        if isinstance(value, Selector):
            return value
        if isinstance(value, str):
            return parse(value)
        if isinstance(value, Mapping):
            return from_mapping(value)
    except ValueError as error:
        raise PydanticCustomError("selector", "{text}", {"text": str(error)}) from None
    raise PydanticCustomError("selector", "must be a label expression, or a map of labels")


LabelExpression = Annotated[
    Selector,
    PlainValidator(_validate),
    PlainSerializer(lambda selector: selector.text),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "examples": ["tier=staging", "tier=prod,region in (eu, us)"]},
                {
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": {
                        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]
                    },
                },
            ]
        }
    ),
]
"""A selector, written as text or as a map."""
