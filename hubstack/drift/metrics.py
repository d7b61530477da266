"""What was found as figures, in a file that the textfile collector of Prometheus' node exporter reads."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from hubstack.drift.report import StackDrift


def write(file: Path, found: Sequence[StackDrift]) -> None:
    """Write the file whole or not at all: the collector may read it at any moment.

    Arguments:
        file: its name has to end with ``.prom``, or the collector does not read it.
        found: what was found.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    temporary.write_text("".join(f"{line}\n" for line in lines(found, time.time())), encoding="utf-8")
    temporary.replace(file)


def lines(found: Sequence[StackDrift], now: float) -> Iterator[str]:
    """The figures as text (Prometheus: "Exposition formats").

    Arguments:
        found: what was found.
        now: seconds since 1970.
    """
    looked_at = [each for each in found if each.state in ("clean", "drifted")]
    unreachable = [each for each in found if each.state in ("clean", "drifted", "unreachable")]
    yield from _metric(
        "hubstack_drift_fields",
        "Fields and objects that are not what the stack has declared, without accepted ones.",
        [(_labels(each), len(each.differences)) for each in looked_at],
    )
    yield from _metric(
        "hubstack_drift_accepted_fields",
        "Fields and objects that differ and may.",
        [(_labels(each), each.accepted) for each in looked_at],
    )
    yield from _metric(
        "hubstack_drift_unreachable",
        "Whether the stack's cluster could not be asked.",
        [(_labels(each), int(each.state == "unreachable")) for each in unreachable],
    )
    yield from _metric(
        "hubstack_drift_failed",
        "Whether the stack could not be read.",
        [(_labels(each), int(each.state == "failed")) for each in found],
    )
    yield from _metric("hubstack_drift_last_run_timestamp_seconds", "When this was looked at.", [("", round(now, 3))])


def _metric(name: str, about: str, samples: Sequence[tuple[str, float]]) -> Iterator[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} gauge"
    yield from (f"{name}{labels} {value}" for labels, value in samples)


def _labels(each: StackDrift) -> str:
    named = {"stack": each.stack, "context": each.context, "namespace": each.namespace}
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in named.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
