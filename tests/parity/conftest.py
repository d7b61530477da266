"""What cannot be compared on this machine is skipped, with the reason."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from tests import needs
from tests.parity import harness

collect_ignore = ["test_home_names.py", "test_hub_classes.py"] if harness.SAMPLE else []
"""What compares with the hub's packages says little about a change of the objects."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    """Skip a test whose fixtures need what is not here."""
    return (yield from _skipping())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Skip a test that needs what is not here."""
    return (yield from _skipping())


def _skipping() -> Generator[None, Any, Any]:
    try:
        return (yield)
    except harness.Missing as missing:
        needs.skip(missing.thing, str(missing))
