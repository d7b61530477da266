"""TOML is written as Helm's ``toToml`` writes it; the expected texts are Helm 3.20.2's own."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from hubstack.chart import toml

CASES: dict[str, tuple[dict[str, Any], str]] = {
    "plain": ({"b": 1, "a": "x", "c": True, "d": None}, 'a = "x"\nb = 1.0\nc = true\n'),
    "numbers": (
        {"a": 0, "b": -1.5, "c": 1_000_000, "d": 1e-5, "e": 123456, "f": 1e21},
        "a = 0.0\nb = -1.5\nc = 1e+06\nd = 1e-05\ne = 123456.0\nf = 1e+21\n",
    ),
    "texts": (
        {"a": 'q"\\', "b": "é\u2028<&>", "c": "tab\tline\n\x01\x7f"},
        'a = "q\\"\\\\"\nb = "é\u2028<&>"\nc = "tab\\tline\\n\\u0001\\u007f"\n',
    ),
    "keys": ({"": 1, "a b": 1, "A-z_0": 1, "é": 1}, '"" = 1.0\nA-z_0 = 1.0\n"a b" = 1.0\n"é" = 1.0\n'),
    "tables": (
        {"z": 1, "t": {"b": {"c": 1}, "a": 2}, "u": {"x": {}}},
        "z = 1.0\n\n[t]\n  a = 2.0\n  [t.b]\n    c = 1.0\n\n[u]\n  [u.x]\n",
    ),
    "a table first": ({"t": {"a": "x"}}, '[t]\n  a = "x"\n'),
    "lists": ({"a": [], "b": [1, "x", [True]]}, 'a = []\nb = [1.0, "x", [true]]\n'),
    "tables in lists": (
        {"a": [{"x": 1}, {"y": [{"z": 2}]}], "b": [1, {"y": {"c": 1}, "z": 2}]},
        "b = [1.0, {z = 2.0, y = {c = 1.0}}]\n\n[[a]]\n  x = 1.0\n\n[[a]]\n\n  [[a.y]]\n    z = 2.0\n",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_written_as_helm_writes_it(name: str) -> None:
    data, expected = CASES[name]
    assert toml.dump(data) == expected
    tomllib.loads(expected)
