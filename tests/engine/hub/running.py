"""A hub and its proxy as processes, started from the pods that a stack really made.

The cluster's containers are simulated, so the two programs run beside it: in a private network, with the files,
environment and command line that a kubelet would give them, the hub's ServiceAccount token included. Nothing of the
configuration is changed for it. What is not played: images, users (all run as the caller), network policies.
"""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import yaml

from tests.engine.conftest import Machine
from tests.engine.hub import proxy_package
from tests.engine.hub.browser import Browser
from tests.engine.hub.inside import relay
from tests.engine.hub.kubelet import Kubelet, Object
from tests.engine.hub.network import INSIDE, Network, Program
from tests.parity.hub_configuration import environment

PATIENCE = 30.0
"""Seconds within which anything must happen; a slow machine takes a tenth of it."""

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
        self._folder = folder
        (folder / "logs").mkdir()
        self._python = environment.python()
        proxy_pod = self._wait_for_pod("proxy")
        image = proxy_pod["spec"]["containers"][0]["image"]
        programs = proxy_package.programs(image.rpartition(":")[2])
        self._path = f"{self._python.parent}:{programs}:/usr/local/bin:/usr/bin:/bin"
        self._network = Network(folder / "logs")
        try:
            self._connect(machine, proxy_pod)
            self._start_container("proxy", proxy_pod)
            self.start()
        except BaseException:
            self._network.close()
            raise

    def start(self) -> None:
        """Start the hub from its pod, and wait until it answers."""
        self.pod = self._wait_for_pod("hub")
        self._start_container("hub", self.pod)
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

    def objects(self, kind: str) -> dict[str, Object]:
        """What the spawner has made, by name."""
        items = self.client.get(f"{self.kubelet.path(kind)}?labelSelector=component%3Dsingleuser-server")["items"]
        return {each["metadata"]["name"]: each for each in items}

    def pods(self) -> dict[str, Object]:
        """Users' pods that are there to stay, by name."""
        return {name: pod for name, pod in self.objects("pods").items() if not pod["metadata"].get("deletionTimestamp")}

    def _answers(self) -> bool:
        try:
            return self.browser().get("/hub/health").status == 200
        except OSError:
            return False

    def _wait_for_pod(self, component: str) -> Object:
        return wait(f"one ready pod of {component}", lambda: self.kubelet.pod(component))

    def _connect(self, machine: Machine, proxy_pod: Object) -> None:
        """The ways into the network and out of it, and the stand-in for users' servers."""
        kubeconfig = yaml.safe_load(machine.cluster.kubeconfig.read_text())
        server = urlsplit(kubeconfig["clusters"][0]["cluster"]["server"])
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

    def _start_container(self, name: str, pod: Object) -> None:
        container = self.kubelet.container(pod)
        hosts = self._folder / f"hosts-{name}"
        hosts.write_text(self.kubelet.hosts())
        home = self._folder / f"home-{name}"
        home.mkdir(exist_ok=True)
        folders = [target for _, target in container.mounts if target == "/srv/jupyterhub"]
        env = {"PATH": self._path, "HOME": str(home), "LANG": "C.UTF-8", **container.env}
        program = Program(container.argv, env, [*container.mounts, (hosts, "/etc/hosts")])
        self._network.start(name, replace(program, cwd=folders[0] if folders else str(home)))


def remove(folder: Path) -> None:
    """Remove a hub's files."""
    shutil.rmtree(folder, ignore_errors=True)


def without(generated: Any, *names: str) -> Any:
    """A copy of an object without the fields of these names, at any depth."""
    if isinstance(generated, dict):
        return {key: without(value, *names) for key, value in generated.items() if key not in names}
    return [without(value, *names) for value in generated] if isinstance(generated, list) else generated
