"""Things that may take for ever, cut off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Result = TypeVar("Result")

_END: ContextVar[float | None] = ContextVar("end", default=None)
"""When what this thread does has to be over, by its clock."""


@contextmanager
def limited(seconds: float | None) -> Iterator[None]:
    """Give what happens inside so many seconds as a whole; whoever starts something long asks for what is `left`.

    Arguments:
        seconds: the limit; None for none.
    """
    token = _END.set(None if seconds is None else time.monotonic() + seconds)
    try:
        yield
    finally:
        _END.reset(token)


def left() -> float | None:
    """Seconds that are left here and now, 0 at least; None where there is no limit."""
    end = _END.get()
    return None if end is None else max(0.0, end - time.monotonic())


def within(seconds: float, function: Callable[[], Result]) -> Result:
    """The result of a function that has so many seconds.

    A name server, or a program that fetches credentials, knows no timeout of ours. The thread that is left waiting for
    it is a daemon, so that it does not keep the doctor from ending.

    Arguments:
        seconds: how long to wait.
        function: what to call.

    Raises:
        TimeoutError: it took longer.
        Exception: whatever the function raises.
    """
    results: list[Result] = []
    failures: list[Exception] = []

    def work() -> None:
        try:
            results.append(function())
        except Exception as failure:
            failures.append(failure)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if not results:
        raise TimeoutError(f"no answer within {seconds:g} seconds")
    return results[0]
