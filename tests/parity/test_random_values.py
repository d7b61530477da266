"""Random values, drawn afresh, render the same objects as the chart, and are refused where Helm refuses them.

They need the chart at hand; a recording has the mirror's own random values, which `test_objects.py` compares.

``HUBSTACK_DRAWS`` sets how many values trees are drawn; without it there are 300, or 20 for a sample, the same in every
run.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubstack.chart.errors import SettingsError
from hubstack.parity import compare, rendering
from tests.parity import draws, harness, inputs

DRAWS = int(os.environ.get("HUBSTACK_DRAWS", "20" if harness.SAMPLE else "300"))
AT_ONCE = 4
"""Trees of one example; Helm renders them side by side."""

POOL = ThreadPoolExecutor(AT_ONCE)
VERDICTS = {"equal": 0, "refused": 0}


def verdict(tree: dict[str, Any]) -> list[str]:
    """How native and Helm differ for a values tree."""
    question = inputs.of_tree(tree)
    helm_says = ours_says = rendered = ""
    try:
        rendered = harness.helm_template(question)
    except rendering.HelmRefusal as refusal:
        helm_says = str(refusal).strip()
    try:
        target = harness.release(question)
    except SettingsError as error:
        ours_says = str(error)
    if helm_says or ours_says:
        VERDICTS["refused"] += 1
        if helm_says and ours_says:
            return []
        return [f"refused by Helm alone: {helm_says[-600:]}" if helm_says else f"refused by native alone: {ours_says}"]
    both = rendering.pair(rendered, target)
    VERDICTS["equal"] += 1
    only = [f"only in the chart: {each}" for each in sorted(both.chart.keys() - both.ours.keys())]
    only += [f"only in native: {each}" for each in sorted(both.ours.keys() - both.chart.keys())]
    return only + compare.report(both.chart, both.ours)


@settings(
    max_examples=max(1, DRAWS // AT_ONCE),
    deadline=None,
    derandomize="HUBSTACK_DRAWS" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=False,
)
@given(st.lists(draws.values(), min_size=AT_ONCE, max_size=AT_ONCE))
def check(trees: list[dict[str, Any]]) -> None:
    """The invariant, for some trees at once."""
    for tree, found in zip(trees, POOL.map(verdict, trees), strict=True):
        assert not found, f"{len(found)} differences\n" + "\n".join(found) + f"\nvalues: {json.dumps(tree)}"


def test_random_values_render_the_same() -> None:
    """For every drawn tree both sides render equal objects, or both refuse; most are not refused."""
    harness.chart()
    check()
    assert VERDICTS["equal"] > VERDICTS["refused"], VERDICTS
