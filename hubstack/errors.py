"""The error that the command line prints as it is."""

from __future__ import annotations

import traceback
from pathlib import Path


class HubstackError(Exception):
    """Something that the person at the keyboard can understand and mend; printed without a traceback, exit code 1."""


def mistake(error: Exception) -> str:
    """What is said of an error that is nobody's but the program's, where it must not end what is done for others.

    The error's own text stays out: it may quote a secret.
    """
    place = traceback.extract_tb(error.__traceback__)[-1]
    kind = type(error).__name__
    return f"a mistake in Hubstack ({kind} in {Path(place.filename).name}, line {place.lineno}); please report it"
