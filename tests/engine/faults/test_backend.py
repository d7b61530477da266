"""A state backend that is full or read-only."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.faults.harness import FaultHarness, Figure
from tests.engine.small_disk import fill, small_disk


@pytest.fixture
def backend(harness: FaultHarness) -> Iterator[Path]:
    """The backend's folder as a small file system of its own, which can be full or read-only."""
    with small_disk(harness.copy.state / "backend", mebibytes=24) as folder:
        yield folder


def refused(harness: FaultHarness, name: str, fault: str, before: dict[str, str]) -> None:
    """The update fails with the reason, without a traceback, and nothing of the data is touched."""
    code, output = harness.run("up", "--stack", name)
    assert code == 1, output
    assert ("no space left" in output) or ("read-only file system" in output), output
    harness.figures.append(Figure("change", fault, 1, harness.lost(before, name)))
    assert harness.figures[-1].losses == []


@pytest.mark.long
def test_a_backend_that_is_full_or_read_only(harness: FaultHarness, backend: Path) -> None:
    """The update says why it failed and loses nothing; with room again, the next one ends well."""
    name = "cramped"
    harness.write(name, "native", 10)
    harness.must("up", "--stack", name)
    harness.add_home(name)
    before = harness.data(name)
    for number, left in enumerate((0, 100_000)):
        harness.write(name, "native", 20 + number)
        filler = fill(backend, left)
        refused(harness, name, f"backend full but for {left} bytes", before)
        filler.unlink()
        harness.again("up", "--stack", name)
        harness.require_settled(name)
    harness.write(name, "native", 30)
    subprocess.run(["mount", "-o", "remount,ro", str(backend)], check=True)
    refused(harness, name, "backend read-only", before)
    subprocess.run(["mount", "-o", "remount,rw", str(backend)], check=True)
    harness.again("up", "--stack", name)
    harness.require_settled(name)
    assert harness.lost(before, name) == []
