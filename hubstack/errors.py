"""The error that the command line prints as it is."""

from __future__ import annotations

import os
import re
import traceback
from pathlib import Path


class HubstackError(Exception):
    """Something that the person at the keyboard can understand and mend; printed without a traceback, exit code 1."""


TRACEBACKS = "HUBSTACK_TRACEBACK"
"""Environment variable with which the traceback of a mistake is shown, with what the error says."""
_PACKAGE = Path(__file__).resolve().parent
_FRAME = re.compile(r'^ *File "(?P<file>[^"]+)", line (?P<line>\d+)', re.MULTILINE)
_KIND = re.compile(r"^(?P<kind>[A-Za-z_][\w.]*)(?::|$)", re.MULTILINE)


def mistake(error: Exception) -> str:
    """What is said of an error that is nobody's but the program's, where it must not end what is done for others.

    The error's own text stays out: it may quote a secret.
    """
    place = traceback.extract_tb(error.__traceback__)[-1]
    return _mistake(type(error).__name__, place.filename, place.lineno)


def mistake_in(text: str) -> str | None:
    """The same of a traceback as Python prints it; None where it is not Hubstack that failed.

    What fails in somebody's own program, called by it or by Hubstack, is theirs to read; packages are nobody's.

    Arguments:
        text: ends with what the error says.
    """
    frames = list(_FRAME.finditer(text))
    own = (Path(each["file"]).is_relative_to(_PACKAGE) for each in reversed(frames) if not _is_of_others(each["file"]))
    if not next(own, False):
        return None
    kind = _KIND.search(text, frames[-1].end() + 1)
    return _mistake(kind["kind"].rpartition(".")[2] if kind else "an error", frames[-1]["file"], frames[-1]["line"])


def shows_tracebacks() -> bool:
    """Whether whoever runs this wants to see all of a mistake."""
    return os.environ.get(TRACEBACKS, "").lower() in ("1", "true", "yes", "on")


def _is_of_others(file: str) -> bool:
    """Whether a file belongs to Python or to a package, other than this one."""
    return not Path(file).is_relative_to(_PACKAGE) and bool(re.search(r"/(site-packages|lib/python3[^/]*)/", file))


def _mistake(kind: str, file: str, line: object) -> str:
    return f"a mistake in Hubstack ({kind} in {Path(file).name}, line {line}); please report it"
