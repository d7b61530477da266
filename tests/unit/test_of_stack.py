"""`manifests` and `parity` of a stack have its own settings, and say what they leave out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from hubstack import project
from hubstack.chart.load import load_values
from hubstack.commands import of_stack, options
from hubstack.commands.main import app

SETTINGS: dict[str, Any] = {
    "hubstack:kubeContext": "east",
    "hubstack:namespace": "prod",
    "hubstack:releaseName": "hub",
    "hubstack:valuesFiles": ["prod.yaml"],
    "hubstack:values": {"hub": {"baseUrl": "/inline/"}},
    "hubstack:storageClass": {"name": "fast", "provisioner": "a.b/c"},
    "hubstack:secretValues": {"hub": {"cookieSecret": {"secure": "v1:abc"}}},
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one stack."""
    monkeypatch.setattr(project, "ROOT", tmp_path)
    (tmp_path / "Pulumi.prod.yaml").write_text(yaml.safe_dump({"config": SETTINGS}))
    (tmp_path / "prod.yaml").write_text("hub: {baseUrl: /file/, concurrentSpawnLimit: 7}\n")
    return tmp_path


def test_a_stack_is_rendered_with_its_own_settings(root: Path) -> None:
    """Its files, its inline values over them, its storage class below them, its namespace and its release."""
    told: list[str] = []
    with of_stack.chosen("prod", [], None, None, None, told.append) as found:
        assert (found.namespace, found.release) == ("prod", "hub")
        values = load_values(found.values).values
    assert (values.hub.base_url, values.hub.concurrent_spawn_limit) == ("/inline/", 7)
    assert values.hub.db.pvc.storage_class_name == "fast"
    assert told == ["hubstack:secretValues of stack prod are encrypted, and left out here"]


def test_values_of_a_parent_chart(root: Path) -> None:
    """Files that have the hub's values below a key, and the stack's own inline values, come together."""
    inline = {**SETTINGS, "hubstack:valuesKey": "basehub.jupyterhub"}
    (root / "Pulumi.nested.yaml").write_text(yaml.safe_dump({"config": inline}))
    (root / "prod.yaml").write_text("basehub: {jupyterhub: {hub: {baseUrl: /file/, concurrentSpawnLimit: 7}}}\n")
    with of_stack.chosen("nested", [], None, None, None, print) as found:
        values = load_values(found.values, values_key=found.values_key).values
    assert (values.hub.base_url, values.hub.concurrent_spawn_limit) == ("/inline/", 7)


def test_options_win(root: Path) -> None:
    """Each option takes the place of what the stack says; without a stack there are the defaults."""
    other = root / "prod.yaml"
    with of_stack.chosen("prod", [other], None, "n", "r", print) as found:
        assert found == of_stack.Chosen([other], "n", "r")
    with of_stack.chosen(None, [other], None, None, None, print) as found:
        assert found == of_stack.Chosen([other], "jhub", "jhub")


def test_what_was_written_is_said(root: Path) -> None:
    """A folder full of files without a word would leave people wondering."""
    output = root / "out"
    done = CliRunner().invoke(app, ["manifests", "--placeholder-tokens", "--output", str(output)])
    assert done.exit_code == 0, done.output
    assert f"{len(list(output.iterdir()))} objects written to {output}, a file for each" in done.stderr
    assert done.stdout == ""


def test_completion_knows_the_stacks(root: Path) -> None:
    """The shell completes the name of a stack."""
    assert options.stack_names("p") == ["prod"]
    assert options.stack_names("x") == []


def test_an_option_without_a_value_shows_none() -> None:
    """No help says that a flag takes a <bool>, and --version says which one this is."""
    runner = CliRunner()
    commands = [[], ["up"], ["preview"], ["doctor"], ["rollout", "up"], ["cluster", "up"], ["manifests"], ["pools"]]
    for words in commands:
        shown = runner.invoke(app, [*words, "--help"])
        assert shown.exit_code == 0
        assert "bool" not in shown.output
    assert runner.invoke(app, ["--version"]).output.startswith("hubstack ")
