"""One stack with a running hub for all tests of the folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hubstack.updates import Updater
from tests.engine.conftest import Machine
from tests.engine.hub import network, proxy_package, running
from tests.engine.hub.browser import Browser
from tests.engine.hub.running import RunningHub
from tests.parity.hub_configuration import environment

VALUES = Path(__file__).with_name("values.yaml")
NAMESPACE = "jhub-values"


@dataclass(frozen=True)
class Deployed:
    """A stack, and its hub as processes."""

    updater: Updater
    hub: RunningHub

    def login(self, name: str) -> Browser:
        """A browser in which somebody has logged in."""
        browser = self.hub.browser()
        page = browser.login(name, "open sesame")
        assert page.status == 200, page
        return browser


@pytest.fixture(scope="session")
def deployed(machine: Machine) -> Iterator[Deployed]:
    """The stack, up, with its hub and proxy running; skips, with the reason, where the hub's programs cannot be had."""
    updater = machine.updater(machine.stack(values=(VALUES,)))
    try:
        environment.python()
    except environment.Unavailable as error:
        pytest.skip(str(error))
    outputs = updater.up().outputs
    with tempfile.TemporaryDirectory(prefix="hub-") as folder:
        try:
            hub = RunningHub(machine, outputs["namespace"], Path(folder))
        except (network.Unavailable, environment.Unavailable, proxy_package.Unavailable) as error:
            updater.destroy()
            pytest.skip(str(error))
        yield Deployed(updater, hub)
        hub.close()
    updater.destroy()
