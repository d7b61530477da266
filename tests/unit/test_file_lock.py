"""The lock among processes of one machine."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from hubstack import file_lock


def test_lock_is_held_by_one_and_given_back(tmp_path: Path) -> None:
    """A second one waits, says for whom, and gets the lock afterwards."""
    path = tmp_path / "sim" / "lock"
    said: list[str] = []
    order: list[str] = []

    def second() -> None:
        with file_lock.hold(path, "changing the same cluster", said.append):
            order.append("second")

    with file_lock.hold(path, "changing the same cluster", said.append):
        other = threading.Thread(target=second)
        other.start()
        while not said:
            time.sleep(0.01)
        order.append("first")
    other.join(10)
    assert order == ["first", "second"]
    assert said == [f"waiting for process {os.getpid()}, which is changing the same cluster"]


def test_lock_gives_up(tmp_path: Path) -> None:
    """Who has waited long enough is told who holds it."""
    path = tmp_path / "lock"
    with (
        file_lock.hold(path, "waiting", print),
        pytest.raises(file_lock.HeldError, match=f"held by process {os.getpid()} for 0 s"),
        file_lock.hold(path, "waiting", print, patience=0),
    ):
        pass


def test_lock_that_was_deleted_meanwhile_is_no_lock(tmp_path: Path) -> None:
    """Whoever waits while the folder is deleted must not go on with the file that is gone."""
    path = tmp_path / "lock"
    with file_lock.hold(path, "waiting", print):
        path.unlink()
        with file_lock.hold(path, "waiting", print, patience=1):
            assert path.exists()
