"""Suites in order of speed, a header that says what is real, and no silent skips.

``HUBSTACK_MUST_RUN`` names suites in which a skipped test fails the run: CI sets it to everything that the machine
has the means for.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import what_is_real

SUITES = ("unit", "parity", "engine", "fleet", "e2e")
TESTS = Path(__file__).parent


def pytest_report_header() -> list[str]:
    """Say what is real on this machine."""
    return what_is_real.lines()


def suite_of(path: Path) -> str:
    """The folder below tests/ that a test file is in."""
    return path.relative_to(TESTS).parts[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast suites first, so that a mistake shows within seconds."""
    items.sort(key=lambda item: SUITES.index(suite_of(item.path)))


def _must_run() -> set[str]:
    return set(os.environ.get("HUBSTACK_MUST_RUN", "").split())


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter, exitstatus, config) -> None:
    """Name each suite that skipped something, with the reasons."""
    reasons: dict[str, Counter[str]] = {}
    for report in terminalreporter.stats.get("skipped", []):
        suite = Path(report.nodeid).parts[1]
        text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons.setdefault(suite, Counter())[text.removeprefix("Skipped: ")] += 1
    if any(nodeid.startswith("tests/parity/") for nodeid in _ran(terminalreporter)):
        terminalreporter.write_line(what_is_real.parity())
    for suite, counted in reasons.items():
        for reason, count in counted.items():
            terminalreporter.write_line(f"suite {suite}: {count} skipped: {reason}")


def _ran(terminalreporter: Any) -> Iterator[str]:
    """The tests that ran, whatever came of it."""
    for outcome in ("passed", "failed"):
        yield from (report.nodeid for report in terminalreporter.stats.get(outcome, []))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail the run where a suite skipped that has to run here."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    skipped = {Path(report.nodeid).parts[1] for report in reporter.stats.get("skipped", [])}
    if wrong := skipped & _must_run():
        reporter.write_line(f"ERROR: skipped, but must run here: {', '.join(sorted(wrong))}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
