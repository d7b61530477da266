"""Bringing an embedded cluster up: what is missing is started or made, what is there is left alone."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from hubstack.cluster import objects, pki, process
from hubstack.cluster.api import ApiClient, ApiError
from hubstack.cluster.components import CLIENTS, NAMES, Component, components, server_url, unhealthy_because
from hubstack.cluster.model import ClusterError, SimSettings
from hubstack.cluster.stages import kwok_config
from hubstack.cluster.state import PORT_USERS, Layout, SavedState, choose_port, port_is_free

_POLL_SECONDS = 0.05
_PATIENCE = 3.0
"""Seconds for a component that is to start again; all of them bear being killed."""
_MAX_STARTS = 4
"""How often a component is started during one `up`: some give up when the API server is not yet as they want it."""


def ready_nodes(client: ApiClient) -> int:
    """Number of nodes that are Ready and onto which pods can be scheduled."""
    count = 0
    for node in client.get("/api/v1/nodes")["items"]:
        conditions = {each["type"]: each["status"] for each in node.get("status", {}).get("conditions", [])}
        held_back = any(taint["key"].startswith("node.kubernetes.io/") for taint in node["spec"].get("taints", []))
        count += conditions.get("Ready") == "True" and not held_back
    return count


class Start:
    """One run of `up`, with the lock held."""

    def __init__(
        self,
        layout: Layout,
        settings: SimSettings | None,
        tools: Mapping[str, Path],
        report: Callable[[str], object],
        timeout: float,
    ) -> None:
        self._layout = layout
        self._tools = tools
        self._report = report
        self._deadline = time.monotonic() + timeout
        self._timeout = timeout
        self._starts: dict[str, int] = {}
        self._reached = 0  # so many of NAMES should be running by now
        saved = SavedState.load(layout.state)
        self._saved = saved or SavedState.fresh(settings or SimSettings())
        self._wanted = settings or self._saved.settings
        self._parts: dict[str, Component] = {}

    def run(self) -> None:
        """Make it ready. Raises ClusterError."""
        layout = self._layout
        self._choose_ports()
        # before anything is made: whoever comes after a kill has to know the mark and the ports
        self._saved.save(layout.state)
        layout.make_folders()
        pki.ensure_pki(layout.pki)
        url = server_url(self._saved.ports)
        pki.write_kubeconfig(layout.kubeconfig, url, layout.pki, "admin")
        for name in CLIENTS:
            pki.write_kubeconfig(layout.component_kubeconfig(name), url, layout.pki, name)
        stages = kwok_config()
        if not layout.kwok_config.exists() or layout.kwok_config.read_text() != stages:
            process.write_atomically(layout.kwok_config, stages)
        self._parts = components(layout, self._saved.ports, self._tools)
        self._client = ApiClient(url, layout.pki / "ca.crt", layout.pki / "admin.crt")

        self._stop_outdated()
        self._ensure("etcd")
        self._ensure("kube-apiserver")  # finds etcd by itself, while that starts
        self._wait_for("kube-apiserver")
        if self._starts:
            self._report("API server answers")
        # not earlier: as long as it has no roles, it refuses them, and they give up
        self._ensure("kube-controller-manager")
        self._ensure("kube-scheduler")
        self._prepare()
        self._ensure("kwok")
        self._ensure("cloud")
        for name in NAMES:
            self._wait_for(name)
        self._wait("kwok", self._nodes_missing)
        self._wait("kube-controller-manager", self._service_account_missing)
        nodes = f"{self._wanted.nodes} nodes at {url}"
        self._report(f"ready: {nodes}" if self._starts else f"ready already: {nodes}")

    def _choose_ports(self) -> None:
        ports = self._saved.ports
        for name in reversed(NAMES):  # clients first: servers wait for them before they end
            self._stop_orphans(name)
        for name in PORT_USERS:
            ours = process.alive(process.read_record(self._layout.pid_file(name)))
            if name not in ports or (not ours and not port_is_free(ports[name])):
                ports[name] = choose_port(set(ports.values()))

    def _stop_orphans(self, name: str) -> None:
        """End what a killed run started without having been able to note it."""
        record = process.read_record(self._layout.pid_file(name))
        keep = record.pid if record is not None and process.alive(record) else None
        process.stop(each for each in process.marked(self._saved.mark(name)) if each.pid != keep)

    def _stop_outdated(self) -> None:
        """Stop, clients first, what runs with another command line or other files than it would get now."""
        running = {name: process.read_record(self._layout.pid_file(name)) for name in NAMES}
        running = {name: record for name, record in running.items() if process.alive(record)}
        for name in reversed(NAMES):
            record, part = running.get(name), self._parts[name]
            if record is None:
                continue
            if record.fingerprint != process.fingerprint(part.argv, part.inputs):
                self._report(f"{name} starts again: its settings have changed")
                process.stop([record], _PATIENCE)
            elif name == "kube-apiserver" and "etcd" not in running:
                # it would come back to a restarted etcd by itself, but after up to two minutes; and it
                # cannot end in order without its store
                process.stop([record], patience=0)

    def _ensure(self, name: str) -> None:
        """Start a component, unless it runs as it should."""
        self._reached = max(self._reached, NAMES.index(name) + 1)
        part = self._parts[name]
        if process.alive(process.read_record(self._layout.pid_file(name))):
            return
        if name == "cloud":
            self._layout.heartbeat.unlink(missing_ok=True)
        self._starts[name] = self._starts.get(name, 0) + 1
        env = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR", "LANG") if key in os.environ}
        process.start(
            part.argv,
            self._layout.pid_file(name),
            self._layout.log(name),
            self._saved.mark(name),
            process.fingerprint(part.argv, part.inputs),
            {**env, **dict(part.env)},
        )

    def _wait_for(self, name: str) -> None:
        self._wait(name, lambda: unhealthy_because(name, self._layout, self._saved.ports))

    def _wait(self, name: str, problem: Callable[[], str]) -> None:
        """Wait until `problem`, about this component, is empty; start again what gives up meanwhile."""
        while what := problem():
            for each in NAMES[: self._reached]:
                if not process.alive(process.read_record(self._layout.pid_file(each))):
                    if self._starts.get(each, 0) >= _MAX_STARTS:
                        raise ClusterError(f"{each} ends whenever it is started", self._layout.log(each))
                    self._ensure(each)
            if time.monotonic() > self._deadline:
                raise ClusterError(
                    f"{name}: {what}, after {self._timeout:.0f} s; `hubstack cluster down` and `up` may help",
                    self._layout.log(name),
                )
            time.sleep(_POLL_SECONDS)

    def _prepare(self) -> None:
        """Make the nodes and the other objects as the settings want them."""
        wanted = self._digest()
        try:
            if self._saved.prepared == wanted and self._all_there():
                return
            for path, body in [*objects.permissions(), *objects.extras()]:
                self._client.apply(path, body)
            self._make_nodes()
        except (ApiError, OSError) as error:
            log = self._layout.log("kube-apiserver")
            raise ClusterError(f"the API server refuses the objects of an empty cluster: {error}", log) from None
        self._saved.settings = self._wanted
        self._saved.prepared = wanted
        self._saved.save(self._layout.state)

    def _digest(self) -> str:
        plain = {**asdict(self._wanted), "labels": dict(self._wanted.labels)}
        return hashlib.sha256(
            json.dumps([plain, objects.permissions(), objects.extras()], sort_keys=True).encode()
        ).hexdigest()

    def _all_there(self) -> bool:
        paths = [path for path, _ in objects.extras()]
        nodes = {each["metadata"]["name"] for each in self._client.get("/api/v1/nodes")["items"]}
        names = {objects.node_name(number) for number in range(1, self._wanted.nodes + 1)}
        return names <= nodes and all(self._client.find(path) for path in paths)

    def _make_nodes(self) -> None:
        version = self._client.get("/version")["gitVersion"]
        keep = set()
        for number in range(1, self._wanted.nodes + 1):
            path = f"/api/v1/nodes/{objects.node_name(number)}"
            keep.add(objects.node_name(number))
            self._client.apply(path, objects.node(number, self._wanted))
            self._client.merge(f"{path}/status", objects.node_status(number, self._wanted, version))
        listed = self._client.get(f"/api/v1/nodes?labelSelector={objects.SIMULATED}%3Dtrue")["items"]
        for name in {each["metadata"]["name"] for each in listed} - keep:
            self._client.request("DELETE", f"/api/v1/nodes/{name}")

    def _nodes_missing(self) -> str:
        try:
            count = ready_nodes(self._client)
        except (ApiError, OSError) as error:
            return str(error)
        return "" if count >= self._wanted.nodes else f"{count} of {self._wanted.nodes} nodes are ready"

    def _service_account_missing(self) -> str:
        try:
            found = self._client.find("/api/v1/namespaces/default/serviceaccounts/default")
        except (ApiError, OSError) as error:
            return str(error)
        return "" if found else "the service account `default` is missing"
