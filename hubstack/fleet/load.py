"""``fleet.yaml`` in, a checked fleet out; every problem at once, with its line."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hubstack.chart import wording
from hubstack.chart.errors import Problem, SettingsError
from hubstack.document_lines import document as document_with_lines
from hubstack.errors import HubstackError
from hubstack.fleet import gate_settings
from hubstack.fleet.model import JOURNAL, Fleet, Pace
from hubstack.project import bounds

FILE = "fleet.yaml"


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


def the_fleet(root: Path) -> Fleet:
    """The project's fleet, which it must have.

    Raises:
        HubstackError: there is no fleet file.
        SettingsError: it cannot be used.
    """
    fleet = load(root)
    if fleet is None:
        raise HubstackError(
            f"{root / FILE}: there is none; it names the stacks and the waves of a fleet. "
            "docs/fleet.md explains it, docs/examples/fleet/fleet.yaml is one"
        )
    return fleet


def read(file: Path, *, stack_files: bool = True) -> Fleet:
    """Read and check a fleet file.

    Arguments:
        file: the fleet file; its folder has the stacks' files.
        stack_files: whether every stack must have its ``Pulumi.<stack>.yaml``.

    Raises:
        SettingsError: the file cannot be used; lists everything that is wrong with it.
    """
    document, found = document_with_lines(file, "the keys stacks and waves")
    problems: list[Problem] = []

    def problem(path: Sequence[str | int], message: str) -> None:
        problems.append(Problem(f"{file.name}:{found.line(path)}", wording.dotted(path), message))

    fleet = None
    try:
        fleet = Fleet.model_validate(_with_defaults(document))
    except ValidationError as error:
        for path, message in _explained(error, document):
            problem(path, message)
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


def labels_of(root: Path, stack: str) -> dict[str, str]:
    """A stack's labels; none where no fleet file names it.

    Raises:
        SettingsError: the fleet file cannot be used.
    """
    fleet = load(root)
    return dict(fleet.labels_of(stack)) if fleet and stack in fleet.stacks else {}


def _semantic(fleet: Fleet) -> Iterator[tuple[Sequence[str | int], str]]:
    """What is wrong with a file whose every part is right."""
    names = [wave.name for wave in fleet.waves]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield ("waves", index, "name"), f"{name!r}: another wave has this name"
    named = {fleet.labels_of(stack).get("cluster") for stack in fleet.stacks}
    for cluster in fleet.clusters:
        if cluster not in named:
            yield ("clusters", cluster), f"{cluster!r}: no stack has the label cluster={cluster}; add it or remove this"
    waves: dict[str, list[str]] = {stack: [] for stack in fleet.stacks}
    known = {key for stack in fleet.stacks for key in fleet.labels_of(stack)}
    for index, wave in enumerate(fleet.waves):
        members = fleet.members(wave)
        for stack in members:
            waves[stack].append(wave.name)
        for key in sorted(wave.select.keys - known):
            near = wording.nearest(key, sorted(known))
            hint = f"did you mean {near!r}?" if near else f"known: {', '.join(sorted(known))}"
            yield ("waves", index, "select"), f"{key!r}: no stack has this label; {hint}"
        if isinstance(wave.min_succeeded, int) and wave.min_succeeded > len(members) > 0:
            message = f"must be {len(members)} at most, the number of stacks in the wave; or a percentage such as 80%"
            yield ("waves", index, "minSucceeded"), f"{wave.min_succeeded}: {message}"
        if not members:
            yield ("waves", index, "select"), "selects no stack; mend the expression or remove the wave"
    if JOURNAL in fleet.stacks:
        yield ("stacks", JOURNAL), "is the name of the stack with the journal of rollouts; give the hub another one"
    for stack, of in waves.items():
        if len(of) != 1:
            found = f"is in {len(of)} waves: {', '.join(of)}" if of else "is in no wave"
            yield (
                ("stacks", stack),
                f"{found}; every stack belongs to exactly one, so mend its labels or a wave's select",
            )


def _with_defaults(document: Any) -> Any:
    """The document with `defaults` put into each wave that does not say otherwise."""
    defaults = document.get("defaults")
    waves = document.get("waves")
    if not isinstance(defaults, dict) or not isinstance(waves, list):
        return document
    known = {key: value for key, value in defaults.items() if key in wording.keys(Pace)}
    return {**document, "waves": [{**known, **wave} if isinstance(wave, dict) else wave for wave in waves]}


def _explained(error: ValidationError, document: Any) -> Iterator[tuple[Sequence[str | int], str]]:
    """Path and message of everything that Pydantic found."""
    for detail in error.errors(include_url=False):
        path = _place(detail)
        if not _is_inherited(path, document):  # what stands in `defaults` is said there, once
            yield _said(path, detail, document)


def _is_inherited(path: Sequence[str | int], document: Any) -> bool:
    """Whether a place in a wave is one that `_with_defaults` has filled."""
    match path:
        case ["waves", int(index), str(key), *_]:
            defaults = document.get("defaults")
            return key not in document["waves"][index] and isinstance(defaults, dict) and key in defaults
    return False


def _place(detail: ErrorDetails) -> list[str | int]:
    """Where it is; Pydantic puts the type of a gate into the path, behind the gate's index."""
    path = wording.place(detail)
    is_type = [len(before) > 1 and before[-2] == "gates" and isinstance(before[-1], int)
               for before in (path[:index] for index in range(len(path)))]  # fmt: skip
    return [step for step, of_gate in zip(path, is_type, strict=True) if not of_gate]


def _said(path: list[str | int], detail: ErrorDetails, document: Any) -> tuple[Sequence[str | int], str]:
    kind = detail["type"]
    model = wording.model_at(Fleet, path[:-1], document)
    if kind == "extra_forbidden":
        return path, wording.unknown(str(path[-1]), wording.keys(model) if model else ())
    if kind == "missing":
        return path[:-1], f"{path[-1]!r} is missing: {_description(model, str(path[-1]))}"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return path, f"needs a type, one of: {', '.join(gate_settings.TYPES)}"
    return path, wording.wrong(detail)


def _description(model: type[BaseModel] | None, key: str) -> str:
    fields = {field.alias or name: field for name, field in model.model_fields.items()} if model else {}
    text = fields[key].description if key in fields else None
    return (text or "it is needed").rstrip(".")


def _number(source: str) -> int:
    line = source.rpartition(":")[2]
    return int(line) if line.isdigit() else 0
