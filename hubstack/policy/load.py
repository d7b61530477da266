"""``policies.yaml`` in, checked rules out; every problem at once, with its line."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hubstack import reading
from hubstack.chart import wording
from hubstack.chart.errors import Problem, SettingsError
from hubstack.document_lines import Lines
from hubstack.document_lines import document as document_with_lines
from hubstack.policy import FILE, exists
from hubstack.policy.expressions import Evaluator
from hubstack.policy.model import BASELINE, BaselineFile, Override, Policies, Policy, PolicyFile
from hubstack.project import bounds
from hubstack.project.bounds import Bounds

_BASELINE = Path(__file__).with_name("baseline.yaml")

Place = tuple[str | int, ...]


def load(root: Path, evaluator: Evaluator, within: Bounds | None = None) -> Policies | None:
    """The policies of a project, or None where it has no ``policies.yaml``.

    Arguments:
        root: the project's folder.
        evaluator: compiles the expressions.
        within: the files that belong to the revision; None for all that are in the folder.

    Raises:
        SettingsError: the file cannot be used; lists everything that is wrong with it.
        HubstackError: expressions cannot be compiled on this machine.
    """
    file = root / FILE
    if not exists(root):
        return None
    if reason := (within or bounds.of_folder(root)).refusal(file):
        raise SettingsError([Problem(FILE, "", reason)])
    return read(file, evaluator)


def read(file: Path, evaluator: Evaluator) -> Policies:
    """Read and check a file of policies.

    Raises:
        SettingsError, HubstackError: as of `load`.
    """
    document, lines = document_with_lines(file, "the keys extends and policies, or one of them")
    problems: list[Problem] = []

    def problem(path: Sequence[str | int], message: str, line: int | None = None) -> None:
        problems.append(Problem(f"{file.name}:{line or lines.line(path)}", wording.dotted(path), message))

    found = None
    try:
        found = PolicyFile.model_validate(document)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            problem(*_said(detail, document))
    for place, text in _expressions(document):
        for wrong in evaluator.mistakes([text])[0]:
            problem(place, f"column {wrong.column}: {wrong.message}", _line(lines, place, wrong.line))
    if found:
        for path, message in _semantic(found):
            problem(path, message)
    if problems or found is None:
        raise SettingsError(sorted(dict.fromkeys(problems), key=_order))
    return Policies(_merged(found), tuple(found.exemptions), found.production)


@functools.cache
def baseline() -> tuple[Policy, ...]:
    """The built-in set."""
    return tuple(BaselineFile.model_validate(reading.yaml_file(_BASELINE)).policies)


def _merged(found: PolicyFile) -> tuple[Policy, ...]:
    """The built-in rules as the file takes them, then its own."""
    if found.extends is None:
        return tuple(found.policies)
    return (*(_overridden(each, found.baseline.get(each.name)) for each in baseline()), *found.policies)


def _overridden(policy: Policy, override: Override | None) -> Policy:
    changes = override.model_dump(exclude_none=True, include={"level"}) if override else {}
    if override and override.stacks:
        changes["stacks"] = override.stacks
    return policy.model_copy(update=changes)


def _semantic(found: PolicyFile) -> Iterator[tuple[Place, str]]:
    """What is wrong with a file whose every part is right."""
    builtin = {each.name for each in baseline()} if found.extends else set()
    names = builtin | {each.name for each in found.policies}
    if found.baseline and not found.extends:
        yield ("baseline",), f"is for rules of the built-in set; add `extends: {BASELINE}`"
    for name in found.baseline if found.extends else ():
        if name not in builtin:
            yield ("baseline", name), _unknown(name, builtin)
    seen = set(builtin)
    for index, policy in enumerate(found.policies):
        if policy.name in seen:
            whose = "the built-in set has a rule of this name" if policy.name in builtin else "another policy has it"
            yield ("policies", index, "name"), f"{policy.name!r}: {whose}; choose another"
        seen.add(policy.name)
        if policy.kinds and policy.each != "object":
            yield ("policies", index, "kinds"), f"is for `each: object`, and this rule has `each: {policy.each}`"
    for index, exemption in enumerate(found.exemptions):
        if exemption.policy not in names:
            yield ("exemptions", index, "policy"), _unknown(exemption.policy, names)
        if exemption.stacks is None and exemption.subject is None:
            yield (
                ("exemptions", index),
                "exempts every stack; name some with stacks, or a subject, or switch the rule off",
            )


def _unknown(name: str, known: set[str]) -> str:
    near = wording.nearest(name, sorted(known))
    return f"{name!r}: no such policy; " + (f"did you mean {near!r}?" if near else f"known: {', '.join(sorted(known))}")


def _expressions(document: Any) -> Iterator[tuple[Place, str]]:
    """Every expression of the document, whatever is wrong with the rest of it."""
    policies = document.get("policies")
    for index, policy in enumerate(policies[:100] if isinstance(policies, list) else ()):
        text = policy.get("require") if isinstance(policy, dict) else None
        if isinstance(text, str) and text.strip():
            yield ("policies", index, "require"), text


def _line(lines: Lines, place: Place, line: int) -> int:
    return lines.first_line(place) + line - 1


def _said(detail: ErrorDetails, document: Any) -> tuple[Sequence[str | int], str]:
    path = wording.place(detail)
    model = wording.model_at(PolicyFile, path[:-1], document)
    if detail["type"] == "extra_forbidden":
        return path, wording.unknown(str(path[-1]), wording.keys(model) if model else ())
    if detail["type"] == "missing":
        fields = {field.alias or name: field for name, field in model.model_fields.items()} if model else {}
        what = fields[str(path[-1])].description if str(path[-1]) in fields else None
        return path[:-1], f"{path[-1]!r} is missing: {(what or 'it is needed').rstrip('.')}"
    if detail["type"] == "string_too_short":
        return path, "must not be blank"
    return path, wording.wrong(detail)


def _order(problem: Problem) -> tuple[int, str]:
    line = problem.source.rpartition(":")[2]
    return (int(line) if line.isdigit() else 0), problem.path
