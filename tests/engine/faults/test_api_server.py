"""An API server that restarts, vanishes, or answers 409, 429 and 500, in the middle of an update."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.faults.harness import FaultHarness, Figure
from tests.fleet.busy_proxy import BusyProxy


@pytest.fixture(scope="module")
def proxy(harness: FaultHarness, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BusyProxy]:
    """A proxy in front of the API server."""
    cluster = harness.machine.cluster
    made = BusyProxy(cluster.kubeconfig, tmp_path_factory.mktemp("busy") / "proxy")
    made.authenticate(cluster.client())
    yield made
    made.close()


def disturbed(harness: FaultHarness, name: str, fault: str, begin: float, trouble: object) -> None:
    """Change a stack while something is wrong, then until it is well; nothing of its data may be lost."""
    before = harness.data(name)
    with harness.copy.command("up", "--stack", name) as running:
        time.sleep(begin)
        thread = threading.Thread(target=trouble)
        thread.start()
        output, _ = running.communicate()
    thread.join()
    assert "Traceback" not in output, output
    runs = harness.again("up", "--stack", name) if running.returncode else 0
    harness.figures.append(Figure("change", fault, runs, harness.lost(before, name)))
    assert harness.figures[-1].losses == []
    harness.require_settled(name)


@pytest.mark.long
@pytest.mark.parametrize("mode", ["native", "helm"])
def test_an_api_server_that_refuses(harness: FaultHarness, proxy: BusyProxy, mode: str) -> None:
    """For some seconds every request is refused; the update waits or fails, and the next one ends well."""
    name = f"refused-{mode}"
    harness.write(name, mode, 10, proxy.kubeconfig)
    harness.must("up", "--stack", name)
    harness.add_home(name)
    for number, status in enumerate((409, 429, 500)):
        harness.write(name, mode, 20 + number, proxy.kubeconfig)

        def trouble(status: int = status) -> None:
            proxy.wait_for_request()
            proxy.status = status
            time.sleep(4)
            proxy.status = None

        disturbed(harness, name, f"{status} for 4 s, mode {mode}", 0.0, trouble)
    assert proxy.refused


@pytest.mark.long
def test_an_api_server_that_restarts(harness: FaultHarness, tmp_path: Path) -> None:
    """The whole control plane goes down in the middle and comes back; the next update ends well."""
    name = "restarted"
    harness.write(name, "native", 10)
    harness.must("up", "--stack", name)
    harness.add_home(name)
    harness.write(name, "native", 20)

    def restart() -> None:
        harness.machine.cluster.down()
        harness.machine.cluster.up(harness.machine.tools, None)

    disturbed(harness, name, "control plane restarted", 3.0, restart)
