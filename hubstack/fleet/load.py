"""``fleet.yaml`` in, a checked fleet out; every problem at once, with its line."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from hubstack.chart.errors import Problem, SettingsError
from hubstack.chart.values.messages import described
from hubstack.fleet import gate_settings
from hubstack.fleet.lines import document as document_with_lines
from hubstack.fleet.model import Fleet, Pace, StackEntry, Wave
from hubstack.fleet.windows import Window
from hubstack.project import bounds

FILE = "fleet.yaml"

_WANTED = {
    "string_type": "text; put numbers, yes and no in quotes",
    "int_type": "a whole number",
    "dict_type": "a map",
    "list_type": "a list",
    "model_type": "a map",
    "model_attributes_type": "a map",
}
_SHAPES: dict[str, type[BaseModel]] = {
    "stacks": StackEntry,
    "waves": Wave,
    "gates": gate_settings.Gate,
    "windows": Window,
}
_GATES = {
    get_args(each.model_fields["type"].annotation)[0]: each
    for each in (
        gate_settings.HubHealth,
        gate_settings.ProxyRoute,
        gate_settings.Certificate,
        gate_settings.Scheduler,
        gate_settings.Notebook,
    )
}


def load(root: Path) -> Fleet | None:
    """The fleet of a project, or None where it has no ``fleet.yaml``.

    Arguments:
        root: the project's folder.

    Raises:
        SettingsError: the file cannot be used; lists everything that is wrong with it.
    """
    file = root / FILE
    if reason := bounds.of_folder(root).refusal(file):
        raise SettingsError([Problem(FILE, "", reason)])
    return read(file) if os.path.lexists(file) else None


def read(file: Path, *, stack_files: bool = True) -> Fleet:
    """Read and check a fleet file.

    Arguments:
        file: the fleet file; its folder has the stacks' files.
        stack_files: whether every stack must have its ``Pulumi.<stack>.yaml``.

    Raises:
        SettingsError: the file cannot be used; lists everything that is wrong with it.
    """
    document, found = document_with_lines(file)
    problems: list[Problem] = []

    def problem(path: Sequence[str | int], message: str) -> None:
        problems.append(Problem(f"{file.name}:{found.line(path)}", _dotted(path), message))

    fleet = None
    try:
        fleet = Fleet.model_validate(_with_defaults(document))
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            problem(*_explained(detail, document))
    if fleet:
        for path, message in _semantic(fleet):
            problem(path, message)
        if stack_files:
            for name in fleet.stacks:
                if not os.path.isfile(file.parent / f"Pulumi.{name}.yaml"):  # a name may be too long for a path
                    problem(("stacks", name), f"there is no Pulumi.{name}.yaml beside {file.name}")
    if problems or fleet is None:
        raise SettingsError(sorted(dict.fromkeys(problems), key=lambda each: (_number(each.source), each.path)))
    return fleet


def waves_of(root: Path) -> dict[str, str]:
    """Name of the wave of each stack; empty where the project has no fleet file.

    Raises:
        SettingsError: the fleet file cannot be used.
    """
    fleet = load(root)
    return fleet.wave_of() if fleet else {}


def _semantic(fleet: Fleet) -> Iterator[tuple[Sequence[str | int], str]]:
    """What is wrong with a file whose every part is right."""
    names = [wave.name for wave in fleet.waves]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield ("waves", index, "name"), f"{name!r}: another wave has this name"
    waves: dict[str, list[str]] = {stack: [] for stack in fleet.stacks}
    known = {key for stack in fleet.stacks for key in fleet.labels_of(stack)}
    for index, wave in enumerate(fleet.waves):
        members = fleet.members(wave)
        for stack in members:
            waves[stack].append(wave.name)
        for key in sorted(wave.select.keys - known):
            yield ("waves", index, "select"), f"{key!r}: no stack has this label{_near(key, known)}"
        if not members:
            yield ("waves", index, "select"), "selects no stack; mend the expression or remove the wave"
    for stack, of in waves.items():
        if len(of) != 1:
            found = f"is in {len(of)} waves: {', '.join(of)}" if of else "is in no wave"
            yield (
                ("stacks", stack),
                f"{found}; every stack belongs to exactly one, so mend its labels or a wave's select",
            )


def _with_defaults(document: Any) -> Any:
    """The document with `defaults` put into each wave that does not say otherwise."""
    defaults = document.get("defaults") if isinstance(document, dict) else None
    waves = document.get("waves") if isinstance(document, dict) else None
    if not isinstance(defaults, dict) or not isinstance(waves, list):
        return document
    known = {key: value for key, value in defaults.items() if key in _keys(Pace)}
    return {**document, "waves": [{**known, **wave} if isinstance(wave, dict) else wave for wave in waves]}


def _explained(detail: Any, document: Any) -> tuple[list[str | int], str]:
    """Path and message of what Pydantic found."""
    # A union of gates puts the gate's type into the path, a map of names "[key]".
    path = [step for step in detail["loc"] if step not in _GATES and step != "[key]"]
    kind, value = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return path, f"unknown key{_near(str(path[-1]), _known(path[:-1], document))}"
    if kind == "missing":
        return path[:-1], f"{path[-1]!r} is missing: {_description(path, document)}"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return path, f"needs a type, one of: {', '.join(_GATES)}"
    if kind in _WANTED:
        return path, f"is {described(value)}, but must be {_WANTED[kind]}"
    if kind == "string_pattern_mismatch":
        return path, f"{described(value)}: must match {detail['ctx']['pattern']}"
    message = str(detail["msg"])
    return path, message if detail.get(
        "ctx"
    ) is None or kind in _OWN else f"{described(value)}: {message[0].lower()}{message[1:]}"


_OWN = ("selector", "duration", "failures", "day", "hours", "time_zone")
"""Errors whose text says everything already."""


def _model(path: Sequence[str | int], document: Any) -> type[BaseModel] | None:
    """The model that a place of the document is read with."""
    names = [step for step in path if isinstance(step, str)]
    if not path:
        return Fleet
    if names[-1] == "defaults":
        return Pace
    if "gates" in names:
        gate: Any = document
        for step in path:
            gate = gate[step]
        return _GATES.get(gate.get("type")) if isinstance(gate, dict) else None
    return _SHAPES.get(next((name for name in reversed(names) if name in _SHAPES), ""))


def _known(path: Sequence[str | int], document: Any) -> list[str]:
    model = _model(path, document)
    return _keys(model) if model else []


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _description(path: Sequence[str | int], document: Any) -> str:
    model = _model(path[:-1], document)
    fields: dict[str, FieldInfo] = (
        {field.alias or name: field for name, field in model.model_fields.items()} if model else {}
    )
    text = fields[str(path[-1])].description if str(path[-1]) in fields else None
    return (text or "it is needed").rstrip(".")


def _near(key: str, known: Any) -> str:
    found = sorted(known)
    near = difflib.get_close_matches(key, found, n=1) or [each for each in found if each.lower() == key.lower()]
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(found)}" if found else ""


def _dotted(path: Sequence[str | int]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _number(source: str) -> int:
    line = source.rpartition(":")[2]
    return int(line) if line.isdigit() else 0
