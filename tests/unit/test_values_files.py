"""Whole values files: what the chart accepts is accepted, what it refuses is refused with the path.

The files lie outside the repository: ``$HUBSTACK_MIRROR``, else ``shared`` beside the checkout.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hubstack.chart.errors import SettingsError
from hubstack.chart.load import load_values


def mirror() -> Path:
    """The folder with ``charts`` and ``values``."""
    given = os.environ.get("HUBSTACK_MIRROR")
    return Path(given) if given else Path(__file__).resolve().parents[3] / "shared"


def files(*folders: str) -> list:
    """Parameters for the files of some folders; one that skips where there are none."""
    found = [path for folder in folders for path in sorted((mirror() / "values" / folder).glob("*.yaml"))]
    if not found:
        reason = f"no values files in {mirror() / 'values'}; set HUBSTACK_MIRROR"
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"needs values: {reason}"))]
    return [pytest.param(path, id=f"{path.parent.name}/{path.stem}") for path in found]


REFUSED = {
    "render-command-not-string": "hub.command[0]",
    "render-extraenv-bool": "proxy.chp.extraEnv.FLAG",
    "render-extraenv-null": "hub.extraEnv.NOTHING",
    "render-extraenv-number": "hub.extraEnv.PORT",
    "render-extrafile-data-extension": "hub.extraFiles.a.mountPath",
    "render-extrafile-empty-data": "singleuser.extraFiles.a",
    "render-extrafile-empty-mountpath": "hub.extraFiles.a.mountPath",
    "render-extrafile-leading-space": "hub.extraFiles.a.stringData",
    "render-hub-fsgid": "hub.fsGid",
    "render-letsencrypt-without-email": "proxy.https.letsencrypt.contactEmail",
    "render-manual-without-cert": "proxy.https.manual.cert",
    "render-manual-without-key": "proxy.https.manual.key",
    "render-metadata-ambiguous": "singleuser.networkPolicy.egressAllowRules.cloudMetadataServer",
    "render-null-config-jupyterhub": "hub.config.JupyterHub",
    "render-null-extrastaticconfig": "proxy.traefik.extraStaticConfig",
    "render-null-networkpolicy": "hub.networkPolicy",
    "render-null-pull-secrets": "hub.image.pullSecrets",
    "render-null-tolerations": "scheduling.corePods.tolerations",
    "render-rbac-enabled": "rbac.enabled",
    "render-services-null-entry": "hub.services.svc",
    "render-tpl-error": "hub.args[0]",
    "schema-annotation-not-string": "hub.service.annotations.a",
    "schema-cloudmetadata-enabled": "singleuser.cloudMetadata.enabled",
    "schema-config-lowercase-section": "hub.config.jupyterhub",
    "schema-cpu-string": "singleuser.cpu.guarantee",
    "schema-db-type": "hub.db.type",
    "schema-egress-rule-typo": "hub.networkPolicy.egressAllowRules.privateIps",
    "schema-extrafile-boolean-content": "hub.extraFiles.a.stringData",
    "schema-extrafile-mode-string": "hub.extraFiles.a.mode",
    "schema-extrafile-two-sources": "singleuser.extraFiles.a",
    "schema-extrafile-without-mountpath": "hub.extraFiles.a.mountPath",
    "schema-extraimage-without-tag": "prePuller.extraImages.a.tag",
    "schema-hsts-partial-null": "proxy.traefik.hsts.maxAge",
    "schema-https-type": "proxy.https.type",
    "schema-ipfamilypolicy-list": "proxy.service.ipFamilyPolicy",
    "schema-negative-history": "proxy.chp.revisionHistoryLimit",
    "schema-node-purpose": "scheduling.userPods.nodeAffinity.matchNodePurpose",
    "schema-parent-chart-nesting": "jupyterhub",
    "schema-pdb-percent": "hub.pdb.maxUnavailable",
    "schema-profilelist-map": "singleuser.profileList",
    "schema-pull-secret-incomplete": "imagePullSecret.registry",
    "schema-required-removed-with-null": "scheduling.userScheduler.plugins",
    "schema-tag-exponent": "singleuser.image.tag",
    "schema-tag-number": "hub.image.tag",
    "schema-unknown-nested": "hub.extraEnvs",
    "schema-unknown-top-level": "jupyterHub",
    "yaml-not-a-map": "",
    "yaml-null-key": "line 2, column 10",
    "yaml-tab-indent": "line 3, column 1",
}
"""The path of the one problem in each refused file."""


@pytest.mark.parametrize("path", files("dev", "real"))
def test_what_the_chart_accepts_is_accepted(path: Path) -> None:
    load_values([path])


@pytest.mark.parametrize("path", files("invalid"))
def test_what_the_chart_refuses_is_refused_with_its_path(path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        load_values([path])
    assert [(problem.source, problem.path) for problem in error.value.problems] == [(str(path), REFUSED[path.stem])]
