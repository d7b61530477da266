"""The names that tests of adoption, doctor, recovery and gates rely on are those that Helm makes."""

from __future__ import annotations

import subprocess

import pytest
import yaml

from hubstack import toolchain
from hubstack.parity import helm_documents
from tests import charts, needs
from tests.naming import NAMINGS, Naming


@pytest.mark.parametrize("version", charts.VERSIONS)
@pytest.mark.parametrize("naming", NAMINGS, ids=lambda each: each.id)
def test_the_names_are_those_of_helm(naming: Naming, version: str) -> None:
    """Deployment, Secret, volume claim and Service of a hub, in each way of naming and for each version."""
    chart = charts.real(version)
    if chart is None:
        needs.skip("chart", f"jupyterhub-{version}.tgz is neither in the mirror nor in Helm's cache")
    try:
        helm = toolchain.ensure(("helm",))["helm"]
    except toolchain.ToolchainError as error:
        needs.skip("programs", str(error))
    command = [str(helm), "template", naming.release, str(chart), "--kube-version", "1.36.1", "--values", "-"]
    given = yaml.safe_dump(dict(naming.values))
    printed = subprocess.run(command, input=given, check=True, capture_output=True, text=True).stdout
    named = {
        (each["kind"], each["metadata"]["labels"]["component"]): each["metadata"]["name"]
        for each in helm_documents.read(printed)
        if each["kind"] != "Service" or "public" in each["metadata"]["name"]
    }
    wanted = {
        ("Deployment", "hub"): naming.hub,
        ("Secret", "hub"): naming.hub,
        ("PersistentVolumeClaim", "hub"): naming.claim,
        ("Service", "proxy-public"): naming.proxy_public,
        ("Deployment", "user-scheduler"): naming.user_scheduler,
    }
    assert wanted.items() <= named.items()
