"""The embedded cluster: a real control plane, simulated kubelets and a simulated cloud, all on 127.0.0.1."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from hubstack.cluster import objects, pki, process
from hubstack.cluster.api import ApiClient, ApiError
from hubstack.cluster.components import (
    CLIENTS,
    NAMES,
    Component,
    check_tools,
    components,
    server_url,
    unhealthy_because,
)
from hubstack.cluster.model import (
    ClusterError,
    ClusterStatus,
    ComponentStatus,
    Progress,
    SimSettings,
    State,
    teller,
)
from hubstack.cluster.stages import kwok_config
from hubstack.cluster.state import PORT_USERS, Layout, SavedState, choose_port, locked, port_is_free

__all__ = ["SimCluster", "SimSettings"]

_POLL_SECONDS = 0.05
_MAX_STARTS = 4
"""How often a component is started during one `up`: some give up when the API server is not yet as they want it."""
_STOP_GROUPS = (("cloud", "kwok", "kube-scheduler", "kube-controller-manager"), ("kube-apiserver",), ("etcd",))
"""Who is stopped together; clients before the server that they would miss."""


class SimCluster:
    """A Kubernetes cluster of processes of this user, kept in one folder."""

    context = pki.CONTEXT

    def __init__(self, state_dir: Path, settings: SimSettings | None = None) -> None:
        """Nothing happens yet.

        Args:
            state_dir: Folder for everything that the cluster has on disk.
            settings: Its nodes; None takes what it was made with, or the defaults for a new one.
        """
        self._layout = Layout(Path(state_dir).absolute())
        self._settings = settings

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig: one context, CA and client certificate inside."""
        return self._layout.kubeconfig

    def client(self) -> ApiClient:
        """An administrator's client. Raises ClusterError if the cluster has never been up."""
        saved = SavedState.load(self._layout.state)
        if saved is None or "kube-apiserver" not in saved.ports or not self._layout.pki.exists():
            raise ClusterError(f"no cluster in {self._layout.root}; make one with: hubstack cluster up")
        return ApiClient(server_url(saved.ports), self._layout.pki / "ca.crt", self._layout.pki / "admin.crt")

    def up(self, tools: Mapping[str, Path], progress: Progress | None = None, timeout: float = 90.0) -> None:
        """Make the cluster ready: start what does not run, leave alone what does, go on where a killed run ended.

        Args:
            tools: Path of each program in `components.TOOLS`.
            progress: Told what has been reached.
            timeout: Seconds after which it is given up.

        Raises:
            ClusterError: It does not become ready; says which component, and shows the end of its log.
        """
        tell = teller(progress)
        check_tools(tools)
        tools = {name: Path(path).absolute() for name, path in tools.items()}
        self._layout.root.mkdir(parents=True, exist_ok=True)
        with locked(self._layout.lock, tell):
            _Start(self._layout, self._settings, tools, tell, timeout).run()

    def down(self) -> None:
        """Stop all processes, clients first; data, keys and ports stay. Raises ClusterError."""
        if self._layout.root.exists():
            with locked(self._layout.lock, teller(None)):
                self._stop()

    def delete(self) -> None:
        """Stop all processes and remove the state folder. Raises ClusterError."""
        if not self._layout.root.exists():
            return
        with locked(self._layout.lock, teller(None)):
            if not self._layout.state.exists() and any(
                each.name not in ("lock",) for each in self._layout.root.iterdir()
            ):
                raise ClusterError(f"{self._layout.root} does not hold a cluster; remove it by hand if it may go")
            self._stop()
            # the state file goes last: a killed `delete` can be repeated
            for entry in sorted(self._layout.root.iterdir(), key=lambda each: each == self._layout.state):
                if entry == self._layout.lock:
                    continue
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            shutil.rmtree(self._layout.root)

    def _stop(self) -> None:
        saved = SavedState.load(self._layout.state)
        for group in _STOP_GROUPS:
            records = []
            for name in group:
                record = process.read_record(self._layout.pid_file(name))
                records += [record] if record else []
                records += process.marked(saved.mark(name)) if saved else []
            process.stop(records)
            for name in group:
                self._layout.pid_file(name).unlink(missing_ok=True)

    def exists(self) -> bool:
        """Whether it has been made and not been deleted, running or not."""
        return self._layout.state.exists()

    def status(self) -> ClusterStatus:
        """How it is now; changes nothing and needs no lock."""
        layout = self._layout
        saved = SavedState.load(layout.state)
        wanted = (self._settings or (saved.settings if saved else SimSettings())).nodes
        parts = tuple(self._component_status(name, saved) for name in NAMES) if saved else ()
        ready = 0
        if any(part.healthy for part in parts if part.name == "kube-apiserver"):
            try:
                ready = ready_nodes(self.client())
            except (ApiError, OSError):
                ready = 0
        state: State = "absent"
        if saved is not None:
            running = any(part.pid for part in parts)
            well = all(part.healthy for part in parts) and ready >= wanted
            state = "ready" if well else "degraded" if running else "stopped"
        server = server_url(saved.ports) if saved and "kube-apiserver" in saved.ports else None
        return ClusterStatus("sim", state, self.context, self.kubeconfig, server, ready, wanted, parts)

    def _component_status(self, name: str, saved: SavedState) -> ComponentStatus:
        record = process.read_record(self._layout.pid_file(name))
        running = process.alive(record)
        problem = "not running"
        if running:
            try:
                problem = unhealthy_because(name, self._layout, saved.ports)
            except KeyError:
                problem = "not started completely"
        return ComponentStatus(
            name,
            record.pid if record and running else None,
            saved.ports.get(name),
            not problem,
            problem,
            self._layout.log(name),
        )


