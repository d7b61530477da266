"""The mark of an update that is under way: an update that was killed is told from one that has ended."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubstack.engine.servers import EngineGoneError
from hubstack.engine.stack import EngineStack, OperationError, Report
from hubstack.lifecycle.updates import UNDER_WAY, Updater


def _ends(error: BaseException | None) -> Callable[..., Report]:
    def update(engine: Updater, **asked: Any) -> Report:
        assert engine._under_way.exists(), "the mark is there while the engine works"
        if error:
            raise error
        return Report()

    return update


@pytest.mark.parametrize(
    ("error", "was_killed"),
    [
        (None, False),
        (OperationError("refused", Report()), False),
        (KeyboardInterrupt(), True),
        (EngineGoneError("killed"), True),
    ],
)
def test_the_mark_stays_only_where_the_update_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException | None, was_killed: bool
) -> None:
    """An update that has ended by itself, well or not, leaves none: what it met is not its own."""
    monkeypatch.setattr(EngineStack, "update", _ends(error))
    updater = Updater.__new__(Updater)
    updater._under_way = tmp_path / UNDER_WAY
    with pytest.raises(type(error)) if error else contextlib.nullcontext():
        updater.update()
    assert updater._under_way.exists() == was_killed
