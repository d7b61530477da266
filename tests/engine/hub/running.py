"""A hub and its proxy as processes, started from the pods that a stack really made.

The cluster's containers are simulated, so the two programs run beside it: in a private network, with the files,
environment and command line that a kubelet would give them, the hub's ServiceAccount token included. Nothing of the
configuration is changed for it. What is not played: images, users (all run as the caller), network policies.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import yaml

from hubstack.cluster.api import ApiClient
from tests.engine.conftest import Machine
from tests.engine.hub import proxy_package
from tests.engine.hub.browser import Browser
from tests.engine.hub.inside import relay
from tests.engine.hub.kubelet import Kubelet, Object
from tests.engine.hub.network import INSIDE, Network, Program
from tests.parity.hub_configuration import environment

PATIENCE = 120.0
"""Seconds within which anything must happen; a slow machine takes a tenth of it."""

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where a container finds its ServiceAccount's token."""

T = TypeVar("T")


def wait(what: str, found: Callable[[], T | None], explain: Callable[[], str] = str) -> T:
    """The first result of `found` that is true.

    Arguments:
        what: what is waited for, for the message.
        found: asked four times a second.
        explain: more about a failure.
    """
    end = time.monotonic() + PATIENCE
    while not (result := found()):
        assert time.monotonic() < end, f"not within {PATIENCE:.0f} s: {what}\n{explain()}"
        time.sleep(0.25)
    return result


class RunningHub:
    """The hub of one namespace."""

    def __init__(self, machine: Machine, namespace: str, folder: Path) -> None:
        """Start everything.

        Arguments:
            machine: the cluster.
            namespace: where the stack has deployed.
            folder: empty; gets Secrets, so it has to be removed afterwards. Its path must be short: sockets are in it.

        Raises:
            network.Unavailable, environment.Unavailable, proxy_package.Unavailable: a means is missing; says which.
        """
        self.client = machine.cluster.client()
        self.namespace = namespace
        self.kubelet = Kubelet(self.client, namespace, folder / "volumes")
        kubeconfig = yaml.safe_load(machine.cluster.kubeconfig.read_text())
        self._server = kubeconfig["clusters"][0]["cluster"]["server"]
        self._mounts: list[tuple[Path, str]] = []
        self._folder = folder
        (folder / "logs").mkdir()
        self._python = environment.python()
        proxy_pod = self._wait_for_pod("proxy")
        image = proxy_pod["spec"]["containers"][0]["image"]
        programs = proxy_package.programs(image.rpartition(":")[2])
        self._path = f"{self._python.parent}:{programs}:/usr/local/bin:/usr/bin:/bin"
        self._network = Network(folder / "logs")
        try:
            self._connect(proxy_pod)
            self._start_container("proxy", proxy_pod)
            self.start()
        except BaseException:
            self._network.close()
            raise

    def start(self) -> None:
        """Start the hub from its pod, and wait until it answers."""
        self.pod = self._wait_for_pod("hub")
        self._mounts = self._start_container("hub", self.pod)
        self.wait("the hub answers", self._answers)

    def stop(self) -> float:
        """Stop the hub as a kubelet does. Returns the seconds that it took."""
        return self._network.stop("hub")

    def close(self) -> None:
        """End all processes."""
        self._network.close()

    def browser(self) -> Browser:
        """A browser that has never been here."""
        return Browser(self._folder / "web.sock")

    def wait(self, what: str, found: Callable[[], T | None]) -> T:
        """Like `wait`; fails at once, with the end of the output, where the hub or the proxy has ended."""

        def looked() -> T | None:
            for name in ("proxy", "hub"):
                self._network.check(name)
            return found()

        return wait(what, looked, lambda: self._network.log("hub"))

    def made(self, kind: str) -> dict[str, Object]:
        """Pods or claims that the spawner has made and nobody is deleting, by name."""
        items = self.client.get(f"{self.kubelet.path(kind)}?labelSelector=hub.jupyter.org%2Fusername")["items"]
        return {each["metadata"]["name"]: each for each in items if not each["metadata"].get("deletionTimestamp")}

    def replace_pod(self) -> None:
        """Delete the hub's pod, as somebody does who restarts the hub; its Deployment makes another one."""
        name, uid = self.pod["metadata"]["name"], self.pod["metadata"]["uid"]
        self.client.request("DELETE", self.kubelet.path("pods", name))
        wait("another pod of the hub", lambda: (pod := self.kubelet.pod("hub")) and pod["metadata"]["uid"] != uid)

    def own_client(self) -> ApiClient:
        """A client of the API server that may do what the hub may: it has the token of the hub's process."""
        ((folder, _),) = [each for each in self._mounts if each[1] == ACCOUNT]
        return ApiClient(self._server, folder / "ca.crt", token=(folder / "token").read_text())

    def _answers(self) -> bool:
        try:
            return self.browser().get("/hub/health").status == 200
        except OSError:
            return False

    def _wait_for_pod(self, component: str) -> Object:
        return wait(f"one ready pod of {component}", lambda: self.kubelet.pod(component))

    def _connect(self, proxy_pod: Object) -> None:
        """The ways into the network and out of it, and the stand-in for users' servers."""
        server = urlsplit(self._server)
        api, web = self._folder / "api.sock", self._folder / "web.sock"
        # As a thread, it ends with this process, however that ends.
        arguments = (f"unix:{api}", f"tcp:{server.hostname}:{server.port}")
        threading.Thread(target=lambda: asyncio.run(relay.serve(*arguments)), daemon=True).start()
        wait("the relay to the API server", api.exists)
        kubernetes = self.client.get("/api/v1/namespaces/default/services/kubernetes")["spec"]
        address = f"{kubernetes['clusterIP']}:{kubernetes['ports'][0]['port']}"
        (public,) = (each for each in proxy_pod["spec"]["containers"][0]["ports"] if each["name"] == "http")
        port = public["containerPort"]
        self._start_helper("api", "relay.py", f"tcp:{address}", f"unix:{api}")
        self._start_helper("web", "relay.py", f"unix:{web}", f"tcp:127.0.0.1:{port}")
        self._start_helper("notebook", "notebook.py", "5.5.0")
        wait("the relay to the proxy", web.exists, lambda: self._network.log("web"))

    def _start_helper(self, name: str, program: str, *arguments: str) -> None:
        self._network.start(name, Program([str(self._python), str(INSIDE / program), *arguments]))

    def _start_container(self, name: str, pod: Object) -> list[tuple[Path, str]]:
        container = self.kubelet.container(pod)
        hosts = self._folder / f"hosts-{name}"
        hosts.write_text(self.kubelet.hosts())
        home = self._folder / f"home-{name}"
        home.mkdir(exist_ok=True)
        folders = [target for _, target in container.mounts if target == "/srv/jupyterhub"]
        env = {"PATH": self._path, "HOME": str(home), "LANG": "C.UTF-8", **container.env}
        program = Program(container.argv, env, [*container.mounts, (hosts, "/etc/hosts")])
        self._network.start(name, replace(program, cwd=folders[0] if folders else str(home)))
        return container.mounts
