"""docs/recipes.md: no block gives a warning, and the real hub and KubeSpawner make of each what it is for."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hubstack import project
from hubstack.chart.load import load_values
from tests import needs
from tests.parity.hub_configuration import cases, environment
from tests.parity.recording import Question

PAGE = (project.ROOT / "docs" / "recipes.md").read_text()
RECIPES = dict(re.findall(r"^## (.+?)\n.*?^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
"""The values file of each recipe, by its heading."""


def secret(name: str) -> str:
    """A second values file: the secret that the recipe asks for, as JSON, which is YAML."""
    text = PAGE.split(f"## {name}\n")[1].split("\n## ")[0]
    found: Any = {}
    for path in re.findall(r"^Secret: `hubstack:secretValues\.([\w.]+)`", text, re.MULTILINE):
        found = functools.reduce(lambda inner, key: {key: inner}, reversed(path.split(".")), "sesame")
    return json.dumps(found)


TOKENS = json.dumps(
    {
        "hub": {"cookieSecret": "ab" * 32, "config": {"CryptKeeper": {"keys": ["cd" * 32]}}},
        "proxy": {"secretToken": "e"},
    }
)
"""What a stack draws: the hub does not start without."""


def test_every_recipe_has_a_values_file() -> None:
    """No heading is without a block, and no block is left out of the tests."""
    assert list(RECIPES) == re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    assert PAGE.count("```yaml\n") == len(RECIPES)
    assert set(RECIPES) == set(EXPECTED)


@pytest.mark.parametrize("name", RECIPES)
def test_there_is_nothing_to_warn_of(name: str, tmp_path: Path) -> None:
    """Who copies a recipe gets no warning about it."""
    files = [tmp_path / "values.yaml", tmp_path / "secret.yaml"]
    for file, text in zip(files, (RECIPES[name], secret(name)), strict=True):
        file.write_text(text)
    assert load_values(files).warnings == ()


EXPECTED: dict[str, dict[str, Any]] = {
    "Login with GitHub": {
        "config": {
            "JupyterHub.authenticator_class": "github",
            "GitHubOAuthenticator.allowed_organizations": ["list", "example-university"],
            "GitHubOAuthenticator.scope": ["list", "read:org"],
            "Authenticator.admin_users": ["list", "octocat"],
        }
    },
    "HTTPS with Let's Encrypt": {"config": {}},
    "A profile with a GPU": {
        "starts": ({"profile": "cpu"}, {"profile": "gpu"}),
        "pods": [
            {"resources": {"requests": {"memory": 2**30}, "limits": {"memory": 2 * 2**30}}},
            {
                "image": "quay.io/jupyter/pytorch-notebook:cuda12-2025-03-14",
                "resources": {
                    "requests": {"memory": 12 * 2**30, "nvidia.com/gpu": "1"},
                    "limits": {"memory": 16 * 2**30, "nvidia.com/gpu": "1"},
                },
                "nodeSelector": {"hub.example.org/pool": "gpu"},
                "tolerated": ["nvidia.com/gpu"],
            },
        ],
    },
    "An image of your own": {
        "starts": ({},),
        "pods": [
            {"image": "registry.example.org/hub/course:2025.10", "imagePullSecrets": [{"name": "image-pull-secret"}]}
        ],
    },
    "PostgreSQL": {
        "config": {
            "JupyterHub.db_url": "postgresql+psycopg2://jupyterhub@db.example.org:5432/jupyterhub?sslmode=require"
        }
    },
    "Ending idle servers": {
        "culler": ["--timeout=3600", "--cull-every=300"],
        "starts": ({},),
        "pods": [
            {
                "mounted": {"/etc/jupyter/jupyter_server_config.d/idle-kernels.json"},
            }
        ],
    },
    "A course's material with nbgitpuller": {
        "starts": ({},),
        "pods": [
            {
                "lifecycle": {
                    "postStart": {
                        "exec": {
                            "command": ["gitpuller", "https://github.com/example-university/course", "main", "course"]
                        }
                    }
                }
            }
        ],
        "config": {"Spawner.default_url": "/lab/tree/course"},
    },
    "A cloud role for each user": {
        "starts": ({},),
        "pods": [{"annotation": "arn:aws:iam::123456789012:role/hub-mock-name---6241db84", "initContainers": None}],
    },
    "A folder that all can read": {"starts": ({},), "pods": [{"mounted": {"/srv/course-data"}}]},
}
"""What each recipe is for, as the hub's configuration and the pods have it."""


def facts(pod: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Of a pod, what a recipe says something about."""
    spec = pod["spec"]
    (notebook,) = spec["containers"]
    found = {
        "tolerated": [each["key"] for each in spec["tolerations"] if not each["key"].startswith("hub.jupyter.org")],
        "mounted": {each["mountPath"] for each in notebook["volumeMounts"]} - {"/home/jovyan"},
        "annotation": pod["metadata"]["annotations"].get("iam.amazonaws.com/role"),
    }
    return {key: found[key] if key in found else notebook.get(key, spec.get(key)) for key in wanted}


@pytest.fixture(scope="module")
def hubs() -> dict[str, Any]:
    """What the hub's own programs make of each recipe."""
    try:
        environment.python()
    except environment.Unavailable as error:
        needs.skip("index", str(error))
    asked = [
        cases.case(Question((text, secret(name), TOKENS)), name, starts=EXPECTED[name].get("starts", ()))
        for name, text in RECIPES.items()
    ]
    return dict(zip(RECIPES, cases.outcomes(asked, cases.our_files()), strict=True))


@pytest.mark.parametrize("name", RECIPES)
def test_the_hub_does_what_the_recipe_is_for(name: str, hubs: Mapping[str, Any]) -> None:
    """The hub starts with the settings, and users' pods have what the recipe promises."""
    hub, wanted = hubs[name], EXPECTED[name]
    assert hub.get("error") is None
    paths = {path: path.split(".") for path in wanted.get("config", {})}
    assert {path: hub["config"][section][trait] for path, (section, trait) in paths.items()} == wanted.get("config", {})
    pods = zip(hub.get("pods", []), wanted.get("pods", []), strict=True)
    assert [facts(pod, expected) for pod, expected in pods] == wanted.get("pods", [])
    culler = next(
        (each["command"] for each in hub["hub"]["services"][1:] if each["name"] == "jupyterhub-idle-culler"), []
    )
    assert [each for each in wanted.get("culler", []) if each not in culler] == []
