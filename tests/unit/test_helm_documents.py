"""Helm's output is cut into documents as Kubernetes' client cuts it; tests/engine compares with what gets installed."""

from __future__ import annotations

import pytest

from hubstack.chart.errors import SettingsError
from hubstack.parity import helm_documents


@pytest.mark.parametrize(
    ("text", "documents"),
    [
        ("---\na: 1\n---\nb: 1\n", ["a: 1\n", "b: 1\n"]),
        ("a: 1", ["a: 1\n"]),
        ("---\na: |\n  x\n---\n", ["a: |\n  x\n"]),
        ("a: |+\n  x\n\n\n---  \nb: 1", ["a: |+\n  x\n\n\n", "b: 1\n"]),
        ("--- # comment\na: 1\r\nb: |\r\n  x\r\n", ["a: 1\nb: |\n  x\n"]),
        ("a: |\n  ---\n  x\n", ["a: |\n  ---\n  x\n"]),
        ("a: 'x\n  ---'\n", ["a: 'x\n  ---'\n"]),
    ],
)
def test_documents_keep_their_last_newline(text: str, documents: list[str]) -> None:
    assert [document for document in helm_documents.split(text) if document.strip()] == documents


def test_documents_without_content_are_left_out() -> None:
    assert helm_documents.read("---\n# Source: a\n---\n\n---\nnull\n---\nkind: A\n") == [{"kind": "A"}]
    assert helm_documents.read("") == []


def test_the_last_text_of_a_document_ends_with_a_newline() -> None:
    written = "kind: Secret\nstringData:\n  z: |\n    last\n"
    for text in (written, f"---\n{written}---\nkind: B\n", written.rstrip("\n"), written.replace("\n", "\r\n")):
        assert helm_documents.read(text)[0]["stringData"] == {"z": "last\n"}


def test_what_is_no_separator_is_refused_without_showing_it() -> None:
    """The client refuses such a text as well; a manifest can hold secrets."""
    with pytest.raises(SettingsError, match="starts with '---' and is no separator") as error:
        helm_documents.read("a: 1\n---hidden\nb: 1\n")
    assert "hidden" not in str(error.value)
