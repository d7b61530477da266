"""One real node for all tests of the suite, and a browser to look at its hubs with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser
from rich.console import Console

from hubstack import project, toolchain
from hubstack.cluster import ClusterError
from hubstack.cluster.model import PackageError
from hubstack.cluster.node import host
from hubstack.cluster.node.cluster import NodeCluster, image_folder
from hubstack.commands import session
from hubstack.engine.environment import ENGINE_TOOLS
from hubstack.lifecycle.updates import Updater
from hubstack.project import stacks
from tests import charts, chromium, needs, programs
from tests.e2e.person import PASSWORD
from tests.e2e.waiting import answers, eventually

SCREENSHOTS = project.ROOT / ".hubstack" / "screenshots"
"""Where the pictures of the last run are."""
SMALL = {"cpu": {"guarantee": 0.05}, "memory": {"guarantee": "100M"}}
"""A server that fits several times into a small machine."""
VALUES = {
    "hub": {
        "config": {
            "JupyterHub": {"authenticator_class": "dummy"},
            "DummyAuthenticator": {"password": PASSWORD},
            # a machine that does other things besides may take minutes to start a server
            "KubeSpawner": {"start_timeout": 600, "http_timeout": 300},
        }
    },
    "singleuser": {**SMALL, "storage": {"capacity": "1Gi"}},
}
"""Settings of every hub here."""


@dataclass(frozen=True)
class Hub:
    """A deployed stack and the way to it."""

    node: NodeCluster
    stack: stacks.Stack
    updater: Updater
    url: str
    """Where this machine reaches proxy-public."""

    @property
    def namespace(self) -> str:
        """Namespace of the hub and its servers."""
        return self.stack.namespace

    def pods(self, selector: str) -> list[dict]:
        """Pods of the namespace by a label selector."""
        found = self.node.client().get(f"/api/v1/namespaces/{self.namespace}/pods?labelSelector={selector}")
        return found["items"]

    def volume(self, claim: str) -> Path:
        """Folder of the node that a claim's volume is."""
        client = self.node.client()
        name = client.get(f"/api/v1/namespaces/{self.namespace}/persistentvolumeclaims/{claim}")["spec"]["volumeName"]
        return Path(client.get(f"/api/v1/persistentvolumes/{name}")["spec"]["local"]["path"])

    def up(self, values: dict) -> None:
        """Deploy the same stack with other values, and wait until the hub answers through the proxy again.

        A proxy that was restarted, too, learns its routes from the hub's next check of them (at most 30 s later).
        """
        write(Path(self.stack.config["hubstack:valuesFiles"][0]), values)
        self.updater.up()
        self.answers()

    def answers(self) -> None:
        """Wait until the hub answers through the proxy."""
        eventually(lambda: answers(f"{self.url}/hub/health"), "the hub answers")


@dataclass(frozen=True)
class Place:
    """The node, and what an update needs."""

    node: NodeCluster
    tools: toolchain.Tools
    folder: Path

    def deploy(self, name: str, values: dict, mode: str = "native", chart: str = "4.4.0") -> Hub:
        """Bring a stack of this name up; its namespace carries the name."""
        file = self.folder / f"{name}.yaml"
        write(file, values)
        stack = stacks.select(
            "dev", mode=mode, values=(file,), context=self.node.context, kubeconfig=self.node.kubeconfig
        )
        stack.config["hubstack:chart"] = {"version": chart, "path": str(project.mirrored_chart(chart))}
        updater = Updater(stack, session.engine_environment(self.tools), Console(quiet=True))
        updater.up()
        service = self.node.client().get(f"/api/v1/namespaces/{stack.namespace}/services/proxy-public")
        address = service["status"]["loadBalancer"]["ingress"][0]["ip"]
        scheme = "https" if any(port["port"] == 443 for port in service["spec"]["ports"]) else "http"
        return Hub(self.node, stack, updater, self.node.url(address, scheme) or "")


def write(file: Path, values: dict) -> None:
    """Write a values file."""
    file.write_text(yaml.safe_dump(values))


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The node; it ends with this process, however that ends. Skips, with the reason, where there can be none."""
    try:
        host.check()
    except ClusterError as error:
        needs.skip("containers", str(error))
    # images stay for the next run, also where the cache that the programs are found in is a folder of this one
    image_folder().mkdir(parents=True, exist_ok=True)
    names = (*ENGINE_TOOLS, *session.CLUSTER_TOOLS["node"], *session.OTHER_TOOLS)
    with pytest.MonkeyPatch.context() as patch:
        tools = programs.find(names, tmp_path_factory.mktemp("cache"), patch)
        state = tmp_path_factory.mktemp("state")
        patch.setenv("HUBSTACK_MIRROR", str(charts.mirror(tmp_path_factory.mktemp("mirror"))))
        patch.setenv("HUBSTACK_STATE_DIR", str(state))
        for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_HOME"):
            patch.delenv(name, raising=False)
        node = NodeCluster(state / "cluster" / "node", owner=os.getpid(), images="build")
        try:
            node.up(tools, print, timeout=900)
        except PackageError as error:
            needs.skip("index", str(error))
        except ClusterError as error:
            node.delete()
            pytest.fail(str(error))
        yield Place(node, tools, tmp_path_factory.mktemp("values"))
        node.delete()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    yield from chromium.launched()


@pytest.fixture(scope="session")
def hub(place: Place) -> Hub:
    """One native hub that several tests use; it goes with the node.

    A test that needs other values brings them with `Hub.up`, and leaves them there: the next one brings its own.
    """
    return place.deploy("shared", VALUES)
