"""What code in ``hub.extraConfig`` does to users' pods, as far as that can be read without running it.

A line such as ``c.KubeSpawner.mem_limit = "8G"`` is a setting and is read. Everything else that may reach the spawner
is a doubt: what cannot be read is never judged to fit.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hubstack.capacity.traits import DECISIVE, HARMLESS, HOOKS

_SPAWNERS = ("KubeSpawner", "Spawner")
_RUNS_MORE = ("exec", "eval", "compile", "__import__", "load_subconfig", "getattr", "setattr", "globals", "vars")
"""Names that let code reach what its text does not mention."""


@dataclass
class Found:
    """What was read."""

    traits: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Values by class and trait, the later line over the earlier one."""
    doubts: list[str] = field(default_factory=list)
    """What cannot be read, each with its place."""


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
        for statement in tree.body:
            if not _is_setting(statement, found):
                found.doubts += [f"{place}, line {line}: {what}" for line, what in _reaches(statement)]
    return found


def _is_setting(statement: ast.stmt, found: Found) -> bool:
    """Take in ``c.KubeSpawner.trait = literal``; False where a statement is something else."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return False
    named = _trait(statement.targets[0])
    if named is None or named[1] in HOOKS:
        return False
    if named[1] not in DECISIVE:
        # Whatever it is set to, no pod is scheduled by it; but the value may call something.
        return named[1] in HARMLESS and not list(_reaches(statement.value))
    try:
        value = ast.literal_eval(statement.value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    found.traits.setdefault(named[0], {})[named[1]] = value
    return True


def _trait(target: ast.expr) -> tuple[str, str] | None:
    """Class and trait of ``c.Class.trait``, of a spawner."""
    match target:
        case ast.Attribute(value=ast.Attribute(value=ast.Name(id="c"), attr=section), attr=trait):
            return (section, trait) if section in _SPAWNERS else None
    return None


def _reaches(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and reason of each thing in code that may change a user's pod."""
    seen: set[tuple[int, str]] = set()
    for each, what in _suspicious(node):
        found = (getattr(each, "lineno", 0), what)
        if found not in seen:
            seen.add(found)
            yield found


def _suspicious(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    sections = {id(each.value) for each in ast.walk(node) if isinstance(each, ast.Attribute)}
    for each in ast.walk(node):
        match each:
            case ast.Attribute(attr=name) | ast.Name(id=name) if "spawner" in name.lower():
                yield each, f"code that may change users' pods ({name})"
            case ast.alias(name=name) if "spawner" in name.lower():
                yield each, f"code that may change users' pods ({name})"
            case ast.Constant(value=str(text)) if "spawner" in text.lower():
                yield each, "code that may change users' pods"
            case ast.Name(id=name) if name in _RUNS_MORE:
                yield each, f"code that runs other code ({name})"
            case ast.Name(id="c") if id(each) not in sections:
                yield each, "code that gets the whole configuration"
            case ast.ImportFrom(names=names) if any(alias.name == "*" for alias in names):
                yield each, "code that imports everything of a module"
