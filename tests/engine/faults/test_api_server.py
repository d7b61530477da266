"""An API server that restarts, vanishes, or answers 409, 429 and 500, in the middle of an update."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.faults.lab import WHOLE, Figure, Lab
from tests.fleet.busy_proxy import BusyProxy


@pytest.fixture(scope="module")
def proxy(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BusyProxy]:
    """A proxy in front of the API server."""
    cluster = lab.machine.cluster
    made = BusyProxy(cluster.kubeconfig, tmp_path_factory.mktemp("busy") / "proxy")
    made.authenticate(cluster.client())
    yield made
    made.close()


def disturbed(lab: Lab, name: str, fault: str, begin: float, trouble: object) -> None:
    """Change a stack while something is wrong, then until it is well; nothing of its data may be lost."""
    before = lab.data(name)
    with lab.copy.command("up", "--stack", name) as running:
        time.sleep(begin)
        thread = threading.Thread(target=trouble)
        thread.start()
        output, _ = running.communicate()
    thread.join()
    assert "Traceback" not in output, output
    runs = lab.again("up", "--stack", name) if running.returncode else 0
    lab.figures.append(Figure("change", fault, runs, lab.lost(before, name)))
    assert lab.figures[-1].losses == []
    lab.require_settled(name)


@pytest.mark.parametrize("mode", ["native", "helm"] if WHOLE else ["native"])
def test_an_api_server_that_refuses(lab: Lab, proxy: BusyProxy, mode: str) -> None:
    """For some seconds every request is refused; the update waits or fails, and the next one ends well."""
    name = f"refused-{mode}"
    lab.write(name, mode, 10, proxy.kubeconfig)
    lab.must("up", "--stack", name)
    lab.add_home(name)
    for number, status in enumerate((409, 429, 500)):
        lab.write(name, mode, 20 + number, proxy.kubeconfig)

        def trouble(status: int = status) -> None:
            proxy.wait_for_request()
            proxy.status = status
            time.sleep(4)
            proxy.status = None

        disturbed(lab, name, f"{status} for 4 s, mode {mode}", 0.0, trouble)
    assert proxy.refused


@pytest.mark.long
def test_an_api_server_that_restarts(lab: Lab, tmp_path: Path) -> None:
    """The whole control plane goes down in the middle and comes back; the next update ends well."""
    name = "restarted"
    lab.write(name, "native", 10)
    lab.must("up", "--stack", name)
    lab.add_home(name)
    lab.write(name, "native", 20)

    def restart() -> None:
        lab.machine.cluster.down()
        lab.machine.cluster.up(lab.machine.tools, None)

    disturbed(lab, name, "control plane restarted", 3.0, restart)
