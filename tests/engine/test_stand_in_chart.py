"""The chart that stands in for the real one in tests of releases: Helm makes the native objects of it.

That the real chart makes the same objects is what the suite parity is for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from hubstack import toolchain
from hubstack.chart.merge import merge_files
from hubstack.chart.release import CHART_VERSION
from hubstack.errors import HubstackError
from hubstack.parity import check
from hubstack.parity.rendering import Input
from tests import needs
from tests.stand_in_chart import archive
from tests.stand_in_chart.structures import STRUCTURES

QUIET = Console(quiet=True)
FREE: dict[str, Any] = {
    "hub": {
        "concurrentSpawnLimit": 20,
        "config": {"JupyterHub": {"cookie_secret": "ab" * 32}, "CryptKeeper": {"keys": ["cd" * 32, "ef" * 32]}},
        "extraConfig": {},
        "services": {"first": {"apiToken": "known"}, "second": {"admin": False}},
    },
    "proxy": {"secretToken": "of the proxy", "https": {"manual": {"key": "KEY\n{{ not Go }}\n", "cert": "CERT"}}},
    "imagePullSecret": {"registry": "registry.example.org", "username": "hub", "password": "pass word"},
    "singleuser": {"extraEnv": {"TEXT": "{{ not Go either }}"}, "storage": {"capacity": "1Gi"}},
    "cull": {"enabled": False},
}
"""Something for the values that need no structure of their own."""


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive; skips, with the reason, where Helm cannot be had."""
    try:
        toolchain.ensure(("helm",))
    except toolchain.ToolchainError as error:
        needs.skip("programs", str(error))
    return archive.write(CHART_VERSION, tmp_path_factory.mktemp("stand-in"))


def compared(stand_in: Path, folder: Path, values: dict[str, Any]) -> check.Result:
    """Helm's rendering of the stand-in against mode native's objects."""
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    wanted = Input((file,), namespace="people", release="hub-of-people")
    return check.check(wanted, version=CHART_VERSION, chart=stand_in, console=QUIET)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_objects_are_those_of_mode_native(stand_in: Path, tmp_path: Path, structure: str) -> None:
    """In each structure, with free values set: the same objects, and the same data in them."""
    values = merge_files([STRUCTURES[structure], FREE])
    if not values.get("imagePullSecret", {}).get("create"):
        values.pop("imagePullSecret")
    result = compared(stand_in, tmp_path, values)
    assert (result.only_chart, result.only_native, result.different) == ((), (), {})
    assert result.compared > 20


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hub": {"resources": {"requests": {"cpu": 1}}}}, "/hub/resources"),
        ({"proxy": {"chp": {"networkPolicy": {"enabled": False}}}}, "/proxy/chp/networkPolicy/enabled"),
        (merge_files([STRUCTURES["placeholders"], STRUCTURES["in-memory"]]), "structures.py has no structure with"),
    ],
)
def test_what_it_cannot_make_is_refused(stand_in: Path, tmp_path: Path, values: dict[str, Any], message: str) -> None:
    """A value that the objects would ignore, or a combination that was not rendered, stops the test that sets it."""
    with pytest.raises(HubstackError) as error:
        compared(stand_in, tmp_path, values)
    assert message in str(error.value)
