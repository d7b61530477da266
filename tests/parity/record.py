"""`make record`: writes down what the chart at hand makes of all that the suite asks.

It stands beside the suite, because the suite's inputs are what it records; an installed Hubstack has no use for it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hubstack.parity import rendering
from tests.parity import harness, inputs, recording
from tests.parity.hub_configuration import cases, environment
from tests.parity.recording import Question


def main() -> int:
    """Write both recordings; gives the exit code."""
    parser = argparse.ArgumentParser(prog="make record", description=__doc__)
    default = Path(".hubstack") / harness.RECORDED
    parser.add_argument("folder", nargs="?", type=Path, default=default, help=f"where they go ({default})")
    folder = parser.parse_args().folder
    try:
        rows = renderings(harness.chart(), inputs.all_questions())
        outcomes = cases.by_test(cases.charts_files())
    except (harness.Missing, environment.Unavailable) as error:
        print(f"nothing was recorded: {error}", file=sys.stderr)
        return 1
    recording.write(folder / recording.RENDERINGS, rows)
    recording.write_outcomes(folder / recording.OUTCOMES, outcomes)
    print(f"{folder / recording.RENDERINGS}: {len(rows)} renderings")
    print(f"{folder / recording.OUTCOMES}: {sum(map(len, outcomes.values()))} hubs of {len(outcomes)} tests")
    return 0


def renderings(chart: harness.Chart, questions: Iterable[Question]) -> list[dict[str, Any]]:
    """The lines of a recording, some of them asked at once.

    Raises:
        Missing: a version of the chart isn't here.
    """

    def asked(question: Question) -> dict[str, Any]:
        try:
            return recording.row(question, 0, chart.helm_template(question))
        except rendering.HelmRefusal as refusal:
            return recording.row(question, 1, str(refusal))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(asked, dict.fromkeys(questions)))


if __name__ == "__main__":
    sys.exit(main())
