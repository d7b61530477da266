"""The embedded cluster: a real control plane, simulated kubelets and a simulated cloud provider, all on 127.0.0.1."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from hubstack.cluster import process
from hubstack.cluster.api import ApiClient, ApiError
from hubstack.cluster.components import NAMES, check_tools, server_url, unhealthy_because
from hubstack.cluster.model import ClusterError, ClusterStatus, ComponentStatus, Progress, SimSettings, State, reporter
from hubstack.cluster.pki import CONTEXT
from hubstack.cluster.start import Start, ready_nodes
from hubstack.cluster.state import Layout, SavedState, changing

__all__ = ["SimCluster", "SimSettings"]

_STOP_GROUPS = (("cloud", "kwok", "kube-scheduler", "kube-controller-manager"), ("kube-apiserver",), ("etcd",))
"""Who is stopped together; clients before the server that they would miss."""


class SimCluster:
    """A Kubernetes cluster of processes of this user, kept in one folder."""

    context = CONTEXT

    def __init__(self, state_dir: Path, settings: SimSettings | None = None) -> None:
        """Nothing happens yet.

        Arguments:
            state_dir: folder for everything that the cluster has on disk.
            settings: its nodes; None takes what it was made with, or the defaults for a new one.
        """
        self._layout = Layout(Path(state_dir).absolute())
        self._settings = settings

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig: one context, CA and client certificate inside."""
        return self._layout.kubeconfig

    def client(self, timeout: float = 10.0) -> ApiClient:
        """An administrator's client, with seconds per request. Raises ClusterError if it has never been up."""
        saved = SavedState.load(self._layout.state)
        if saved is None or "kube-apiserver" not in saved.ports or not self._layout.pki.exists():
            raise ClusterError(f"no cluster in {self._layout.root}; make one with: hubstack cluster up")
        pki = self._layout.pki
        return ApiClient(server_url(saved.ports), pki / "ca.crt", pki / "admin.crt", timeout=timeout)

    def up(self, tools: Mapping[str, Path], progress: Progress | None = None, timeout: float = 180.0) -> None:
        """Make the cluster ready: start what does not run, leave alone what does, go on where a killed run ended.

        Arguments:
            tools: path of each program in `components.TOOLS`.
            progress: gets a line about each step that is complete.
            timeout: seconds after which it is given up.

        Raises:
            ClusterError: it does not become ready; says which component, and shows the end of its log.
        """
        report = reporter(progress)
        check_tools(tools)
        tools = {name: Path(path).absolute() for name, path in tools.items()}
        self._layout.root.mkdir(parents=True, exist_ok=True)
        with changing(self._layout, report):
            Start(self._layout, self._settings, tools, report, timeout).run()

    def down(self) -> None:
        """Stop all processes, clients first; data, keys and ports stay. Raises ClusterError."""
        if self._layout.root.exists():
            with changing(self._layout, reporter(None)):
                self._stop()

    def delete(self) -> None:
        """Stop all processes and remove the state folder. Raises ClusterError."""
        if not self._layout.root.exists():
            return
        with changing(self._layout, reporter(None)):
            if not self._layout.state.exists() and list(self._layout.root.iterdir()) != [self._layout.lock]:
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
        # without the store nothing ends in order, and there is nothing to wait for
        patience = 10.0 if process.alive(process.read_record(self._layout.pid_file("etcd"))) else 0.5
        for group in _STOP_GROUPS:
            records = []
            for name in group:
                record = process.read_record(self._layout.pid_file(name))
                records += [record] if record else []
                records += process.marked(saved.mark(name)) if saved else []
            process.stop(records, patience)
            for name in group:
                self._layout.pid_file(name).unlink(missing_ok=True)

    def url(self, address: str, scheme: str = "http") -> str | None:
        """Nothing is forwarded here."""
        return None

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
                ready = ready_nodes(self.client(timeout=3))
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
