"""A state backend that is full or read-only."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.faults.lab import Figure, Lab
from tests.engine.small_disk import fill, small_disk


@pytest.fixture
def backend(lab: Lab) -> Iterator[Path]:
    """The backend's folder as a small file system of its own, which can be full or read-only."""
    with small_disk(lab.copy.state / "backend", mebibytes=24) as folder:
        yield folder


def refused(lab: Lab, name: str, fault: str, before: dict[str, str]) -> None:
    """The update fails with the reason, without a traceback, and nothing of the data is touched."""
    code, output = lab.run("up", "--stack", name)
    assert code == 1, output
    assert ("no space left" in output) or ("read-only file system" in output), output
    lab.figures.append(Figure("change", fault, 1, lab.lost(before, name)))
    assert lab.figures[-1].losses == []


@pytest.mark.long
def test_a_backend_that_is_full_or_read_only(lab: Lab, backend: Path) -> None:
    """The update says why it failed and loses nothing; with room again, the next one ends well."""
    name = "cramped"
    lab.write(name, "native", 10)
    lab.must("up", "--stack", name)
    lab.add_home(name)
    before = lab.data(name)
    for number, left in enumerate((0, 100_000)):
        lab.write(name, "native", 20 + number)
        filler = fill(backend, left)
        refused(lab, name, f"backend full but for {left} bytes", before)
        filler.unlink()
        lab.again("up", "--stack", name)
        lab.require_settled(name)
    lab.write(name, "native", 30)
    subprocess.run(["mount", "-o", "remount,ro", str(backend)], check=True)
    refused(lab, name, "backend read-only", before)
    subprocess.run(["mount", "-o", "remount,rw", str(backend)], check=True)
    lab.again("up", "--stack", name)
    lab.require_settled(name)
    assert lab.lost(before, name) == []
