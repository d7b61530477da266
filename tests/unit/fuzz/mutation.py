"""Trees made wrong: what people, tools and strangers write where a setting belongs."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import yaml

Path = tuple[str | int, ...]


class Plain(str):
    """Text that is written into YAML without quotes, whatever it then means."""


def _nested(kind: type, depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value} if kind is dict else [value]
    return value


NASTY: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2**31,
    -(2**63) - 1,
    10**22,
    0.5,
    -0.5,
    1e300,
    Plain(".inf"),
    Plain("-.inf"),
    Plain(".nan"),
    Plain("1e999"),
    Plain("9" * 400),
    Plain("2026-01-01"),
    Plain("0x1F"),
    "",
    " ",
    "x",
    "a.b",
    "-",
    "yes",
    "1",
    "500m",
    "1Gi",
    "two\nlines",
    "a\ttab",
    "bell \a and escape \x1b[31m",
    "nul \0 inside",
    "\ufeff",
    "\u2028",
    "caf\u00e9 \u202e \U0001f600",
    "{{ .Release.Name }}",
    "{{",
    "{a.b} {0} {",
    "%s %d %",
    "../../x",
    "/",
    "http://[::1",
    "https://user:pass@host:port/",
    "postgresql://u:p@[x/db",
    "${HOME} $(id) `id`",
    "'\"`<b>|",
    "x" * 3000,
    [],
    [None],
    [[]],
    [{}],
    ["x"],
    [1],
    [True],
    ["x", "x"],
    [{"name": "x"}],
    [{"name": None}],
    [{"x": 1}, 1, "x", None],
    {},
    {"x": None},
    {"x": "y"},
    {"x": 1},
    {"x": {}},
    {"x": []},
    {"x": {"y": "z"}},
    {"": "x"},
    {"a.b": "x"},
    {"1": 1},
    {"name": 5},
    {"name": "x", "value": None},
    {"enabled": True},
    {"__proto__": {"x": 1}, "__class__": "x", "model_config": {}},
    {"secure": "v1:x:y"},
    {"secure": 5},
    _nested(dict, 40),
    _nested(list, 40),
    ["x"] * 300,
)
"""What is put in the place of any part of a tree."""

KEYS = (
    "",
    " ",
    ".",
    "a.b",
    "a[0]",
    "[0]",
    "__proto__",
    "__class__",
    "__init__",
    "constructor",
    "model_config",
    "model_fields",
    "items",
    "keys",
    "get",
    "null",
    "true",
    "1",
    "-1",
    "1e3",
    "\x1b[31m",
    "a\nb",
    "nul\0",
    "\u202e",
    "\u00e9",
    "k" * 300,
    "<<",
    "=",
    "secure",
    "[key]",
    "{x}",
    "%s",
    "enabled",
    "create",
    "type",
    "name",
    "image",
)
"""Keys that no section knows, or that mean something to some code."""


def places(tree: Any, path: Path = ()) -> Iterator[Path]:
    """The path of every part of a tree, the tree itself first."""
    yield path
    if isinstance(tree, dict):
        for key, member in tree.items():
            yield from places(member, (*path, key))
    elif isinstance(tree, list):
        for index, member in enumerate(tree):
            yield from places(member, (*path, index))


def at(tree: Any, path: Path) -> Any:
    """The part at a path."""
    for step in path:
        tree = tree[step]
    return tree


def placed(tree: Any, path: Path, value: Any) -> Any:
    """A copy of a tree with another value at a path; maps that the path needs are made."""
    if not path:
        return value
    step, *rest = path
    if isinstance(tree, list) and isinstance(step, int):
        return [placed(each, tuple(rest), value) if at == step else each for at, each in enumerate(tree)]
    tree = tree if isinstance(tree, dict) else {}
    return {**tree, step: placed(tree.get(step), tuple(rest), value)}


def without(tree: Any, path: Path) -> Any:
    """A copy of a tree without the part at a path."""
    *above, last = path
    parent = at(tree, tuple(above))
    if isinstance(parent, list):
        return placed(tree, tuple(above), [each for at, each in enumerate(parent) if at != last])
    return placed(tree, tuple(above), {key: each for key, each in parent.items() if key != last})


def mutated(rng: random.Random, tree: Any, others: list[Any]) -> Any:
    """A copy of a tree with one to three things wrong.

    Arguments:
        rng: chance.
        tree: what to start from.
        others: trees from which parts are taken.
    """
    for _ in range(rng.choice((1, 1, 2, 3))):
        tree = _mutated_once(rng, tree, others)
    return tree


def _mutated_once(rng: random.Random, tree: Any, others: list[Any]) -> Any:
    path = rng.choice(list(places(tree)))
    value = at(tree, path)
    match rng.randrange(10):
        case 0 | 1 | 2 | 3:
            return placed(tree, path, copy.deepcopy(rng.choice(NASTY)))
        case 4:
            return without(tree, path) if path else tree
        case 5:  # a part of something else
            other = rng.choice(others)
            return placed(tree, path, copy.deepcopy(at(other, rng.choice(list(places(other))))))
        case 6:  # one level too deep, or in a list
            return placed(tree, path, rng.choice(({"x": value}, {"name": value}, [value], [value, value], [[value]])))
        case 7:  # one level too high
            inner = [each for each in places(value) if each]
            return placed(tree, path, at(value, rng.choice(inner))) if inner else tree
        case 8:  # another key
            return _renamed(rng, tree, path)
        case _:  # something more
            return _more(rng, tree, path, value)


def _renamed(rng: random.Random, tree: Any, path: Path) -> Any:
    if not path or not isinstance(path[-1], str):
        return tree
    name = path[-1]
    other = rng.choice((name.upper(), name[:-1], f"{name}s", name.replace("_", ""), rng.choice(KEYS)))
    parent = at(tree, path[:-1])
    return placed(tree, path[:-1], {other if key == name else key: member for key, member in parent.items()})


def _more(rng: random.Random, tree: Any, path: Path, value: Any) -> Any:
    nasty = copy.deepcopy(rng.choice(NASTY))
    if isinstance(value, dict):
        return placed(tree, path, {**value, rng.choice(KEYS): nasty})
    if isinstance(value, list):
        return placed(tree, path, [*value, nasty] if rng.random() < 0.7 else value * 100)
    if isinstance(value, str):
        return placed(tree, path, rng.choice((value * 50, f"{value}\n", f" {value}", value.upper(), f"{value}\0")))
    return tree


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))
_Dumper.add_representer(Plain, lambda dumper, text: dumper.represent_scalar("!plain", str(text)))


def text(tree: Any) -> str:
    """A tree as a YAML file."""
    written = yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=False, width=10**9)
    return written.replace("!plain ", "")
