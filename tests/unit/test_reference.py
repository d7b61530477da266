"""docs/settings.md."""

from __future__ import annotations

from hubstack import reference


def test_the_reference_is_up_to_date() -> None:
    """The document is what the models say; ``make docs`` writes it anew."""
    assert reference.FILE.read_text(encoding="utf-8") == reference.text()
