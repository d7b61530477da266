"""The components as a package: the schema that the engine infers from the plugin, and what it makes of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hubstack import project
from hubstack.engine import environment
from hubstack.toolchain import Tools
from tests import needs
from tests.engine.wheel import engine
from tests.engine.wheel.conftest import Installed, tracked

RELEASE = {"namespace", "releaseName", "secretValues", "values", "valuesFiles", "valuesKey"}
STORAGE_CLASS = {
    "allowVolumeExpansion",
    "allowedTopologies",
    "default",
    "mountOptions",
    "name",
    "parameters",
    "protect",
    "provisioner",
    "reclaimPolicy",
    "volumeBindingMode",
}
TOKENS = {"adopted", "protect", "rotate", "services"}
HUB = {"chart", "createNamespace", "keptChecksums", "mode", "protect", "storageClass", "tokens"}
HUB_OUTPUTS = {"hubImage", "namespace", "proxyPublic", "secretToken", "serviceAccounts", "url"}
COMPONENTS: dict[str, tuple[set[str], set[str], set[str]]] = {
    "JupyterHub": (RELEASE | HUB, set(), HUB_OUTPUTS),
    "ImagePuller": (RELEASE, set(), set()),
    "UserPlaceholder": (RELEASE | {"replicas"}, set(), set()),
    "StorageClass": (STORAGE_CLASS, {"provisioner"}, {"name"}),
    "Tokens": (TOKENS, set(), {"cookie", "crypt", "proxy", "services"}),
}
"""Inputs of each component, those that are required, and its outputs."""


def run(command: list[Any], variables: Mapping[str, str], folder: Path) -> str:
    """What a command of the engine prints; it has to succeed."""
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def plugin(installed: Installed) -> Path:
    """The plugin that the wheel installs."""
    return installed.environment / "bin" / "pulumi-resource-hubstack"


@pytest.fixture(scope="module")
def schema(installed: Installed, tools: Tools, plugin: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The package's schema, as the engine has loaded and checked it."""
    command = ["pulumi", "package", "get-schema", plugin]
    return json.loads(run(command, engine.variables(tools, installed), tmp_path_factory.mktemp("schema")))


def described(schema: Any) -> Iterator[tuple[str, str]]:
    """Path and description of every component, type and property of a schema."""
    for kind in ("resources", "types"):
        for token, each in schema[kind].items():
            yield token, each.get("description", "")
            for section in ("inputProperties", "properties"):
                for name, definition in each.get(section, {}).items():
                    yield f"{token}.{section}.{name}", definition.get("description", "")


def test_the_schema_has_every_component(schema: Any) -> None:
    """Five components with all that they take and give; only what has no default is required."""
    assert schema["name"] == "hubstack"
    assert {
        token.removeprefix("hubstack:index:"): (
            set(each["inputProperties"]),
            set(each.get("requiredInputs", [])),
            set(each.get("properties", {})),
        )
        for token, each in schema["resources"].items()
    } == COMPONENTS


def test_everything_is_described(schema: Any) -> None:
    """Each component, type and property has a description, the inherited ones too, in Markdown."""
    found = dict(described(schema))
    assert {path for path, text in found.items() if not text.strip()} == set()
    assert {path for path, text in found.items() if "``" in text or "\n    " in text} == set()
    inherited = found["hubstack:index:ImagePuller.inputProperties.namespace"]
    assert inherited == "Namespace of the objects; `jhub` by default."


def test_an_sdk_is_generated(installed: Installed, tools: Tools, plugin: Path, tmp_path: Path) -> None:
    """The engine makes an SDK of the schema, where it has the host of a language: here Python's."""
    host = environment.language_host(tools)
    if host is None:
        needs.skip("language-host", "pulumi-language-python is neither on PATH nor beside pulumi")
    variables = engine.variables(tools, installed, host.parent)
    run(["pulumi", "package", "gen-sdk", plugin, "--language", "python", "--out", tmp_path], variables, tmp_path)
    made = {path.stem for path in (tmp_path / "python" / "pulumi_hubstack").glob("*.py")}
    assert made >= {"jupyter_hub", "image_puller", "user_placeholder", "storage_class", "tokens"}


@pytest.mark.long
def test_the_folder_is_the_same_package(installed: Installed, tools: Tools, schema: Any, tmp_path: Path) -> None:
    """`plugin/` in a checkout, which the engine installs and runs through Python's host, has the same schema."""
    host = environment.language_host(tools)
    if host is None:
        needs.skip("language-host", "pulumi-language-python is neither on PATH nor beside pulumi")
    for name in tracked():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((project.ROOT / name).read_bytes())
    variables = engine.variables(tools, installed, host.parent)
    command = ["pulumi", "package", "get-schema", tmp_path / "plugin"]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    if "failed to download plugin" in done.stderr:
        needs.skip("other-provider", "the plugins that the package's requirements name cannot be downloaded")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == schema
