"""What is left of a text that the chart writes as a YAML block; what is expected was seen with Helm 3.20.2."""

from __future__ import annotations

from typing import Any

import pytest

from hubstack.chart.blocks import block_text, clipped
from hubstack.chart.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "inside", "at_the_end"),
    [
        ("line", "line\n", "line\n"),
        ("line\n", "line\n", "line\n"),
        ("line\n\n\n", "line\n", "line\n"),
        ("first\nlast \t", "first\nlast \t\n", "first\nlast\n"),
        ("first\n \n", "first\n \n", "first\n"),
        ("first\nlast\u00a0\u3000\n", "first\nlast\u00a0\u3000\n", "first\nlast\n"),
        ("first\r\n\r\nlast\r\n", "first\n\nlast\n", "first\n\nlast\n"),
        ("first\nlast\r", "first\nlast\n", "first\nlast\n"),
        ("  indented\n    more\n", "indented\n  more\n", "indented\n  more\n"),
        ("\n\nfirst\n", "\n\nfirst\n", "\n\nfirst\n"),
        ("\n", "", ""),
        (" \u00a0\n", "\u00a0\n", ""),
        ("é\n用户\n", "é\n用户\n", "é\n用户\n"),
    ],
)
def test_a_text_ends_with_one_newline(text: str, inside: str, at_the_end: str) -> None:
    """At the end of the manifest Helm takes blanks away as well, and a text of blanks with them."""
    assert block_text(text, ends_manifest=False) == inside
    assert block_text(text, ends_manifest=True) == at_the_end


@pytest.mark.parametrize("text", ["  more\nless\n", "bell\x07", "lone\rCR", "   \nkey: value"])
def test_a_text_that_the_chart_cannot_write_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        block_text(text, ends_manifest=False)


@pytest.mark.parametrize(
    ("data", "left"),
    [
        ("x\n\n\n", "x\n"),
        ("x\n", "x\n"),
        ("x", "x"),
        ("\n", ""),
        (" x\n\n", " x\n"),
        ("two \nlines\n\n", "two \nlines\n\n"),
        ("tab\t\n\n", "tab\t\n\n"),
        ({"b": "x\n\n", "a": "x\n\n"}, {"b": "x\n", "a": "x\n\n"}),
        ([1, {"a": ["x\n\n"]}], [1, {"a": ["x\n"]}]),
        (["x\n\n", 1], ["x\n\n", 1]),
        ({}, {}),
        (None, None),
    ],
)
def test_the_last_text_of_data_ends_with_one_newline_at_most(data: Any, left: Any) -> None:
    assert clipped(data) == left
