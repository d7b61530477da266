"""Skips the parity tests, with the reason, where Helm or the chart isn't here."""

from __future__ import annotations

import pytest

from tests.parity import harness


@pytest.fixture(scope="session", autouse=True)
def needs_helm_and_chart() -> None:
    """Skip unless both a helm binary and the packaged chart are here."""
    try:
        harness.chart_archive()
        harness.helm()
    except harness.Missing as missing:
        pytest.skip(str(missing))
