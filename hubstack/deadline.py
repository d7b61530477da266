"""Things that may take for ever, cut off."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


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
