"""The programs below examples/, deployed on the embedded cluster with what the wheel installs."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.runtime.rpc import UNKNOWN

from hubstack import project
from hubstack.engine import environment
from tests import needs
from tests.engine.conftest import Machine
from tests.engine.wheel import engine
from tests.engine.wheel.conftest import Installed

SECRETS = {"databasePassword": "sentinel-5f0c", "clientSecret": "sentinel-77ab"}
HOSTS = {"python-library": None, "yaml": "pulumi-language-yaml", "typescript": "pulumi-language-nodejs"}
"""The language host that each example needs; the fork server of Hubstack runs programs in Python."""
HUB = "hubstack:index:JupyterHub$hubstack:index:Hub$kubernetes:apps/v1:Deployment::lab-hub-deployment"
PROXY = "hubstack:index:JupyterHub$hubstack:index:Proxy$kubernetes:apps/v1:Deployment::lab-proxy-deployment"

ANNOTATIONS = ("spec", "template", "metadata", "annotations")
"""Its checksums tell of tokens, which the first preview does not know."""
LATER: dict[str, set[tuple[Any, ...]]] = {
    "python-library": {("spec", "template", "spec", "containers", 0, "env", 4)},  # the bucket
    "yaml": set(),
    "typescript": set(),
}
"""Where in the hub's Deployment each example's Outputs go that the first preview does not know."""


@pytest.fixture(params=["python-library", "yaml", pytest.param("typescript", marks=pytest.mark.long)])
def example(
    request: pytest.FixtureRequest, installed: Installed, machine: Machine, tmp_path: Path
) -> Iterator[engine.Stack]:
    """A copy of an example with a stack, which is destroyed in the end."""
    name, host = request.param, HOSTS[request.param]
    found = environment.language_host(machine.tools, host) if host else None
    if host and not found:
        needs.skip("language-host", f"{host} is neither on PATH nor beside pulumi")
    folder, backend = tmp_path / name, tmp_path / "backend"
    shutil.copytree(project.ROOT / "examples" / name, folder)
    backend.mkdir()
    variables = engine.variables(machine.tools, installed, *([found.parent] if found else []))
    variables |= {"PULUMI_BACKEND_URL": f"file://{backend}", "KUBECONFIG": str(machine.cluster.kubeconfig)}
    if name == "typescript":
        add_package(folder, installed, variables)
    stack = engine.Stack(folder, variables, None if host else installed)
    stack.must("stack", "init")
    for key, value in SECRETS.items():
        stack.must("config", "set", "--secret", key, value)
    yield stack
    stack.must("destroy", "--yes", "--skip-preview")
    assert resources(stack) == {}


def add_package(folder: Path, installed: Installed, variables: dict[str, str]) -> None:
    """Make the SDK of a program in TypeScript, and install it beside the others, as the example's README says."""
    if shutil.which("npm") is None:
        needs.skip("language-host", "npm, which installs the packages of a program in TypeScript, is not on PATH")
    command = ["pulumi", "package", "add", str(installed.environment / "bin" / "pulumi-resource-hubstack")]
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    if any(text in done.stdout + done.stderr for text in ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED")):
        needs.skip("index", "npm's package index cannot be reached")
    assert done.returncode == 0, done.stdout + done.stderr


def resources(stack: engine.Stack) -> dict[str, dict[str, Any]]:
    """The stack's resources by type and name."""
    deployment = json.loads(stack.must("stack", "export"))["deployment"]
    return {each["urn"].split("::", 2)[2]: each for each in deployment.get("resources") or []}


def unknown(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a tree something is not known yet."""
    if isinstance(value, str) and UNKNOWN in value:
        yield place
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield from unknown(member, (*place, key))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from unknown(member, (*place, index))


def test_an_example_is_previewed_and_deployed(example: engine.Stack, machine: Machine) -> None:
    """The preview is unknown where an Output of another resource goes, and nowhere else; the values arrive; the second
    update has nothing to do; no secret is in the output of any command, nor in the state.
    """
    printed = [example.must("preview", "--json")]
    steps = json.loads(printed[0][printed[0].index("{\n") : printed[0].rindex("}\n") + 2])["steps"]
    inputs = {step["urn"].split("::", 2)[2]: step["newState"].get("inputs", {}) for step in steps}
    assert {urn: set(places) for urn, each in inputs.items() if (places := list(unknown(each)))} == {
        PROXY: {(*ANNOTATIONS, "checksum/auth-token")},
        HUB: {(*ANNOTATIONS, "checksum/secret"), *LATER[example.folder.name]},
    }

    printed += [example.must("up", "--yes", "--skip-preview")]
    state = resources(example)
    outputs = {urn.rpartition("::")[2]: each.get("outputs", {}) for urn, each in state.items()}
    names = {name: outputs[name]["metadata"]["name"] for name in ("namespace", "database", "oauth", "settings")}
    address = f"{names['database']}.{names['namespace']}"
    hub = machine.cluster.client().get(f"/apis/apps/v1/namespaces/{names['namespace']}/deployments/hub")
    settings = hub_values(machine, names["namespace"])
    (container,) = hub["spec"]["template"]["spec"]["containers"]
    (init,) = hub["spec"]["template"]["spec"]["initContainers"]
    environ = {each["name"]: each.get("value") or each["valueFrom"] for each in container["env"]}
    color = settings["singleuser"]["extraEnv"]["COLOR"]
    assert init["command"][3] == address
    assert environ["OAUTH_CLIENT_SECRET"] == {"secretKeyRef": {"name": names["oauth"], "key": "client-secret"}}
    assert environ.get("BUCKET") == outputs.get("bucket", {}).get("hex")
    assert color == {"valueFrom": {"configMapKeyRef": {"name": names["settings"], "key": "color"}}}
    assert settings["hub"]["db"]["url"] == f"postgresql+psycopg2://hub@{address}/hub"
    assert json.dumps(settings["singleuser"]["cpu"]["limit"]) == "2"
    assert outputs["lab"]["namespace"] == names["namespace"]

    printed += [example.must("up", "--yes", "--skip-preview"), json.dumps(state)]
    assert set(changes(example)) == {"same"}
    for secret in SECRETS.values():
        assert all(secret not in text for text in printed)


def hub_values(machine: Machine, namespace: str) -> dict[str, Any]:
    """The settings that the hub reads, from its Secret in the cluster."""
    secret = machine.cluster.client().get(f"/api/v1/namespaces/{namespace}/secrets/hub")
    found: dict[str, Any] = yaml.safe_load(base64.b64decode(secret["data"]["values.yaml"]))
    return found


def changes(stack: engine.Stack) -> dict[str, int]:
    """What the last update changed."""
    last = json.loads(stack.must("stack", "history", "--json", "--page-size", "1"))
    found: dict[str, int] = last[0]["resourceChanges"]
    return found
