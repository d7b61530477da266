"""The little of Go's templates that settings use (``hub.command``, ``hub.args``, ``proxy.chp.extraCommandLineFlags``).

The chart runs these texts through Helm's ``tpl``. What people write there is a reference to a value, perhaps
through one of a few functions; anything else is refused by name instead of being rendered wrongly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from hubstack.chart.errors import Problem, SettingsError
from hubstack.chart.release import Release
from hubstack.chart.text import go_text

_ACTION = re.compile(r"\{\{(-?)\s*(.*?)\s*(-?)\}\}", re.DOTALL)
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`|[^\s|]+|\|')

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "quote": lambda value: json.dumps(go_text(value), ensure_ascii=False),
    "squote": lambda value: f"'{go_text(value)}'",
    "upper": lambda value: go_text(value).upper(),
    "lower": lambda value: go_text(value).lower(),
    "trim": lambda value: go_text(value).strip(),
    "default": lambda fallback, value=None: value or fallback,
    "trimSuffix": lambda suffix, value: go_text(value).removesuffix(suffix),
    "trimPrefix": lambda prefix, value: go_text(value).removeprefix(prefix),
    "toString": go_text,
    "print": lambda *values: "".join(go_text(value) for value in values),
}


def render(text: Any, release: Release, setting: str = "a templated setting") -> str:
    """Render a text as Helm's ``tpl`` would.

    Arguments:
        text: the template.
        release: what ``.Values``, ``.Release`` and ``.Chart`` mean.
        setting: the setting's path, for messages.

    Raises:
        SettingsError: the template uses more than references and the functions that are known here.
    """
    if not isinstance(text, str):
        raise SettingsError([Problem("", setting, f"{text!r}: must be text; quote it")])
    root = {
        "Values": release.tree,
        "Release": {
            "Name": release.name,
            "Namespace": release.namespace,
            "Service": release.service,
            # What `helm template` and a first install say; the objects must not depend on an update's count.
            "Revision": 1,
            "IsInstall": True,
            "IsUpgrade": False,
        },
        "Chart": {"Name": release.chart_name, "Version": release.chart_version, "AppVersion": release.app_version},
    }
    result, position = "", 0
    for action in _ACTION.finditer(text):
        before = text[position : action.start()]
        result += before.rstrip() if action[1] else before
        result += go_text(_pipeline(action[2], root, text, setting))
        position = action.end()
        if action[3]:
            position += len(text[position:]) - len(text[position:].lstrip())
    rest = text[position:]
    if "{{" in rest or "}}" in rest:
        raise _refused(text, setting, "the template is not closed")
    return result + rest


def _pipeline(source: str, root: Mapping[str, Any], text: str, setting: str) -> Any:
    if source.startswith("/*"):
        return ""
    stages: list[list[str]] = [[]]
    for word in _WORD.findall(source):
        if word == "|":
            stages.append([])
        else:
            stages[-1].append(word)
    piped: list[Any] = []
    for stage in stages:
        if not stage:
            raise _refused(text, setting, "an empty step")
        head, *rest = stage
        arguments = [_operand(word, root, text, setting) for word in rest] + piped
        if head in _FUNCTIONS:
            piped = [_FUNCTIONS[head](*arguments)]
        elif arguments:
            raise _refused(text, setting, f"the function {head!r} is not known here")
        else:
            piped = [_operand(head, root, text, setting)]
    return piped[0]


def _operand(word: str, root: Mapping[str, Any], text: str, setting: str) -> Any:
    if word[0] in '"`':
        return json.loads(word) if word[0] == '"' else word[1:-1]
    if re.fullmatch(r"-?[0-9]+", word):
        return int(word)
    if word in ("true", "false"):
        return word == "true"
    if not re.fullmatch(r"\$?(\.[A-Za-z_][A-Za-z0-9_]*)+", word):
        raise _refused(text, setting, f"{word!r} is not known here")
    found: Any = root
    for key in word.lstrip("$").split(".")[1:]:
        if not isinstance(found, Mapping):
            raise _refused(text, setting, f"{word} has no value")
        found = found.get(key)
    return found


def _refused(text: str, setting: str, reason: str) -> SettingsError:
    known = "references such as {{ .Values.hub.baseUrl }} and the functions " + ", ".join(sorted(_FUNCTIONS))
    return SettingsError([Problem("", setting, f"{text!r}: {reason}; allowed: {known}")])
