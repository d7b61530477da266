"""The process that compiles and evaluates expressions in CEL, so that none of them can harm whoever asks.

It is run as a file, knows nothing of Hubstack, and is told everything on standard input: a line of JSON for each
request, and a line for each answer. One evaluation may take so much of the processor's time and the whole process so
much memory; beyond that the system ends the process, and the one that started it goes on with another (`expressions`).
"""

from __future__ import annotations

import copy
import functools
import json
import re
import resource
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from cel_expr_python import cel

READY = "ready"
"""What the process says first, once the library is loaded."""
SECONDS = 1.0
"""Of the processor, for one expression on one subject."""
MEMORY = 2 * 1024**3
"""Bytes of address space, of which the interpreter and the library reserve some hundred MiB."""

_OTHERS = (0, 1.5, True, None, {"of": "hubstack"}, ["hubstack"])
"""Values of every type. An operation that tells two of them apart, or has no meaning for one of them, shows that an
expression depends on the secret that they stand for."""
_LITERAL = re.compile(r"""(["'])((?:\\.|(?!\1).)*)\1|(?<![\w.])(-?\d+(?:\.\d+)?)""")


class Worker:
    """Compiles expressions, and evaluates them on the subject that it was told last."""

    def __init__(self, variables: list[str]) -> None:
        """Arguments:
        variables: names that expressions may use.
        """
        self._environment = cel.NewEnv(variables=dict.fromkeys(variables, cel.Type.DYN))
        self._programs: dict[str, Any] = {}
        self._subject: Mapping[str, Any] = {}
        self._places: Mapping[str, list[list[Any]]] = {}
        self._activations: dict[tuple[str, int], Any] = {}

    def answer(self, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The answers to a request, one for each of its expressions."""
        if request["do"] == "compile":
            yield from map(self._compiled, request["expressions"])
            return
        self._subject, self._places = request["subject"], request["places"]
        self._activations.clear()
        for text, item in request["asked"]:
            before = time.process_time()
            outcome = self._outcome(text, item, request["items"])
            yield {"outcome": outcome, "seconds": time.process_time() - before}

    def _compiled(self, text: str) -> dict[str, Any]:
        _allow(SECONDS)
        try:
            kind = self._program(text).return_type()
        except RuntimeError as error:
            return {"error": str(error)}
        return {} if kind in (cel.Type.BOOL, cel.Type.DYN) else {"kind": kind.name()}

    def _program(self, text: str) -> Any:
        if text not in self._programs:
            self._programs[text] = self._environment.compile(text)
        return self._programs[text]

    def _outcome(self, text: str, item: int | None, items: list[Mapping[str, Any]]) -> Any:
        """True, false, or why it is neither; ``secret`` where it depends on a secret."""
        _allow(SECONDS)
        own = items[item] if item is not None else {"values": {}, "places": {}}
        places = {**self._places, **own["places"]}
        # Only what an expression names is handed over, because handing over costs more than evaluating.
        values = {name: each for name, each in {**self._subject, **own["values"]}.items() if _names(text, name)}
        hidden = {name: places[name] for name in values if places.get(name)}
        kept = f"{item if values.keys() & own['values'].keys() else ''} {sorted(values)}"
        first = self._evaluate(text, (kept, 0), values)
        if not hidden:
            return first
        for number, sample in enumerate((*_OTHERS, *_literals(text)), start=1):
            # Literals differ between expressions; what stands for them is kept for none.
            key = (kept, number) if number <= len(_OTHERS) else None
            if self._evaluate(text, key, values, hidden, sample) != first:
                return "secret"
        return first

    def _evaluate(
        self,
        text: str,
        key: tuple[str, int] | None,
        values: Mapping[str, Any],
        hidden: Mapping[str, list[list[Any]]] | None = None,
        sample: Any = None,
    ) -> Any:
        """Evaluate an expression.

        Arguments:
            text: the expression.
            key: under which its variables are kept for others.
            values: its variables.
            hidden: places in them where a sample stands for the secret.
            sample: the sample.
        """
        activation = self._activations.get(key) if key else None
        if activation is None:
            replaced = {name: _replaced(values[name], places, sample) for name, places in (hidden or {}).items()}
            activation = self._environment.Activation({**values, **replaced})
            if key:
                self._activations[key] = activation
        try:
            found = self._program(text).eval(activation)
            value = found.value()
        except RuntimeError as error:
            return str(error)
        if found.type() == cel.Type.BOOL:
            return bool(value)
        return str(value) if found.type() == cel.Type.ERROR else f"its result is of type {found.type().name()}"


@functools.cache
def _names(text: str, variable: str) -> bool:
    """Whether an expression may name a variable."""
    return bool(re.search(rf"\b{variable}\b", text))


def _literals(text: str) -> Iterator[Any]:
    """What an expression may compare a secret with."""
    for _, inner, number in _LITERAL.findall(text):
        yield (float(number) if "." in number else int(number)) if number else inner


def _replaced(value: Any, places: list[list[Any]], sample: Any) -> Any:
    """A copy of a value with something else in some places."""
    copied = copy.deepcopy(value)
    for place in places:
        if not place:
            return sample
        parent = copied
        for step in place[:-1]:
            parent = parent[step]
        parent[place[-1]] = sample
    return copied


def _allow(seconds: float) -> None:
    """Let the system end this process if it does not ask for time again before so much of it has gone."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def main() -> None:
    """Answer until nobody asks any more."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    worker = Worker(sys.argv[1:])
    print(READY, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        for answer in worker.answer(request):
            print(json.dumps(answer), flush=True)
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main()
