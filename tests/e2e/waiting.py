"""Waiting for what happens in its own time."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable


def answers(url: str) -> bool:
    """Whether something is served there at this moment."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def eventually(condition: Callable[[], object], what: str, seconds: float = 300) -> object:
    """Wait until something is true, and give it.

    Raises:
        AssertionError: It is not after so many seconds.
    """
    end = time.monotonic() + seconds
    while True:
        if found := condition():
            return found
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.3)
