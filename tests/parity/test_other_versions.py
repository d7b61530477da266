"""What a hub's objects change in when it comes from another version of the chart: what `hubstack parity` shows then."""

from __future__ import annotations

import pytest

from hubstack.parity import compare, rendering
from tests.parity import harness, inputs
from tests.parity.recording import Question

UTORONTO = harness.mirror() / "values" / "real" / "utoronto.yaml"
"""Uses settings that 3.3.8 does not have."""
QUESTIONS = inputs.of_other_versions()
OWN = {"4.3.5": ("4.3.5", "5.4.6"), "4.4.0": ("4.4.0", "5.5.0")}
"""Version of the chart, and of JupyterHub in it."""
NEW_SINCE_3_3_8 = {("v1", "ServiceAccount", f"{which}-image-puller") for which in ("hook", "continuous")}

pytestmark = pytest.mark.skipif(not QUESTIONS, reason=f"needs values: none in {harness.mirror() / 'values'}")


def of_version(version: str) -> pytest.MarkDecorator:
    """The questions to one version."""
    asked = [each for each in QUESTIONS if each.version == version]
    return pytest.mark.parametrize("question", asked, ids=inputs.OF_OTHER_VERSIONS[: len(asked)])


@of_version("4.3.5")
def test_only_versions_differ(question: Question) -> None:
    """The templates of 4.3.5 are those of 4.4.0, so nothing but version numbers differs."""
    both = harness.pair(question)
    assert both.chart.keys() == both.ours.keys()
    places = [
        place for identity, object in both.chart.items() for place in compare.differences(object, both.ours[identity])
    ]
    versions = dict(zip(OWN["4.3.5"], OWN["4.4.0"], strict=True))
    assert len(places) > len(both.ours), "the chart's own label differs in every object"
    for place in places:
        renamed = place.chart or ""
        for theirs, own in versions.items():
            renamed = renamed.replace(theirs, own)
        assert renamed == place.ours, place.path


@of_version("3.3.8")
def test_an_older_chart_can_be_compared(question: Question) -> None:
    """All that both have is compared; every object has labels that 3.3.8 did not write. Some values it refuses."""
    if harness.question(UTORONTO).values == question.values:
        with pytest.raises(rendering.HelmRefusal, match="values don't meet the specifications of the schema"):
            harness.pair(question)
        return
    both = harness.pair(question)
    assert both.chart.keys() <= both.ours.keys()
    assert both.ours.keys() - both.chart.keys() <= NEW_SINCE_3_3_8
    for identity in both.chart:
        places = {place.path for place in compare.differences(both.chart[identity], both.ours[identity])}
        assert "metadata.labels.helm.sh/chart" in places, identity
