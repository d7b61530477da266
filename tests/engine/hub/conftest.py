"""One stack with a running hub for all tests of a module."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hubstack.chart.values import ChartValues
from hubstack.lifecycle.updates import Report
from tests import needs
from tests.engine.conftest import Machine
from tests.engine.hub import network, proxy_package
from tests.engine.hub.browser import Browser
from tests.engine.hub.kubelet import Object
from tests.engine.hub.running import RunningHub
from tests.parity.hub_configuration import environment

VALUES = Path(__file__).with_name("values.yaml")
PASSWORD = "open sesame"


@dataclass(frozen=True)
class Deployed:
    """A stack, and its hub as processes."""

    machine: Machine
    values: Path
    """A copy of `VALUES`, which a test may change."""
    hub: RunningHub

    def update(self) -> Report:
        """Deploy the values as they are now."""
        return self.machine.updater(self.machine.stack(values=(self.values,))).up()

    def login(self, name: str) -> Browser:
        """A browser in which somebody has just logged in."""
        browser = self.hub.browser()
        page = browser.login(name, PASSWORD)
        assert (page.status, page.url) == (200, "/hub/spawn"), page
        return browser

    def spawn(self, browser: Browser, name: str, server: str = "", **choices: str) -> Object:
        """Fill in the form that starts a server and wait until it is ready; its pod.

        Arguments:
            browser: where `name` has logged in.
            name: whose server it is.
            server: name of the server; blank for the default one.
            choices: fields of the form.
        """
        page = browser.submit(f"/hub/spawn/{name}/{server}".rstrip("/"), **choices)
        assert page.url.startswith("/hub/spawn-pending/"), page
        self.hub.wait(f"{name}'s server {server!r}", lambda: self.servers(browser, name).get(server, {}).get("ready"))
        (pod,) = self.pods(name, server)
        return pod

    def stop(self, browser: Browser, name: str) -> None:
        """Stop the default server, and wait until the hub has forgotten it."""
        page = browser.api("DELETE", f"/users/{name}/server")
        assert page.status in (202, 204), page
        self.hub.wait(f"{name}'s server has stopped", lambda: "" not in self.servers(browser, name))

    def servers(self, browser: Browser, name: str) -> dict[str, Any]:
        """Servers of a person that run, start or stop, as the hub tells them."""
        return browser.api("GET", f"/users/{name}").json()["servers"]

    def pods(self, name: str, server: str = "") -> list[Object]:
        """Pods of a person's server."""
        wanted = {"hub.jupyter.org/username": name, "hub.jupyter.org/servername": server}
        return [pod for pod in self.hub.made("pods").values() if wanted.items() <= _owner(pod).items()]

    def claims(self, name: str) -> list[Object]:
        """Volume claims of a person."""
        return [
            each
            for each in self.hub.made("persistentvolumeclaims").values()
            if each["metadata"]["annotations"]["hub.jupyter.org/username"] == name
        ]


def _owner(made: Object) -> dict[str, str]:
    return {"hub.jupyter.org/servername": "", **made["metadata"]["annotations"]}


@pytest.fixture(scope="module")
def deployed(machine: Machine) -> Iterator[Deployed]:
    """The stack, up, with its hub and proxy running; skips, with the reason, where the hub's programs cannot be had."""
    try:
        network.check()
        environment.python()
        proxy_package.programs(ChartValues.defaults()["proxy"]["chp"]["image"]["tag"])
    except network.Unavailable as error:
        needs.skip("linux", str(error))
    except (environment.Unavailable, proxy_package.Unavailable) as error:
        needs.skip("index", str(error))
    with tempfile.TemporaryDirectory(prefix="hub-") as text:
        folder = Path(text)
        values = folder / "values.yaml"
        shutil.copy(VALUES, values)
        updater = machine.updater(machine.stack(values=(values,)))
        outputs = updater.up().outputs
        hub = RunningHub(machine, outputs["namespace"], folder)
        try:
            yield Deployed(machine, values, hub)
        finally:
            hub.close()
        updater.destroy()
