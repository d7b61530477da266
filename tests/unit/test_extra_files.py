"""What becomes of the users' files on their way through the chart's manifest."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from hubstack.chart.extra_files import extension, secret_data


def texts(files: dict[str, Any]) -> dict[str, str]:
    """The content of a Secret's files, decoded."""
    return {name: base64.b64decode(content).decode() for name, content in secret_data(files).items()}


def test_the_last_text_is_the_one_that_ends_the_manifest() -> None:
    """By name; binary files stand before the texts."""
    binary = {"mountPath": "/z", "binaryData": base64.b64encode(b"binary ").decode()}
    files = {"b": {"mountPath": "/b", "stringData": "b  "}, "a": {"mountPath": "/a", "stringData": "a  "}, "z": binary}
    assert texts(files) == {"a": "a  \n", "b": "b\n", "z": "binary "}


@pytest.mark.parametrize(
    ("mount_path", "expected"),
    [
        ("/a/b.yaml", ".yaml"),
        ("/a.d/b", ""),
        ("/a/.json", ".json"),
        ("/a/b.tar.toml/", ".toml"),
        ("b.YAML", ".YAML"),
        ("/a/b.", "."),
    ],
)
def test_the_extension_is_what_go_takes_for_it(mount_path: str, expected: str) -> None:
    assert extension(mount_path) == expected


def test_structured_files_are_written_by_extension() -> None:
    data = {"b": [1, "é"], "a": "<"}
    files = {
        f"{index}": {"mountPath": path, "data": data} for index, path in enumerate(("/.json", "/x.yml", "/x.toml"))
    }
    assert texts(files) == {
        "0": '{"a":"\\u003c","b":[1,"é"]}\n',
        "1": "a: <\nb:\n- 1\n- é\n",
        "2": 'a = "<"\nb = [1.0, "é"]\n',
    }