def ready_nodes(client: ApiClient) -> int:
    """Number of nodes that are Ready and onto which pods can be scheduled."""
    count = 0
    for node in client.get("/api/v1/nodes")["items"]:
        conditions = {each["type"]: each["status"] for each in node.get("status", {}).get("conditions", [])}
        held_back = any(taint["key"].startswith("node.kubernetes.io/") for taint in node["spec"].get("taints", []))
        count += conditions.get("Ready") == "True" and not held_back
    return count


class _Start:
    """One run of `up`, with the lock held."""

    def __init__(
        self,
        layout: Layout,
        settings: SimSettings | None,
        tools: Mapping[str, Path],
        tell: Callable[[str], object],
        timeout: float,
    ) -> None:
        self._layout = layout
        self._tools = tools
        self._tell = tell
        self._deadline = time.monotonic() + timeout
        self._timeout = timeout
        self._starts: dict[str, int] = {}
        saved = SavedState.load(layout.state)
        self._saved = saved or SavedState.fresh(settings or SimSettings())
        self._wanted = settings or self._saved.settings
        self._parts: dict[str, Component] = {}

    def run(self) -> None:
        layout = self._layout
        layout.make_folders()
        self._choose_ports()
        # before anything is started: whoever comes after a kill has to know the mark and the ports
        self._saved.save(layout.state)
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

        started = [name for name in ("etcd", "kube-apiserver") if self._ensure(name)]
        self._wait("kube-apiserver", lambda: self._problem("kube-apiserver"), ("etcd", "kube-apiserver"))
        started += [name for name in ("kube-controller-manager", "kube-scheduler") if self._ensure(name)]
        if started:
            self._tell("API server answers")
        self._prepare()
        started += [name for name in ("kwok", "cloud") if self._ensure(name)]
        for name in NAMES[2:]:
            self._wait(name, lambda name=name: self._problem(name), NAMES)  # type: ignore[misc]
        self._wait("kwok", self._nodes_missing, NAMES)
        self._wait("kube-controller-manager", self._service_account_missing, NAMES)
        self._tell(f"ready: {self._wanted.nodes} nodes at {url}" if started else f"ready already, at {url}")

    def _choose_ports(self) -> None:
        ports = self._saved.ports
        for name in PORT_USERS:
            ours = process.alive(process.read_record(self._layout.pid_file(name)))
            if not ours:
                self._stop_orphans(name)
            if name not in ports or (not ours and not port_is_free(ports[name])):
                ports[name] = choose_port(set(ports.values()))
        self._stop_orphans("cloud", unless_recorded=True)

    def _stop_orphans(self, name: str, unless_recorded: bool = False) -> None:
        """End what a killed run started without having been able to note it."""
        record = process.read_record(self._layout.pid_file(name))
        keep = record.pid if unless_recorded and record is not None and process.alive(record) else None
        process.stop(each for each in process.marked(self._saved.mark(name)) if each.pid != keep)

    def _ensure(self, name: str) -> bool:
        """Start a component, unless it runs as it should; True if it was started."""
        part = self._parts[name]
        digest = process.fingerprint(part.argv, part.inputs)
        record = process.read_record(self._layout.pid_file(name))
        if record is not None and process.alive(record):
            if record.fingerprint == digest:
                return False
            self._tell(f"{name} starts again: its settings have changed")
            process.stop([record])
        if name == "cloud":
            self._layout.heartbeat.unlink(missing_ok=True)
        self._starts[name] = self._starts.get(name, 0) + 1
        env = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR", "LANG") if key in os.environ}
        process.start(
            part.argv,
            self._layout.pid_file(name),
            self._layout.log(name),
            self._saved.mark(name),
            digest,
            {**env, **dict(part.env)},
        )
        return True

    def _problem(self, name: str) -> str:
        return unhealthy_because(name, self._layout, self._saved.ports)

    def _wait(self, name: str, problem: Callable[[], str], needed: tuple[str, ...]) -> None:
        """Wait until `problem` is empty; meanwhile start again which of the needed components gives up."""
        while what := problem():
            for each in needed:
                if each not in self._starts and each not in NAMES[: NAMES.index(name) + 1]:
                    continue
                if process.alive(process.read_record(self._layout.pid_file(each))):
                    continue
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
