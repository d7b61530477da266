"""One stack in each mode on the real engine and a real API server, deployed once: what holds for it, and its end."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from hubstack.errors import HubstackError
from hubstack.lifecycle.updates import Report, Updater
from hubstack.project.stacks import Stack
from tests.engine.conftest import Machine

SENTINEL = "sentinel-b7c1e5"
SECRETS = {
    "hub": {"config": {"GitHubOAuthenticator": {"client_secret": SENTINEL}}, "extraEnv": {"TOKEN": SENTINEL}},
    "singleuser": {"extraEnv": {"TOKEN": SENTINEL}},
}
TOKEN = "hub.config.ConfigurableHTTPProxy.auth_token"


@dataclass(frozen=True)
class Deployed:
    """A stack after its first update."""

    machine: Machine
    stack: Stack
    first: Report
    """What the first update did."""

    @property
    def mode(self) -> str:
        """The stack's mode."""
        return self.stack.mode

    def updater(self, **settings: Any) -> Updater:
        """The engine on the stack, with other settings."""
        return self.machine.updater(self.changed({f"hubstack:{key}": value for key, value in settings.items()}))

    def changed(self, config: Mapping[str, Any]) -> Stack:
        """The same stack with other settings."""
        merged = {**self.stack.config, **config}
        return Stack(name=self.stack.name, base="dev", config=merged, document={"config": merged})

    def secret(self) -> dict[str, str]:
        """Decoded data of the hub's Secret in the cluster."""
        path = f"/api/v1/namespaces/{self.stack.namespace}/secrets/hub"
        data = self.machine.cluster.client().get(path)["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def state_text(self) -> str:
        """The stack's state file as it lies in the backend."""
        (file,) = self.machine.state.glob(f"backend/.pulumi/stacks/hubstack/{self.stack.name}.json")
        return file.read_text()

    def releases(self) -> dict[str, str]:
        """Name and status of every release that Helm itself lists in the namespace."""
        cluster = self.machine.cluster
        options = ["--kubeconfig", str(cluster.kubeconfig), "--kube-context", cluster.context]
        command = [self.machine.tools["helm"], "list", "--namespace", self.stack.namespace, "--all", "-o", "json"]
        listed = subprocess.run([*command, *options], check=True, capture_output=True)
        return {release["name"]: release["status"] for release in json.loads(listed.stdout)}

    @property
    def expected_releases(self) -> dict[str, str]:
        """What Helm is to list: the release of mode helm."""
        return {self.stack.namespace: "deployed"} if self.mode == "helm" else {}


@pytest.fixture(scope="module", params=["native", "helm"])
def deployed(request: pytest.FixtureRequest, machine: Machine) -> Iterator[Deployed]:
    """The stack, with secret settings; at its end, it leaves nothing behind."""
    mode: str = request.param
    stack = machine.stack(mode=mode)
    config = {**stack.config, "hubstack:namespace": f"jhub-both-{mode}", "hubstack:secretValues": SECRETS}
    stack = Stack(name=f"both-{mode}", base="dev", config=config, document={"config": config})
    made = Deployed(machine, stack, machine.updater(stack).up())
    yield made
    machine.updater(stack).destroy()
    assert made.releases() == {}
    assert machine.cluster.client().find(f"/api/v1/namespaces/{stack.namespace}") is None


def test_the_first_update_creates_everything(deployed: Deployed) -> None:
    """All changes are creations, and the outputs say where the hub is."""
    assert deployed.first.changes["create"] == deployed.first.changed
    assert deployed.first.outputs["mode"] == deployed.mode
    assert deployed.first.outputs["url"].startswith("http://198.51.100.")


def test_only_mode_helm_has_a_release(deployed: Deployed) -> None:
    """Helm lists the release of mode helm, and none of mode native."""
    assert deployed.releases() == deployed.expected_releases


def test_a_second_update_changes_nothing(deployed: Deployed) -> None:
    """The same settings are the same hub."""
    assert deployed.updater().up().changed == 0


def test_secrets_reach_the_hub_and_not_the_state(deployed: Deployed) -> None:
    """Secret settings and tokens are in the hub's Secret, and nowhere in the state as plain text or as base64."""
    found = deployed.secret()
    assert SENTINEL in found["values.yaml"]
    assert len(found[TOKEN]) == 64
    text = deployed.state_text()
    for each in (SENTINEL, found[TOKEN]):
        encoded = [base64.b64encode((" " * shift + each).encode()).decode()[4:-4] for shift in range(3)]
        assert not [form for form in (each, *encoded) if form in text]


def test_the_other_mode_is_refused(deployed: Deployed) -> None:
    """A stack without a file of its own is not switched, and nothing is changed."""
    other = {"native": "helm", "helm": "native"}[deployed.mode]
    with pytest.raises(HubstackError, match=f"{deployed.stack.name} is deployed in mode '{deployed.mode}'"):
        deployed.updater(mode=other).up()
    assert deployed.releases() == deployed.expected_releases


def test_a_changed_setting_changes_what_depends_on_it(deployed: Deployed) -> None:
    """Nothing is replaced, and no token changes. (The default is true.)"""
    before = deployed.secret()
    changed = deployed.updater(values={"hub": {"config": {"JupyterHub": {"admin_access": False}}}}).up()
    updated = {"native": 2, "helm": 1}[deployed.mode]  # the hub's Secret and its Deployment; the release
    assert (changed.changed, changed.changes.get("update")) == (updated, updated), changed
    after = deployed.secret()
    assert "admin_access: false" in after["values.yaml"]
    assert {**after, "values.yaml": ""} == {**before, "values.yaml": ""}
