"""YAML by Helm's rules. The expected values were read off Helm 3.20.2; the test itself does not run Helm."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hubstack.chart import helm_yaml
from hubstack.chart.errors import SettingsError

SCALARS: list[tuple[str, Any]] = [
    ("1e3", 1000),
    ("40e9", 40_000_000_000),
    ("12345e6", 12_345_000_000),
    ("08", 8),
    ("0_8", 8),
    ("0777", 511),
    ("0o17", 15),
    ("0O17", 15),
    ("0x1F", 31),
    ("0X1F", 31),
    ("+0x1f", 31),
    ("0b101", 5),
    ("-0b11", -3),
    ("1_000", 1000),
    ("1_", 1),
    ("+7", 7),
    ("-0", 0),
    ("2.0", 2),
    ("2.", 2),
    (".5", 0.5),
    ("+.5", 0.5),
    ("12e-3", 0.012),
    ("9007199254740993", 9007199254740992),
    ("18446744073709551615", 18446744073709551616),
    ("1e21", 1e21),
    ("1e400", "1e400"),
    ("._5", "._5"),
    (".e5", ".e5"),
    ("0x", "0x"),
    ("0b", "0b"),
    ("1.2.3", "1.2.3"),
    ("1:30", "1:30"),
    ("190:20:30", "190:20:30"),
    ("2024-02-29", "2024-02-29"),
    ("2024-02-29T10:00:00Z", "2024-02-29T10:00:00Z"),
    ("y", True),
    ("N", False),
    ("yes", True),
    ("Off", False),
    ("tRue", "tRue"),
    ("~", None),
    ("NULL", None),
    ("", None),
    ("=", "="),
    ('"1e3"', "1e3"),
    ("'y'", "y"),
    ("!!str 12", "12"),
    ("!!float 1", 1),
    ('!!int "12"', 12),
    ("!!bool yes", True),
    ("!!binary aGk=", "hi"),
    ("!!timestamp 2024-01-01", "2024-01-01"),
    ("!custom 12", "12"),
]


@pytest.mark.parametrize(("text", "expected"), SCALARS)
def test_scalar(text: str, expected: Any) -> None:
    value = helm_yaml.load(f"a: {text}", "f.yaml")["a"]
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("12: x", ["12"]),
        ("0x10: x", ["16"]),
        ("1e3: x", ["1000"]),
        ("1.5: x", ["1.5"]),
        ("on: x", ["true"]),
        ("n: x", ["false"]),
        ("2024-02-29: x", ["2024-02-29"]),
        (".inf: x", [".inf"]),
        ('"<<": x', ["<<"]),
    ],
)
def test_keys_become_text(text: str, keys: list[str]) -> None:
    assert list(helm_yaml.load(text, "f.yaml")) == keys


def test_the_last_of_two_equal_keys_counts() -> None:
    assert helm_yaml.load('a: 1\na: 2\n1: x\n"1": z\n', "f.yaml") == {"a": 2, "1": "z"}


def test_only_the_first_document_is_read() -> None:
    assert helm_yaml.load("a: 1\n---\n{broken", "f.yaml") == {"a": 1}


@pytest.mark.parametrize("text", ["", "# nothing\n", "~", "---\n"])
def test_no_document_is_none(text: str) -> None:
    assert helm_yaml.load(text, "f.yaml") is None


def test_merge_keys_work_where_they_stand() -> None:
    """Unlike in PyYAML, keys before ``<<`` give way to the merged ones."""
    text = """
    before: {z: 1, <<: {z: 2, y1: 3}}
    after: {<<: {z: 2}, z: 1}
    several: {<<: [{z: 2, q: 1}, {z: 3}]}
    """
    assert helm_yaml.load(text, "f.yaml") == {
        "before": {"z": 2, "y1": 3},
        "after": {"z": 1},
        "several": {"z": 2, "q": 1},
    }


def test_an_alias_is_a_copy() -> None:
    value = helm_yaml.load("a: &x {k: [v]}\nb: *x\n", "f.yaml")
    value["a"]["k"].append("w")
    assert value["b"] == {"k": ["v"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hub:\n\tbaseUrl: /", "f.yaml: line 2, column 1: not valid YAML: found character"),
        ("a: 1\nb", "f.yaml: line 3, column 1: not valid YAML: could not find expected ':'"),
        ("custom: {~: x}", "f.yaml: line 1, column 10: not valid YAML: a key must not be null"),
        ("{[a]: 1}", "a key must be text"),
        ("a: .nan", "is not a number that JSON knows"),
        ("a: -.inf", "is not a number that JSON knows"),
        ("a: &x [*x]", "contains itself"),
        ("a: *x", "undefined alias"),
        ("a: {<<: 3}", "'<<' needs a map or a list of maps"),
        ("a: !!int abc", "it is not of the type that its tag '!!int' says"),
        ('a: !!binary "??"', "not base64"),
    ],
)
def test_what_helm_cannot_read_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as error:
        helm_yaml.load(text, "f.yaml")
    assert message in str(error.value)


def test_aliases_of_aliases_do_not_fill_the_memory() -> None:
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9))
    with pytest.raises(SettingsError, match="too often"):
        helm_yaml.load(f"l0: &l0 x\n{levels}\n", "f.yaml")


def test_canonical_is_what_loading_gives() -> None:
    assert helm_yaml.canonical({"a": [1.0, 2**53 + 1, 0.5, True], 1: (1.0,)}) == {
        "a": [1, 2**53, 0.5, True],
        "1": [1],
    }


AMBIGUOUS = [
    "=",
    "<<",
    "1e3",
    "y",
    "0o17",
    "08",
    "2024-02-29",
    "1:30",
    "null",
    "",
    "~",
    "1_000",
    "0x1f",
    ".5",
    "on",
    "+7",
]
TEXT = st.one_of(
    st.sampled_from([text for text, _ in SCALARS] + AMBIGUOUS),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.text("ab1 0:-#\n\t'\"\\{}[]<>=.,&*!|%@`~?_é", max_size=12),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_dumped_reads_back_the_same(value: Any) -> None:
    text = helm_yaml.dump({"value": value})
    assert helm_yaml.load(text, "f.yaml") == {"value": value}
    assert yaml.safe_load(text) == {"value": value}


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_ambiguous_text_is_quoted(text: str) -> None:
    assert helm_yaml.dump({"a": text}) == f'a: "{text}"\n'


def test_lines_stay_readable() -> None:
    assert helm_yaml.dump({"a": "x = 1\ny = 2\n", "b": "tag"}) == "a: |\n  x = 1\n  y = 2\nb: tag\n"
