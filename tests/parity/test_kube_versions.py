"""Every Kubernetes version that the chart supports gets the chart's objects; older ones are refused by both."""

from __future__ import annotations

import pytest

from hubstack.chart import render
from hubstack.chart.errors import SettingsError
from hubstack.chart.kube_version import require_supported
from hubstack.parity import compare, rendering
from tests.parity import harness, inputs
from tests.parity.recording import Question


@pytest.mark.parametrize("version", inputs.SUPPORTED)
def test_supported_version(version: str) -> None:
    """Object versions are those that the chart chooses for this Kubernetes."""
    require_supported(version)
    both = harness.pair(Question((inputs.EVERY_VERSION_OF_AN_API,), kube_version=version))
    assert both.chart.keys() == both.ours.keys()
    assert compare.report(both.chart, both.ours) == []


@pytest.mark.parametrize("version", inputs.TOO_OLD)
def test_too_old_version(version: str) -> None:
    """Both refuse, and our message says what is needed."""
    with pytest.raises(rendering.HelmRefusal, match="chart requires kubeVersion"):
        harness.helm_template(Question((), kube_version=version))
    with pytest.raises(SettingsError, match=r"not supported by the chart; it needs 1\.28 or newer"):
        require_supported(version)


@pytest.mark.parametrize("version", inputs.SUPPORTED)
def test_gateway_objects_only_where_asked_for(version: str) -> None:
    """Without httpRoute no object of the Gateway API is made, whatever the version."""
    target = harness.release(Question(("{}",), kube_version=version))
    ours = render.objects(target, rendering.generated_tokens(target))
    assert len(ours) > 20
    assert [each["kind"] for each in ours if "gateway" in each["apiVersion"]] == []
