"""The ports of a real node: the kubelet's, the proxy's, the name server's, those of the control plane."""

from __future__ import annotations

import json
import subprocess
import sys

import psutil
import pytest

from hubstack.cluster import process
from hubstack.cluster.state import Layout
from tests import open_ports
from tests.e2e.conftest import Place
from tests.open_ports import HEALTH

PUBLIC = {
    *((6443, "https", "GET", path) for path in (*HEALTH, "/version")),
    (10257, "https", "GET", "/healthz"),
    *((10259, "https", "GET", path) for path in HEALTH),
    (10248, "http", "GET", "/healthz"),
    *((10256, "http", "GET", path) for path in ("/healthz", "/livez")),
    *((10249, "http", "GET", path) for path in ("/healthz", "/metrics", "/configz", "/flagz", "/statusz")),
}
"""All that API server, controller manager, scheduler, kubelet and proxy tell: whether they are well, a version, counts,
and at 10249, which no pod reaches, the settings of the proxy, which hold no secret."""


@pytest.mark.long
def test_nobody_without_a_credential_is_told_or_changes_anything(place: Place) -> None:
    """Every socket inside of the node refuses all questions but health; outside, it has those that lead to the API
    server and to load balancers, on this machine only."""
    layout = Layout(place.node.kubeconfig.parent)
    record, outside = (process.read_record(layout.pid_file(name)) for name in ("node", "supervisor"))
    assert record
    assert outside
    first = psutil.Process(record.pid).children()[0]
    enter = ["nsenter", "--target", str(first.pid), "--net", "--"]
    ask = [sys.executable, "-m", "tests.open_ports", str(first.pid)]
    printed = subprocess.run([*enter, *ask], capture_output=True, text=True, check=True).stdout
    told = {(socket[1], *question) for socket, *question in json.loads(printed)}
    assert told <= PUBLIC
    assert {port for port, *_ in told} >= {6443, 10257, 10259, 10248}
    ports = json.loads(layout.state.read_text())["ports"]
    assert open_ports.listening(psutil.Process(outside.pid)) == {("127.0.0.1", port) for port in ports.values()}
