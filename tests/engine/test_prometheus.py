"""The metrics gate against a real Prometheus, alone and in a rollout; skips where there is none on PATH."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from hubstack import web
from hubstack.fleet import gates
from hubstack.fleet.gate_settings import AnyGate
from hubstack.project.stacks import Stack
from tests import needs
from tests.engine.conftest import Machine
from tests.engine.fleet_copy import FleetCopy

NAME = "lab.one"
"""A stack whose name means something else as a regular expression."""
QUERY = 'sum(requests_failing{stack="{stack}"})'


@dataclass
class Metrics:
    """What Prometheus scrapes each second: one series of this stack, and one of another that its name would match."""

    url: str
    target: str
    value: float = 1.0

    def wait_for(self, value: float) -> float:
        """Serve another value, and wait until Prometheus has it; gives the moment."""
        self.value = value
        for _ in range(300):
            found = web.request("GET", f"{self.url}/api/v1/query?query=max(requests_failing)", seconds=10).body
            if f'"{value:g}"' in found.decode():
                return time.time()
            time.sleep(0.1)
        raise AssertionError(f"Prometheus never had {value}")


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Metrics]:
    """A Prometheus that scrapes one target."""
    program = shutil.which("prometheus")
    if program is None:
        needs.skip("prometheus", "no program of this name is on PATH; prometheus.io/download has it")
    folder = tmp_path_factory.mktemp("prometheus")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found = Metrics(f"http://127.0.0.1:{port}", "")

    class Target(BaseHTTPRequestHandler):
        """The scraped server."""

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            names = (NAME, "labXone")
            text = "".join(f'requests_failing{{stack="{name}"}} {found.value}\n' for name in names).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Target)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: hubs, static_configs: [{{targets: ['127.0.0.1:{server.server_port}']}}]}}]\n"
    )
    options = [f"--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={folder / 'data'}"]
    with (
        open(folder / "log", "wb") as log,
        subprocess.Popen(
            [program, f"--config.file={folder / 'prometheus.yml'}", *options], stdout=log, stderr=log
        ) as running,
    ):
        try:
            _wait_until_ready(found.url, folder / "log")
            yield found
        finally:
            running.terminate()
    server.shutdown()
    server.server_close()


def _wait_until_ready(url: str, log: Path) -> None:
    for _ in range(300):
        try:
            if web.request("GET", f"{url}/-/ready", seconds=5).status == 200:
                return
        except web.NoAnswer:
            pass
        time.sleep(0.2)
    raise AssertionError(log.read_text())


def asked(metrics: Metrics, updated: tuple[float, float], **settings: Any) -> str:
    """What the gate says of the stack."""
    gate: AnyGate = TypeAdapter(AnyGate).validate_python(
        {"type": "prometheus", "url": metrics.url, "query": QUERY, "attempts": 1, **settings}
    )
    stack = Stack(name=NAME, base=NAME, config={"hubstack:namespace": "lab"}, document={})
    result = gates.check(gate, gates.Target(stack, None, updated))
    return f"{'open' if result.passed else 'shut'}: {result.reason}"


def test_before_and_after(metrics: Metrics) -> None:
    """The figure before the update is found long after it, and averages keep to their side of the update."""
    metrics.wait_for(2)
    time.sleep(6)
    began = time.time()
    ended = metrics.wait_for(3)
    time.sleep(6)
    updated = (began, ended)
    assert asked(metrics, updated, max=3) == "open: 3"
    assert asked(metrics, updated, max=2.9) == "shut: 3; allowed: at most 2.9"
    against = "3, 1.5 times the 2 from before the update"
    assert asked(metrics, updated, max=1.5, baseline="before") == f"open: {against}"
    assert asked(metrics, updated, max=1.4, baseline="before", over="5s") == f"shut: {against}; allowed: at most 1.4"
    found = asked(metrics, updated, max=1, baseline="before", compare="difference")
    assert found == "open: 3, +1 against the 2 from before the update"


def test_what_has_no_figure(metrics: Metrics) -> None:
    """No series, several of them, a query that Prometheus refuses, and a moment that it knows nothing of are shut."""
    now = (time.time(), time.time())
    metrics.wait_for(1)
    assert asked(metrics, now, max=1, query="nothing_of_this_name").startswith("shut: there is no data;")
    assert asked(metrics, now, max=1, query="requests_failing").startswith("shut: the query gives 2 figures;")
    assert "refuses the query: " in asked(metrics, now, max=1, query="sum(")
    long_ago = (time.time() - 86400, time.time())
    assert asked(metrics, long_ago, max=1, baseline="before").startswith("shut: there is no data from before")


def test_a_name_that_is_no_pattern(metrics: Metrics) -> None:
    """In a regular expression the dot of a stack's name is a dot: the other series does not count."""
    metrics.wait_for(1)
    now = (time.time(), time.time())
    for query in ('sum(requests_failing{stack=~"{stack}"})', "sum(requests_failing{stack=~`{stack}`})"):
        assert asked(metrics, now, max=1, query=query) == "open: 1"


def test_a_figure_that_gets_worse_while_the_wave_bakes(
    metrics: Metrics, machine: Machine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The rollout ends in the middle of the bake time, and the next wave is never started."""
    folder = tmp_path_factory.mktemp("metrics")
    copy = FleetCopy.make(folder / "project", folder / "state")
    names = ("metrics-a", "metrics-b")
    for name in names:
        copy.stack(name, machine.cluster.context, machine.cluster.kubeconfig)
    gate = {
        "type": "prometheus",
        "url": metrics.url,
        "query": "max(requests_failing)",
        "max": 2,
        "baseline": "before",
        "every": "2s",
        "attempts": 1,
    }
    waves = [{"name": name, "select": f"stack={name}", "bakeTime": "10m", "gates": [gate]} for name in names]
    copy.fleet({name: {} for name in names}, waves)
    copy.commit()
    metrics.wait_for(1)
    with copy.start("up") as running:
        assert running.stdout is not None
        lines = []
        for line in running.stdout:
            lines.append(line)
            if "bakes for 10m" in line:
                time.sleep(5)
                metrics.value = 7
    output = "".join(lines)
    assert running.returncode == 3, output
    assert "gate prometheus failed: 7, 7 times the 1 from before the update; allowed: at most 2" in output
    assert "during the bake time" in copy.facts("status")["reason"] or "1 failed in wave metrics-a" in output
    assert copy.states() == {"metrics-a": "failed", "metrics-b": "waiting"}
    assert copy.facts("status")["seconds"] < 300
