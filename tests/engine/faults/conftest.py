"""The harness, and its figures at the end of the run; `make fault-test` asks for the whole of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.engine.conftest import Machine
from tests.engine.faults.harness import FaultHarness, Figure
from tests.engine.faults.killing import Killer
from tests.engine.fleet_copy import FleetCopy

SEED = int(os.environ.get("HUBSTACK_FAULT_SEED", "8"))
"""Of the moments and of who dies; the figures name it, so that a run can be repeated."""
FIGURES: list[Figure] = []


@pytest.fixture(scope="session")
def harness(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> FaultHarness:
    """An empty project folder on the suite's cluster."""
    folder = tmp_path_factory.mktemp("faults")
    return FaultHarness(FleetCopy.make(folder / "project", folder / "state"), machine, Killer(SEED), FIGURES)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures; as JSON to the file that HUBSTACK_FAULT_FIGURES names, too."""
    if not FIGURES:
        return
    terminalreporter.section(f"faults, seed {SEED}")
    for operation in dict.fromkeys(figure.operation for figure in FIGURES):
        of = [figure for figure in FIGURES if figure.operation == operation]
        runs = max(figure.runs for figure in of)
        losses = sum(len(figure.losses) for figure in of)
        terminalreporter.write_line(f"{operation}: {len(of)} faults, at most {runs} runs until well, {losses} losses")
        for figure in of:
            terminalreporter.write_line(f"    {figure.fault}: {figure.runs} runs")
    if file := os.environ.get("HUBSTACK_FAULT_FIGURES"):
        facts = {"seed": SEED, "faults": [vars(figure) for figure in FIGURES]}
        Path(file).write_text(json.dumps(facts, indent=2))
