"""What code in ``hub.extraConfig`` does to users' pods, as far as that can be read without running it.

A line such as ``c.KubeSpawner.mem_limit = "8G"`` is a setting and is read. Everything else that may reach the spawner
is a doubt: what cannot be read is never judged to fit.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hubstack.capacity.traits import DECISIVE, HARMLESS, HOOKS, LISTS_OR_MAPS, MAPS

Operation = Literal["set", "update", "append", "extend"]

_SPAWNERS = ("KubeSpawner", "Spawner")
_OPERATIONS: Mapping[str, Operation] = {"update": "update", "append": "append", "extend": "extend"}
_RUNS_MORE = ("exec", "eval", "compile", "__import__", "load_subconfig", "getattr", "setattr", "globals", "vars")
"""Names that let code reach what its text does not mention."""


@dataclass(frozen=True)
class Step:
    """One line that is a setting."""

    section: str
    """``KubeSpawner`` or ``Spawner``."""
    trait: str
    operation: Operation
    value: Any


@dataclass
class Found:
    """What was read."""

    steps: list[Step] = field(default_factory=list)
    """The settings, in the order in which they are made."""
    doubts: list[str] = field(default_factory=list)
    """What cannot be read, each snippet with its first place."""


def read(snippets: Mapping[str, Any], where: str = "hub.extraConfig") -> Found:
    """Read snippets in the order in which the hub runs them.

    Arguments:
        snippets: code by name.
        where: the setting that they are in, for the doubts.
    """
    found = Found()
    for name, code in sorted(snippets.items()):
        place = f"{where}.{name}"
        try:
            tree = ast.parse(code if isinstance(code, str) else "")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            found.doubts.append(f"{place} is code that cannot be read")
            continue
        reached: dict[int, str] = {}
        for statement in tree.body:
            step = _setting(statement)
            if step is not None and step.trait in DECISIVE:
                found.steps.append(step)
            elif step is None:
                for line, what in _suspicious(statement):
                    reached.setdefault(line, what)
        if reached:
            first, more = min(reached), len(reached) - 1
            also = f" (and {more} more line{'' if more == 1 else 's'})" if more else ""
            found.doubts.append(f"{place}, line {first}: {reached[first]}{also}")
    return found


def applied(step: Step, value: Any) -> Any:
    """A trait's value after a step that does not replace it.

    Arguments:
        step: what is done.
        value: what it is done to; None where nothing is set.

    Raises:
        TypeError: the value has no such operation, so the hub would not start.
    """
    if step.operation == "update":
        return {**dict(value or {}), **step.value}
    if isinstance(value, Mapping):
        raise TypeError(f"a map has no {step.operation}")
    added = [step.value] if step.operation == "append" else list(step.value)
    return [*(value or []), *added]


def _setting(statement: ast.stmt) -> Step | None:
    """A statement that does nothing but set a trait of the spawner; None where it is something else."""
    match statement:
        case ast.Assign(targets=[ast.Subscript(value=target)], value=value):
            named, operation = _trait(target), "item"
        case ast.Assign(targets=[target], value=value):
            named, operation = _trait(target), "set"
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=target, attr=called), args=[value], keywords=[])):
            named, operation = _trait(target), _OPERATIONS.get(called, "")
        case _:
            return None
    if named is None or not operation or named[1] in HOOKS:
        return None
    section, trait = named
    if trait not in DECISIVE:
        # Whatever it is set to, no pod is placed by it; but the value may call something.
        harmless = trait in HARMLESS and not list(_suspicious(value))
        return Step(section, trait, "set", None) if harmless else None
    if not _fits(section, trait, operation):
        return None
    try:
        literal = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
    if operation == "update" and not isinstance(literal, dict):
        return None
    if operation == "extend" and not isinstance(literal, list | tuple):
        return None
    return Step(section, trait, operation, literal)  # type: ignore[arg-type] # one of the literals, as chosen above


def _fits(section: str, trait: str, operation: str) -> bool:
    """Whether an operation is one that a trait of its kind has, and whose result is known."""
    if operation == "set":
        return True
    kinds = {"update": MAPS, "append": LISTS_OR_MAPS, "extend": LISTS_OR_MAPS}.get(operation, ())
    return section == "KubeSpawner" and trait in kinds


def _trait(target: ast.expr) -> tuple[str, str] | None:
    """Class and trait of ``c.Class.trait``, of a spawner."""
    match target:
        case ast.Attribute(value=ast.Attribute(value=ast.Name(id="c"), attr=section), attr=trait):
            return (section, trait) if section in _SPAWNERS else None
    return None


def _suspicious(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and reason of each thing in code that may change a user's pod."""
    sections = {id(each.value) for each in ast.walk(node) if isinstance(each, ast.Attribute)}
    for each in ast.walk(node):
        line = getattr(each, "lineno", 0)
        match each:
            case ast.Attribute(attr=name) | ast.Name(id=name) | ast.alias(name=name) if "spawner" in name.lower():
                yield line, f"code that may change users' pods ({name})"
            case ast.ImportFrom(module=str(name)) if "spawner" in name.lower():
                yield line, f"code that may change users' pods ({name})"
            case ast.Constant(value=str(text)) if "spawner" in text.lower():
                yield line, "code that may change users' pods"
            case ast.Name(id=name) if name in _RUNS_MORE:
                yield line, f"code that runs other code ({name})"
            case ast.Name(id="c") if id(each) not in sections:
                yield line, "code that gets the whole configuration"
            case ast.ImportFrom(names=names) if any(alias.name == "*" for alias in names):
                yield line, "code that imports everything of a module"
