"""Suites in order of speed, tiers, a header that says what is real, and no silent skips.

Tests marked ``long`` run where ``HUBSTACK_ALL_TESTS`` is set (``make test-all``); the others are the gate
(``make test``). ``HUBSTACK_MAY_LACK`` says for which lacks a test may skip, see `tests.needs`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import needs, what_is_real

os.environ.setdefault("HUBSTACK_YES", "1")  # nobody is there to be asked whether a stack may be changed

SUITES = ("unit", "parity", "e2e", "engine", "fleet")
"""In this order; the node of e2e takes one of two workers for long, so it comes before the engine's many files."""
TESTS = Path(__file__).parent
ALL = bool(os.environ.get("HUBSTACK_ALL_TESTS"))
"""Whether long tests run, too."""


def pytest_report_header() -> list[str]:
    """Say what is real on this machine."""
    return what_is_real.lines()


def suite_of(path: Path) -> str:
    """The folder below tests/ that a test file is in."""
    return path.relative_to(TESTS).parts[0]


def _together(path: Path) -> str:
    """Name of what one worker runs: a file, or several that share what takes long to make or may not be there twice."""
    parts = path.relative_to(TESTS).with_suffix("").parts
    shared = parts[0] == "engine" and parts[1] in ("capacity", "hub", "wheel")
    return "/".join(parts[:1] if parts[0] == "e2e" else parts[:2] if shared else parts)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of the tiers."""
    config.addinivalue_line("markers", "long: takes too long for every change; `make test-all` runs it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Fast suites first, so that a mistake shows within seconds; long tests only where all are asked for."""
    items.sort(key=lambda item: SUITES.index(suite_of(item.path)))
    if not ALL:
        long = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if not item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give what belongs together to one worker, in the order of the suites.

    A scheduler of our own, because the groups of pytest-xdist 3.8 have no effect: it appends them to ids of tests that
    pytest 9.2 does not let it change.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _together(config.rootpath / nodeid.partition("::")[0])

    config.option.loadscopereorder = False
    return Together(config, log)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter, exitstatus, config) -> None:
    """Name each suite that skipped something, with the reasons."""
    reasons: dict[str, Counter[str]] = {}
    for report in terminalreporter.stats.get("skipped", []):
        suite = Path(report.nodeid).parts[1]
        reasons.setdefault(suite, Counter())[_reason(report)] += 1
    if any(nodeid.startswith("tests/parity/") for nodeid in _ran(terminalreporter)):
        terminalreporter.write_line(what_is_real.parity())
    for suite, counted in reasons.items():
        for reason, count in counted.items():
            terminalreporter.write_line(f"suite {suite}: {count} skipped: {reason}")
    if not ALL:
        terminalreporter.write_line("tests marked long were left out: make test-all runs them")


def _ran(terminalreporter: Any) -> Iterator[str]:
    """The tests that ran, whatever came of it."""
    for outcome in ("passed", "failed"):
        yield from (report.nodeid for report in terminalreporter.stats.get(outcome, []))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail the run where something skipped that has to run here."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    reasons = {_reason(report) for report in reporter.stats.get("skipped", [])}
    if wrong := sorted(reason for reason in reasons if needs.must_not_skip(reason)):
        reporter.write_line(f"ERROR: skipped, but must run here: {'; '.join(wrong)}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
