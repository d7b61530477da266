"""Helm's merge rules. The expected trees were read off Helm 3.20.2; the test itself does not run Helm."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubstack.chart.merge import coalesce, merge_files


def test_files_merge_maps_and_replace_the_rest() -> None:
    first = {"a": {"x": 1, "y": [1, 2]}, "b": 1, "c": {"k": 1}}
    second = {"a": {"y": [3], "z": None}, "b": None, "c": "text"}
    assert merge_files([first, second]) == {"a": {"x": 1, "y": [3], "z": None}, "b": None, "c": "text"}


def test_a_map_replaces_the_null_of_an_earlier_file() -> None:
    assert merge_files([{"a": None}, {"a": {"x": None}}]) == {"a": {"x": None}}


def test_no_file_is_no_value() -> None:
    assert merge_files([]) == {}


DEFAULTS = {
    "top": 1,
    "blank": None,
    "map": {"set": 1, "unset": None, "deep": {"a": 1, "b": 2}},
    "free": {},
    "list": [1],
}


@pytest.mark.parametrize(
    ("user", "changed", "removed"),
    [
        ({"top": None}, {}, ["top"]),
        ({"blank": None}, {}, ["blank"]),
        ({"map": None}, {}, ["map"]),
        ({"unknown": None}, {"unknown": None}, []),
        ({"top": {"x": None}}, {"top": {"x": None}}, []),
        ({"list": [2]}, {"list": [2]}, []),
        ({"list": {"a": None}}, {"list": {"a": None}}, []),
        ({"free": [None]}, {"free": [None]}, []),
        ({"free": {"a": None, "b": {"c": None}}}, {"free": {"a": None, "b": {"c": None}}}, []),
        ({"map": "text"}, {"map": "text"}, []),
        ({"map": {"set": None}}, {"map": {"unset": None, "deep": {"a": 1, "b": 2}}}, []),
        ({"map": {"unset": None}}, {}, []),
        ({"map": {"deep": None}}, {"map": {"set": 1, "unset": None}}, []),
        (
            {"map": {"deep": {"a": None, "c": None}}},
            {"map": {"set": 1, "unset": None, "deep": {"b": 2, "c": None}}},
            [],
        ),
        ({"map": {"unset": {"a": None}}}, {"map": {**DEFAULTS["map"], "unset": {"a": None}}}, []),
    ],
)
def test_nulls_over_defaults(user: dict[str, Any], changed: dict[str, Any], removed: list[str]) -> None:
    expected = {key: value for key, value in {**DEFAULTS, **changed}.items() if key not in removed}
    assert coalesce(user, DEFAULTS) == expected


LEAVES = st.one_of(st.none(), st.integers(), st.lists(st.integers(), max_size=2))
TREES = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(LEAVES, lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=6),
    max_size=3,
)


@given(TREES, TREES)
def test_neither_side_is_changed_or_shared(user: dict[str, Any], defaults: dict[str, Any]) -> None:
    before = deepcopy((user, defaults))
    _blur(coalesce(user, defaults))
    assert (user, defaults) == before


@given(TREES)
def test_without_settings_the_defaults_stay(defaults: dict[str, Any]) -> None:
    assert coalesce({}, defaults) == defaults


@given(TREES, TREES, TREES)
def test_merging_files_is_associative(first: dict[str, Any], second: dict[str, Any], third: dict[str, Any]) -> None:
    assert merge_files([merge_files([first, second]), third]) == merge_files([first, second, third])


def _blur(value: Any) -> None:
    """Change a tree in place wherever it can be changed."""
    if isinstance(value, dict):
        for member in list(value.values()):
            _blur(member)
        value["blurred"] = True
    elif isinstance(value, list):
        value.append("blurred")
