"""Expressions in CEL, compiled and evaluated by a process of their own (`worker`), within limits."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

from hubstack.errors import HubstackError

VARIABLES = ("settings", "config", "stack", "objects", "object", "pods", "pod", "container", "secret")
"""What expressions may use."""
LIBRARY = "cel_expr_python"
_WORKER = Path(__file__).with_name("worker.py")
_MOST_DEAD = 10
"""Expressions that may go beyond their limits before no more are evaluated."""
_MOST_SECONDS = 20.0
"""Of the processor, for all expressions of one stack."""
_ANSWER_TEXT = 300
BEYOND = "takes more time or memory than an expression may have"
_NO_TIME = "was not evaluated: others have used up the time for all"
SECRET = "depends on a secret, and nothing that is shown may"

_AT = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): ([^\n]*)")


@dataclass(frozen=True)
class Wrong:
    """What is wrong with an expression."""

    line: int
    """In the expression, from 1."""
    column: int
    message: str


@dataclass(frozen=True)
class Facts:
    """What expressions see: variables, and where in them secrets stand, of which the values are not here."""

    values: Mapping[str, Any]
    places: Mapping[str, Sequence[Sequence[str | int]]] = field(default_factory=dict)


class Evaluator:
    """The process; started when it is first needed, and again where an expression has ended it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._dead: set[str] = set()

    def __enter__(self) -> Evaluator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def mistakes(self, expressions: Sequence[str]) -> list[list[Wrong]]:
        """What is wrong with each of some expressions, before anything is known that they are about."""
        found: list[list[Wrong]] = []
        while len(found) < len(expressions):
            left = list(expressions[len(found) :])
            for answer in self._ask({"do": "compile", "expressions": left}, len(left)):
                found.append(_wrong(answer))
            if len(found) < len(expressions):
                self._note_death(expressions[len(found)])
                found.append([Wrong(1, 1, BEYOND)])
        return found

    def outcomes(
        self, subject: Facts, items: Sequence[Facts], asked: Sequence[tuple[str, int | None]]
    ) -> list[bool | str]:
        """What each of some expressions is: true, false, or why that cannot be said.

        Arguments:
            subject: what all of them see.
            items: what single ones see beside that.
            asked: expressions, each with the index of its item or None.
        """
        found: list[bool | str] = []
        spent = 0.0
        while len(found) < len(asked):
            if (found and spent >= _MOST_SECONDS) or len(self._dead) >= _MOST_DEAD:
                return [*found, *[_NO_TIME] * (len(asked) - len(found))]
            if asked[len(found)][0] in self._dead:
                found.append(BEYOND)
                continue
            left = asked[len(found) :]
            stop = next((at for at, (text, _) in enumerate(left) if text in self._dead), len(left))
            request = {
                "do": "evaluate",
                "subject": subject.values,
                "places": subject.places,
                "items": [{"values": each.values, "places": each.places} for each in items],
                "asked": left[:stop],
            }
            before = len(found)
            for answer in self._ask(request, stop):
                found.append(_outcome(answer["outcome"]))
                spent += answer["seconds"]
                if spent >= _MOST_SECONDS:
                    self._end()
                    break
            else:
                if len(found) - before < stop:
                    self._note_death(asked[len(found)][0])
        return found

    def _note_death(self, text: str) -> None:
        self._dead.add(text)
        self._end()

    def _ask(self, request: Mapping[str, Any], count: int) -> Iterator[dict[str, Any]]:
        """Answers, fewer than wanted where the process has ended."""
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(f"{json.dumps(request, default=str)}\n")
            process.stdin.flush()
            for _ in range(count):
                line = process.stdout.readline()
                if not line.endswith("\n"):
                    return
                yield json.loads(line)
        except BrokenPipeError:
            return

    def _start(self) -> subprocess.Popen[str]:
        """Start the process.

        It imports nothing from the current folder: a review is run in the checkout of a stranger's change.

        Raises:
            HubstackError: the library is not installed, or does not load.
        """
        require()
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_WORKER), *VARIABLES],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            self._end()
            raise HubstackError("policies.yaml cannot be judged: the package cel-expr-python does not load here")
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def require() -> None:
    """Make sure that expressions can be evaluated here.

    Raises:
        HubstackError: the library is not installed; its authors publish no package for every system.
    """
    if find_spec(LIBRARY) is None:
        raise HubstackError(
            "policies.yaml needs the package cel-expr-python, which is not installed. It is published for Linux "
            "(glibc 2.28 or newer; x86_64, arm64) and for macOS on Apple silicon; nothing is judged without it."
        )


def _wrong(answer: Mapping[str, Any]) -> list[Wrong]:
    if kind := answer.get("kind"):
        return [Wrong(1, 1, f"must be true or false, but it is of type {kind.lower()}")]
    if "error" not in answer:
        return []
    places = _AT.findall(answer["error"])
    found = [Wrong(max(1, int(line)), max(1, int(column)), _named(text)) for line, column, text in places]
    return found or [Wrong(1, 1, _short(answer["error"]))]


def _named(text: str) -> str:
    """The library's message; of a name that nothing has, which names there are."""
    if unknown := re.match(r"undeclared reference to ('.*?')", text):
        return f"there is no {unknown[1]} here; variables: {', '.join(VARIABLES)}"
    return text


def _outcome(found: bool | str) -> bool | str:
    if isinstance(found, bool):
        return found
    if found == "secret":
        return SECRET
    if missing := re.search(r'Key not found in map : "(.*?)"', found):
        return f"there is no {missing[1]!r}; has(...) asks whether there is"
    if "Iteration budget exceeded" in found:
        return BEYOND
    return _short(re.sub(r"^[A-Z_]+: ", "", found))


def _short(text: str) -> str:
    line = text.splitlines()[0] if text else ""
    return line if len(line) <= _ANSWER_TEXT else f"{line[:_ANSWER_TEXT]} ..."
