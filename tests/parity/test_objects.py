"""Our objects equal those of the chart: first as a set of identities, then each as a whole.

What this does not prove: that a cluster accepts the objects, and what the hub makes of its configuration.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from hubstack.parity import compare
from tests.parity import harness

FILES = [
    *harness.sampled(harness.values_files("dev"), 4),
    *harness.values_files("real"),
    *harness.sampled(harness.values_files("random"), 16),
]

pytestmark = pytest.mark.skipif(not FILES, reason=f"needs values: none in {harness.mirror() / 'values'}")


@pytest.mark.parametrize("values", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_same_objects(values: Path) -> None:
    both = harness.pair(harness.question(values))
    only_chart = sorted("/".join(each) for each in both.chart.keys() - both.ours.keys())
    only_ours = sorted("/".join(each) for each in both.ours.keys() - both.chart.keys())
    assert (only_chart, only_ours) == ([], []), f"only in the chart: {only_chart}; only in ours: {only_ours}"
    found = compare.report(both.chart, both.ours)
    assert not found, f"{len(found)} differences\n" + "\n".join(found)
