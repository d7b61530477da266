"""What may come of wrong settings: success, or an error that a person can read; and no hang."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hubstack.chart.errors import SettingsError
from hubstack.errors import HubstackError

CPU_SECONDS = 2
"""CPU time that one input may take: a bound on hangs, not a measure of the machine."""

INTERNALS = re.compile(
    r"NoneType|object at 0x|<class |dict_(keys|values|items)|pydantic|Traceback|Errno|"
    r"(Key|Type|Value|Attribute|Index|Lookup|Overflow|Recursion|Assertion|UnicodeEncode|UnicodeDecode)Error|"
    r"valid (string|dictionary|list|integer|boolean|number)|StackConfig|ChartValues|mistake in Hubstack"
)
"""What a message for people never holds."""


class Hang(BaseException):
    """The input took too much CPU time."""


class Unclear(AssertionError):
    """The message of an error is not for people."""


@contextmanager
def limited(seconds: float = CPU_SECONDS) -> Iterator[None]:
    """Interrupt what takes more CPU time than that."""

    def stop(number: int, frame: Any) -> None:
        raise Hang(f"more than {seconds} s of CPU time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def outcome(command: Callable[[], Any]) -> str | None:
    """Run something as a command would; its error's text, or None where it succeeds.

    Raises:
        Unclear: the text of the error holds what only programmers understand.
        Exception: whatever ends in a traceback.
    """
    with limited():
        try:
            command()
        except (HubstackError, SettingsError) as error:
            text = str(error)
            require_clear(text)
            return text
    return None


def require_clear(text: str) -> None:
    """Fail where a text has something of the program's inside in it."""
    if not text.strip():
        raise Unclear("the error says nothing")
    if found := INTERNALS.search(text):
        raise Unclear(f"{found[0]!r} in: {text[:600]}")
