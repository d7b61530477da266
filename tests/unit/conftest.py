"""What several unit tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.review_repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository without a commit."""
    made = Repository(tmp_path)
    made.git("init", "--quiet")
    return made
