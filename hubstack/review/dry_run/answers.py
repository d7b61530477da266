"""What the API server's refusals say: which field of an object is wrong, and why, in plain words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hubstack.review.dry_run import fields

LONGEST_VALUE = 120
"""Characters of a quoted value; a longer one, such as a whole specification in Go's notation, is left out."""
_EXAMPLE = re.compile(r" \(e\.g\. .*\)$", re.DOTALL)
_QUOTED = re.compile("(Invalid|Unsupported|Duplicate) value: ")
_QUANTITY = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?")
_MAPS = ("requests", "limits", "capacity", "hard", "default", "defaultRequest", "overhead")
"""Maps of quantities; the API server does not say which of them is wrong."""
_AMOUNTS = ("sizeLimit", "divisor", "averageValue")
"""Fields that are quantities themselves."""
_LAST_PORT = 65535
_UNKNOWN = re.compile(r'unknown field "([^"]+)"')
_UNMARSHAL = re.compile(r"cannot unmarshal (\w+) into Go struct field [^. ]+\.(\S+) of type (\S+)")
_EXPECTED = {
    "string": "a text",
    "numeric (int or float)": "a number",
    "boolean": "true or false",
    "map": "a map",
    "list": "a list",
}
_KINDS = {"string": "a text", "number": "a number", "bool": "true or false", "array": "a list", "object": "a map"}


@dataclass(frozen=True)
class Complaint:
    """One thing that is wrong with an object."""

    field: str
    """Path in the object; blank where the server names none."""
    reason: str
    value: Any = None
    """What stands there, where that is known."""
    unknown: bool = False
    """Whether there is no such field."""


@dataclass(frozen=True)
class Judgement:
    """What an answer means for an object."""

    complaints: tuple[Complaint, ...] = ()
    unjudged: str = ""
    """Why the server could not judge it."""


def judgement(status: int, body: bytes, manifest: Mapping[str, Any]) -> Judgement:
    """What an answer means.

    Arguments:
        status: of the answer; 0 where there is none.
        body: of the answer.
        manifest: the object that the server was asked about.
    """
    if 200 <= status < 300:
        return Judgement(tuple(_unchecked(manifest)))
    try:
        document = json.loads(body)
        message = str(document.get("message") or "")
    except (ValueError, AttributeError):
        document, message = {}, body.decode(errors="replace").strip()
    if found := tuple(_complaints(document, message, manifest)):
        return Judgement(found)
    if why := _unjudged(status, message):
        return Judgement(unjudged=why)
    return Judgement((Complaint("", _first_line(message) or f"the API server says {status}"),))


def _complaints(document: Mapping[str, Any], message: str, manifest: Mapping[str, Any]) -> Iterator[Complaint]:
    causes = [each for each in (document.get("details") or {}).get("causes") or [] if each.get("field")]
    for cause in causes:
        field = re.sub(r"^spec\.template\.labels\b", "spec.template.metadata.labels", str(cause["field"]))
        yield _of_field(field, str(cause.get("message") or ""), manifest)
    if causes:
        return
    if "failed to create typed patch object" in message:
        for field, reason in re.findall(r"(?:: |\n\s*)(\.\S.*?): ([^\n]+)", message):
            yield _of_field(field.lstrip("."), reason, manifest)
    elif "quantities must match" in message or "unable to parse quantity" in message:
        yield from _quantities(manifest)
    elif unknown := _UNKNOWN.findall(message):
        for field in unknown:
            yield Complaint(field, "there is no such field", unknown=True)
    elif wrong := _UNMARSHAL.search(message):
        yield Complaint(wrong[2], f"must be of type {wrong[3]}, and is {_KINDS.get(wrong[1], wrong[1])}")


def _unchecked(manifest: Mapping[str, Any]) -> Iterator[Complaint]:
    """What a server checks only when it stores an object: the ports of nodes, which it hands out."""
    if manifest["kind"] != "Service":
        return
    for index, port in enumerate((manifest.get("spec") or {}).get("ports") or []):
        number = port.get("nodePort")
        if isinstance(number, int) and not 0 <= number <= _LAST_PORT:
            field = f"spec.ports[{index}].nodePort"
            yield Complaint(field, f"Invalid value: {number}: must be between 1 and {_LAST_PORT}, inclusive", number)


def _of_field(field: str, reason: str, manifest: Mapping[str, Any]) -> Complaint:
    value = next(fields.values(manifest, field), None)
    if "field not declared in schema" in reason:
        return Complaint(field, "there is no such field", value, unknown=True)
    if expected := re.match(r"expected (.+?), got ", reason):
        return Complaint(field, f"must be {_article(expected[1])}, and is {_kind(value)}", value)
    if twice := re.match(r"duplicate entries for key \[(.+)\]", reason):
        return Complaint(field, f"two entries have {twice[1]}", _parsed(twice[1].partition("=")[2], None))
    if "immutable" in reason or "may not be changed" in reason or "updates to " in reason:
        return Complaint(field, "the cluster does not change this; the object would have to be deleted and made anew")
    if quoted := _QUOTED.match(reason):
        value, end = _value(reason, quoted.end(), value)
        if end - quoted.end() > LONGEST_VALUE:
            reason = reason[end:].removeprefix(": ") or "not allowed"
    return Complaint(field, _EXAMPLE.sub("", _first_line(reason)), value)


def _value(text: str, start: int, otherwise: Any) -> tuple[Any, int]:
    """The value that a message quotes, which is JSON as a rule, and where it ends."""
    try:
        return json.JSONDecoder().raw_decode(text, start)
    except ValueError:
        end = text.find(": ", start)
        return otherwise, len(text) if end < 0 else end


def _quantities(manifest: Mapping[str, Any]) -> Iterator[Complaint]:
    """Every amount that is no quantity; the server only says that there is one."""
    form = "is no quantity; one has no blanks, and a unit such as m, M, G, Mi or Gi"
    found = False
    for path, key, value in fields.members(manifest):
        amounts = {f"{path}.{name}": each for name, each in value.items()} if key in _MAPS and value else {}
        for place, each in ({path: value} if key in _AMOUNTS else amounts).items():
            if not isinstance(each, (int, float)) and not _QUANTITY.fullmatch(str(each)):
                found = True
                yield Complaint(place, f"{json.dumps(each)} {form}", each)
    if not found:
        yield Complaint("", f"an amount {form}")


def _unjudged(status: int, message: str) -> str:
    """Why an answer is none; blank where it is a refusal."""
    if "does not support dry run" in message:
        return f"a webhook of the cluster cannot be asked without storing anything ({_first_line(message)})"
    if "exceeded quota" in message:
        return f"the namespace's quota is used up at the moment ({_first_line(message)})"
    if status == 404 and re.search(r'namespaces "[^"]*" not found', message):
        return "the namespace is not there yet"
    if status in (401, 403) and re.search(r'User "[^"]*" cannot|cannot \w+ resource|attempting to grant', message):
        return f"this account may not ask ({_first_line(message)})"
    if status in (0, 401, 409, 429) or status >= 500:
        return f"the API server gives no answer ({_first_line(message) or status})"
    return ""


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()


def _parsed(text: str, otherwise: Any) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return otherwise


def _article(kind: str) -> str:
    return _EXPECTED.get(kind, kind)


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case Mapping():
            return "a map"
    return "something else"
