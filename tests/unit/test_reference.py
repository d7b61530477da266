"""What is generated from the models: docs/settings.md, and the types of values for programs."""

from __future__ import annotations

from hubstack import reference, value_types


def test_the_reference_is_up_to_date() -> None:
    """The document is what the models say; ``make docs`` writes it anew."""
    assert reference.FILE.read_text(encoding="utf-8") == reference.text()


def test_the_types_of_values_are_up_to_date() -> None:
    """The module is what the models say; ``make docs`` writes it anew."""
    assert value_types.FILE.read_text(encoding="utf-8") == value_types.text()
