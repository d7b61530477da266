"""The table of classes and traits that warnings are made from says what the hub's packages themselves say."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from hubstack.chart import hub_classes
from hubstack.chart.load import load_values
from tests import needs
from tests.parity import harness
from tests.parity.hub_configuration import environment

PROGRAM = Path(environment.__file__).with_name("classes.py")
FILES = harness.values_files("dev", "real")


def test_table_of_classes_is_what_the_packages_bring() -> None:
    """Every configurable class, its bases and traits, and every registered authenticator is in the table as it is."""
    try:
        python = environment.python()
    except environment.Unavailable as error:
        needs.skip("index", str(error))
    told = subprocess.run([python, PROGRAM], capture_output=True, text=True, check=True).stdout
    assert json.loads(told) == json.loads(hub_classes.TABLE.read_text()), f"write {PROGRAM.name}'s output to the table"


@pytest.mark.skipif(not FILES, reason=f"needs values: none in {harness.mirror() / 'values'}")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_doubts_about_good_settings(file: Path) -> None:
    """Settings that are right, hubs in production among them, get no warning; but for those made files that are not."""
    doubts = [each.path for each in load_values([file]).warnings]
    assert doubts == MADE_WRONG.get(file.stem, [])


MADE_WRONG = {
    "yaml-text-blocks": ["hub.extraConfig.indent"],
    "null-deletions": ["hub.config.JupyterHub.ssl_key"],  # a hub does not start with a null there
    "proxy-chp-extras": ["hub.config.JupyterHub.authenticator_class"],  # GitHub, and nobody is let in
    # A hub does not start with this cookie secret, nor with this key where it keeps auth state.
    "secrets-legacy-locations": ["hub.cookieSecret", "hub.config.CryptKeeper.keys"],
    # Fourteen letters, and one of them the token of an administrator.
    "hub-services-roles": ["hub.services.binder.apiToken", "hub.services.grader.api_token"],
}


def test_traits_of_production_hubs_are_in_the_table() -> None:
    """Every trait that real hubs set of the image's classes is in the table, but for three that have no effect."""
    counts = harness.mirror() / "docs" / "values-frequency.txt"
    if not counts.is_file():
        needs.skip("values", f"no {counts}")
    found = re.findall(r"hub\.config\.([A-Z]\w+)\.(\w+)", counts.read_text())
    table = json.loads(hub_classes.TABLE.read_text())["classes"]
    assert len(found) > 20
    unknown = {name for name in found if name[0] in table and name[1] not in hub_classes.traits_of(name[0])}
    assert unknown == {
        ("Authenticator", "authenticator_class"),
        ("GitHubOAuthenticator", "Authenticator"),
        ("GoogleOAuthenticator", "allowed_hosted_domains"),
    }
