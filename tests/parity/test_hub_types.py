"""What is said of types, sizes and allow rules is what the hub's own classes do."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hubstack.chart import hub_classes, hub_types
from hubstack.chart.load import load_values
from tests import needs
from tests.parity.hub_configuration import environment

PROGRAM = Path(environment.__file__).with_name("accepts.py")
VALUES: list[Any] = [
    "text", "1", "true", "2Gi", "2G", "1.5G", "512M", "G", 1, 0.5, True, ["a"], ["a", 1], [], {"a": "b"}, {}, None,
]  # fmt: skip


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """What the classes themselves say."""
    try:
        python = environment.python()
    except environment.Unavailable as error:
        needs.skip("index", str(error))
    done = subprocess.run([python, PROGRAM], input=json.dumps(VALUES), capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_value_is_doubted_only_where_its_class_refuses_it(told: dict[str, Any]) -> None:
    """Of every trait of every class, and a value of every type; what no type tells is not judged."""
    wrong, judged = [], 0
    for section, traits in told["traits"].items():
        for trait, answers in traits.items():
            for value, taken in zip(VALUES, answers, strict=True):
                doubted = hub_types.refusal(section, trait, value) is not None
                judged += doubted
                if doubted and taken:
                    wrong.append((section, trait, value))
    assert wrong == []
    assert judged > 10_000


def test_common_mistakes_are_doubted(told: dict[str, Any]) -> None:
    """A text for a list, a number in quotes, a size that only Kubernetes reads: refused by the class, and told."""
    for section, trait, value in [
        ("Authenticator", "admin_users", "text"),
        ("GitHubOAuthenticator", "allowed_users", "text"),
        ("KubeSpawner", "mem_limit", "2Gi"),
        ("KubeSpawner", "start_timeout", "1"),
        ("Authenticator", "allow_all", "true"),
        ("JupyterHub", "active_server_limit", "1"),
    ]:
        assert not told["traits"][section][trait][VALUES.index(value)]
        assert hub_types.refusal(section, trait, value)


def test_who_lets_in_nobody_is_told(told: dict[str, Any], tmp_path: Path) -> None:
    """An authenticator without any setting is warned about where it lets in nobody, but for the one made for that."""
    file = tmp_path / "values.yaml"
    found = {}
    for name, lets_in in told["people"].items():
        if lets_in is None or name == "null":
            continue
        file.write_text(f"hub: {{config: {{JupyterHub: {{authenticator_class: {name}}}}}}}\n")
        found[name] = (
            not lets_in,
            any(each.path.endswith("authenticator_class") for each in load_values([file]).warnings),
        )
    assert len(found) > 10
    assert {name: pair for name, pair in found.items() if pair[0] != pair[1]} == {}
    assert hub_classes.class_of("null") == "NullAuthenticator"
