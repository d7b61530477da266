"""``hub.extraConfig``: Python code that the hub runs as it starts, compiled before anything is deployed."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hubstack.chart.described import described

Path = tuple[str, ...]
Hidden = Callable[[Path], bool]

SETTING: Path = ("hub", "extraConfig")

_NEWER_SYNTAX = {
    (3, 12): re.compile(r"\b[rR]?[fF][rR]?['\"]|^\s*type\s+\w+|\b(?:def|class)\s+\w+\s*\[", re.MULTILINE),
    (3, 14): re.compile(r"\b[rR]?[tT][rR]?['\"]|^\s*except\s+[\w.]+\s*,", re.MULTILINE),
}
"""What looks like syntax that Python has only since a version. Inside of an f-string, anything goes since 3.12."""


@dataclass(frozen=True)
class Fault:
    """A snippet that does not compile."""

    path: Path
    message: str
    certain: bool
    """False where a Python newer than this one may well take the code."""


def faults(tree: Mapping[str, Any], hidden: Hidden, version: tuple[int, int] = sys.version_info[:2]) -> Iterator[Fault]:
    """Every snippet that keeps the hub from starting.

    Arguments:
        tree: the merged values.
        hidden: whether the value at a path must not be shown; of such code, a message has the line's number only.
        version: the Python that compiles here. The hub's own may be newer, and so take more.
    """
    for name, code in snippets(tree).items():
        path = (*SETTING, name)
        if (fault := _fault(code, ".".join(path), hide=hidden(path))) is None:
            continue
        newer = any(since > version and looks.search(str(code)) for since, looks in _NEWER_SYNTAX.items())
        yield Fault(path, fault, certain=not newer)


def snippets(tree: Mapping[str, Any]) -> Mapping[str, Any]:
    """The snippets by name."""
    hub = tree.get("hub")
    found = hub.get("extraConfig") if isinstance(hub, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _fault(code: Any, name: str, *, hide: bool) -> str | None:
    """What is wrong with a snippet; None if it compiles."""
    if not isinstance(code, str):
        return f"must be Python code as text, not {described(code, hide=hide)}; {_MEND[code is None]}"
    try:
        with warnings.catch_warnings():
            # A doubtful escape is no reason to stop; the hub's log has it.
            warnings.simplefilter("ignore")
            compile(code, name, "exec", dont_inherit=True)
    except SyntaxError as error:
        where = f"line {error.lineno}" if error.lineno else "somewhere"
        return f"{where}: {'not valid Python' if hide else error.msg}; {_CONSEQUENCE}"
    except ValueError:
        return f"not valid Python: it holds characters that no Python code may have; {_CONSEQUENCE}"
    except (RecursionError, MemoryError):
        return f"not valid Python: nested too deeply; {_CONSEQUENCE}"
    return None


_CONSEQUENCE = "the hub would not start"
_MEND = {False: "write it as a block, after '|'", True: "leave it out"}
