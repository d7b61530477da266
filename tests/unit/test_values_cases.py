"""Small values files after public bug reports and forum questions: what is said of each, or what becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubstack import manifests
from hubstack.chart.errors import SettingsError
from hubstack.chart.load import load_values

SAID = {
    "a key twice": (
        "hub:\n  config: {A: {b: 1}}\n  config: {JupyterHub: {authenticator_class: dummy}}\n",
        "line 3: the key 'config' stands there a second time, and what the first one holds is lost",
    ),
    "roles that replace the chart's": (
        "hub: {config: {JupyterHub: {load_roles: [{name: user, scopes: [self]}]}}}\n",
        "hub.config.JupyterHub.load_roles: replaces the roles that the chart makes (for cull.enabled): who had them is "
        "refused with 403; put these roles below hub.loadRoles",
    ),
    "nobody is let in": (
        "hub: {config: {JupyterHub: {authenticator_class: github}, GitHubOAuthenticator: {client_id: x}}}\n",
        "hub.config.JupyterHub.authenticator_class: GitHubOAuthenticator is told of nobody who may log in, so "
        "JupyterHub lets nobody in; set hub.config.GitHubOAuthenticator.allow_all to true, or name people by "
        "allowed_users or by what else it knows",
    ),
}
"""What is taken, and warned about."""

REFUSED = {
    "cores as a quantity": (
        "singleuser: {cpu: {limit: 500m}}\n",
        "singleuser.cpu.limit: '500m' is not allowed; must be a number of cores; 500m is 0.5",
    ),
    "an umbrella chart": (
        "nfs: {enabled: true}\njupyterhub: {hub: {}}\n",
        "jupyterhub: these are values of a parent chart, with the hub's below 'jupyterhub'; to take those, add "
        "--values-key jupyterhub, or set hubstack:valuesKey to 'jupyterhub' in the stack's file; nfs would be left out",
    ),
    "encrypted with sops": (
        "sops: {kms: []}\n",
        "sops: unknown key; the file is encrypted with sops: decrypt it first",
    ),
    "a level too deep": (
        "singleuser: {image: {cmd: null}}\n",
        "singleuser.image.cmd: unknown key; it belongs one level up: singleuser.cmd",
    ),
    "a missing blank": (
        "ingress:\n  enabled:true\n  hosts: [hub.example.org]\n",
        "line 3, column 8: not valid YAML: mapping values are not allowed in this context; is there a blank missing "
        "behind the colon in line 2?",
    ),
}
"""What is refused."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the values are written."""
    return tmp_path / "values.yaml"


@pytest.mark.parametrize("name", SAID)
def test_what_is_warned_about(file: Path, name: str) -> None:
    """Helm and the hub take it, and it is hardly meant."""
    text, said = SAID[name]
    file.write_text(text)
    assert [str(each).removeprefix(f"{file}: ") for each in load_values([file]).warnings] == [said]


@pytest.mark.parametrize(
    "settings",
    [
        "GitHubOAuthenticator: {allowed_organizations: [x]}",
        "OAuthenticator: {allowed_groups: [x]}",
        "Authenticator: {admin_users: [x]}",
        "Authenticator: {allow_all: true}",
    ],
)
def test_somebody_is_let_in(file: Path, settings: str) -> None:
    """By the authenticator's own rules, or by those of what it inherits from."""
    file.write_text(f"hub: {{config: {{JupyterHub: {{authenticator_class: github}}, {settings}}}}}\n")
    assert load_values([file]).warnings == ()


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(file: Path, name: str) -> None:
    """Helm refuses it, too; the message says how to mend it."""
    text, said = REFUSED[name]
    file.write_text(text)
    with pytest.raises(SettingsError) as error:
        load_values([file])
    assert said in [str(each).removeprefix(f"{file}: ") for each in error.value.problems]


def test_lists_are_replaced_and_nulls_handed_on(tmp_path: Path) -> None:
    """A later file's list is the only one; its null stands where the chart has no default."""
    files = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    files[0].write_text("singleuser: {profileList: [{slug: a}, {slug: b}], nodeSelector: {pool: user, zone: a}}\n")
    files[1].write_text("singleuser: {profileList: [{slug: c}], nodeSelector: {zone: null}}\n")
    values = load_values(files).values.singleuser
    assert (values.profile_list, values.node_selector) == ([{"slug": "c"}], {"pool": "user", "zone": None})


def test_anchors_below_custom(file: Path) -> None:
    """Merge keys are expanded where they stand, and the pullers find the images of shared choices."""
    file.write_text(
        "custom:\n  image: &image\n    choices:\n"
        "      r: {kubespawner_override: {image: quay.io/example/r:1}}\n"
        "singleuser:\n  profileList:\n    - profile_options: {image: *image}\n"
        "    - profile_options: {image: {<<: *image, display_name: other}}\n"
    )
    assert [each["name"] for each in _pulled(file) if each["image"] == "quay.io/example/r:1"] == [
        "image-pull-profile-0-option-image-r",
        "image-pull-profile-1-option-image-r",
    ] * 2


def _pulled(file: Path) -> list[dict[str, Any]]:
    objects = manifests.render_manifests([file], "jhub", "jhub", "1.36.1", placeholders=True)
    pullers = [each["spec"]["template"]["spec"] for each in objects if each["kind"] == "DaemonSet"]
    return [container for spec in pullers for container in spec["initContainers"]]
