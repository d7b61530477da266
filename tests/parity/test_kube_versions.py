"""Every Kubernetes version that the chart supports gets the chart's objects; older ones are refused by both."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from chart.errors import SettingsError
from chart.kube_version import OLDEST, require_supported
from hubstack.parity import compare, rendering
from tests.parity import harness

VALUES = """
ingress: {enabled: true, hosts: [hub.example.org]}
httpRoute: {enabled: true, hostnames: [hub.example.org], gateway: {name: g}}
proxy:
  chp: {pdb: {enabled: true}}
  https: {enabled: true, hosts: [hub.example.org], letsencrypt: {contactEmail: a@example.org}}
scheduling: {podPriority: {enabled: true}, userPlaceholder: {replicas: 1}}
hub: {pdb: {enabled: true}}
"""


@pytest.mark.parametrize("version", [f"{OLDEST[0]}.{OLDEST[1]}.0", "1.30.14", "1.33.2", "1.36.1", "v1.36.1-gke.4"])
def test_supported_version(tmp_path: Path, version: str) -> None:
    """Object versions are those that the chart chooses for this Kubernetes."""
    file = tmp_path / "values.yaml"
    file.write_text(VALUES)
    wanted = rendering.Input((file,), kube_version=version)
    require_supported(version)
    rendered = rendering.helm_template(harness.helm(), harness.chart_archive(), wanted)
    both = rendering.pair(rendered, rendering.release(wanted))
    assert both.chart.keys() == both.ours.keys()
    assert compare.report(both.chart, both.ours) == []


@pytest.mark.parametrize("version", ["1.27.16", "v1.20", "0.9"])
def test_too_old_version(version: str) -> None:
    """Both refuse, and our message says what is needed."""
    with pytest.raises(subprocess.CalledProcessError, match="non-zero"):
        rendering.helm_template(harness.helm(), harness.chart_archive(), rendering.Input((), kube_version=version))
    with pytest.raises(SettingsError, match=r"not supported by the chart; it needs 1\.28 or newer"):
        require_supported(version)


def test_gateway_objects_only_where_asked_for() -> None:
    """Without httpRoute no object of the Gateway API is made, whatever the version."""
    values = harness.values_files("dev")
    if not values:
        pytest.skip(f"no values files in {harness.mirror() / 'values'}")
    plain = next(file for file in values if file.stem == "defaults")
    assert not [identity for identity in harness.pair(plain).ours if "gateway" in identity[0]]
