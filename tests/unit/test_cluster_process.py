"""Processes, their identity and the lock; with small real programs, no cluster."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from hubstack.cluster import ClusterError, SimSettings, process
from hubstack.cluster.state import Layout, SavedState, choose_port, port_is_free

STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[process.Record]]:
    records: list[process.Record] = []
    yield records
    process.stop(records, patience=0)


def start(tmp_path: Path, code: str, mark: str = "test/one") -> process.Record:
    argv = [sys.executable, "-c", code]
    return process.start(argv, tmp_path / "one.pid", tmp_path / "one.log", mark, "digest", dict(os.environ))


def test_record_is_written_and_process_recognised(tmp_path: Path, started: list[process.Record]) -> None:
    record = start(tmp_path, "import time; time.sleep(60)")
    started.append(record)
    assert process.read_record(tmp_path / "one.pid") == record
    assert process.alive(record)
    process.stop([record])
    assert not process.alive(record)


def test_process_of_another_start_time_is_never_touched(tmp_path: Path, started: list[process.Record]) -> None:
    """The pid was given to somebody else: to a program that we did not start."""
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        started_at = process.start_time(stranger.pid)
        assert started_at is not None
        stale = process.Record(stranger.pid, f"{started_at}0", "digest")
        assert not process.alive(stale)
        process.stop([stale], patience=0)
        process._send(stale, process.signal.SIGKILL)
        time.sleep(0.1)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_stubborn_process_is_killed_after_the_patience(tmp_path: Path, started: list[process.Record]) -> None:
    record = start(tmp_path, STUBBORN)
    started.append(record)
    while "up" not in (tmp_path / "one.log").read_text():
        time.sleep(0.02)
    begin = time.monotonic()
    process.stop([record], patience=0.3)
    assert 0.3 <= time.monotonic() - begin < 5
    assert not process.alive(record)


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="needs linux: only Linux tells the environment of a process"
)
def test_process_is_found_by_its_mark_without_its_pid_file(tmp_path: Path, started: list[process.Record]) -> None:
    mark = f"{tmp_path.name}-{os.getpid()}/one"
    record = start(tmp_path, "import time; time.sleep(60)", mark)
    started.append(record)
    (tmp_path / "one.pid").unlink()
    assert [each.pid for each in process.marked(mark)] == [record.pid]
    assert process.marked(f"{mark}-other") == []


def test_process_that_ends_at_once_is_not_alive(tmp_path: Path) -> None:
    record = start(tmp_path, "raise SystemExit(3)")
    deadline = time.monotonic() + 10
    while process.alive(record) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not process.alive(record)


def test_missing_program_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="cannot start /nowhere/etcd: No such file"):
        process.start(["/nowhere/etcd"], tmp_path / "p", tmp_path / "l", "m", "d", {})


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', "null"])
def test_damaged_pid_file_is_no_record(tmp_path: Path, text: str) -> None:
    (tmp_path / "p").write_text(text)
    assert process.read_record(tmp_path / "p") is None


def test_fingerprint_sees_arguments_and_files(tmp_path: Path) -> None:
    file = tmp_path / "file"
    before = process.fingerprint(["a", "b"], [file])
    assert before != process.fingerprint(["ab"], [file])
    file.write_text("x")
    assert before != process.fingerprint(["a", "b"], [file])


def test_error_shows_the_end_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    text = str(ClusterError("etcd is ill", log))
    assert text.splitlines()[:2] == ["etcd is ill", f"log: {log}"]
    assert text.splitlines()[-1] == "  line 99"
    assert "line 80" not in text
    assert "No such file" in str(ClusterError("etcd is ill", tmp_path / "none"))


def test_state_survives_a_round_trip(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert SavedState.load(layout.state) is None
    saved = SavedState.fresh(SimSettings(2, "4", "8Gi", {"a": "b"}))
    saved.ports["etcd"] = 20000
    saved.save(layout.state)
    assert SavedState.load(layout.state) == saved
    assert layout.state.stat().st_mode & 0o077 == 0
    layout.state.write_text(json.dumps(asdict(replace(saved, ports={})))[:-5])
    with pytest.raises(ClusterError, match="not readable as the state of a cluster"):
        SavedState.load(layout.state)


def test_chosen_port_is_free_and_outside_of_the_taken() -> None:
    port = choose_port(set())
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))
        server.listen()
        assert not port_is_free(port)
    assert port_is_free(port)
    with pytest.raises(ClusterError, match="no free port"):
        choose_port(set(range(65536)))
