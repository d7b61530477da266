"""The cluster of one real node, as a whole: up, down, delete, status."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import psutil

from hubstack.cluster import objects, pki, process
from hubstack.cluster.api import ApiClient, ApiError
from hubstack.cluster.model import ClusterError, ClusterStatus, ComponentStatus, Progress, SimSettings, State, reporter
from hubstack.cluster.node import host, init, supervisor
from hubstack.cluster.node.images import stand_ins
from hubstack.cluster.node.network import ADDRESSES, CONTEXT, NAMES, NODE, forwarded
from hubstack.cluster.node.services import CLIENTS, SERVER, SOCKET, services, write_configuration
from hubstack.cluster.node.store import Store
from hubstack.cluster.start import ready_nodes
from hubstack.cluster.state import Layout, SavedState, changing, choose_port, port_is_free
from hubstack.deadline import within

_NODE_PID, _SUPERVISOR = "node", "supervisor"
_POLL_SECONDS = 0.1
_IMPORT_SECONDS = 600
_IMAGES = "images.loaded"
_LOOK_SECONDS = 3.0
IMAGES_VARIABLE = "HUBSTACK_NODE_IMAGES"
"""Environment variable: auto, pull or build."""


class NodeCluster:
    """A kubelet with real containers in namespaces of their own, kept in one folder; needs Linux and root."""

    context = CONTEXT

    def __init__(
        self,
        state_dir: Path,
        settings: SimSettings | None = None,
        *,
        owner: int | None = None,
        images: str | None = None,
    ) -> None:
        """Nothing happens yet.

        Arguments:
            state_dir: folder for everything that the cluster has on disk.
            settings: must say nothing but the defaults: the one node is as large as the machine.
            owner: process id; the node ends when that process does. None: it stays until `down`.
            images: ``pull`` gives the node a way to the outside and lets it pull images, ``build`` gives it the
                stand-ins and no way out. None: what ``HUBSTACK_NODE_IMAGES`` says, or by whether the registry of the
                hub's image answers.

        Raises:
            ClusterError: the settings ask for nodes, or there is no such way to images.
        """
        self._images = images or os.environ.get(IMAGES_VARIABLE) or "auto"
        if self._images not in ("auto", "pull", "build"):
            raise ClusterError(f"{IMAGES_VARIABLE}: {self._images!r} is unknown; allowed: 'auto', 'pull', 'build'")
        self._layout = Layout(Path(state_dir).absolute())
        self._owner = owner
        if settings is not None and settings != SimSettings():
            raise ClusterError("nodes, cpu, memory and labels cannot be set for CLUSTER=node: it is one, this machine")

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig: one context, CA and client certificate inside."""
        return self._layout.kubeconfig

    def client(self, timeout: float = 10.0) -> ApiClient:
        """An administrator's client, with seconds per request. Raises ClusterError if it has never been up."""
        saved = SavedState.load(self._layout.state)
        if saved is None or "kube-apiserver" not in saved.ports or not self._layout.pki.exists():
            raise ClusterError(f"no cluster in {self._layout.root}; make one with: hubstack cluster up --kind node")
        folder = self._layout.pki
        return ApiClient(_url(saved), folder / "ca.crt", folder / "admin.crt", timeout=timeout)

    def url(self, address: str, scheme: str = "http") -> str | None:
        """Where a load balancer's address is reached from this machine, or None if it is none of this cluster's."""
        saved = SavedState.load(self._layout.state)
        if saved is None or address not in ADDRESSES:
            return None
        return f"{scheme}://127.0.0.1:{saved.ports[f'{scheme}-{ADDRESSES.index(address)}']}"

    def up(self, tools: Mapping[str, Path], progress: Progress | None = None, timeout: float = 300.0) -> None:
        """Make the node ready: build images where there are none, start what does not run.

        Arguments:
            tools: path of each program that a node needs, by name.
            progress: gets a line about each step that is complete.
            timeout: seconds after which it is given up, building images not counted.

        Raises:
            ClusterError: it cannot run here, or does not become ready; shows the end of the log that explains it.
        """
        report = reporter(progress)
        host.check()
        pull = self._images == "pull" or (self._images == "auto" and registry_answers())
        store = stand_ins(image_folder(), Path(tools["kube-scheduler-1.30"]))
        host.install_programs(report, build=not pull and bool(store.missing()), outside=pull)
        self._layout.root.mkdir(parents=True, exist_ok=True)
        with changing(self._layout, report):
            wanted = "" if pull else store.build(report)
            deadline = self._start(tools, report, timeout, outside=pull)
            noted = self._layout.root / _IMAGES
            if wanted and not (noted.exists() and noted.read_text() == wanted):
                report("loading images")
                self.load_images(tools, store, max(0.0, deadline - time.monotonic()))
                noted.write_text(wanted)
            client = self.client()
            self._wait(deadline, "kubelet", lambda: "" if ready_nodes(client) else "the node is not ready")
            report(f"ready: node {NODE}, images are {'pulled' if pull else 'stand-ins'}")

    def _start(
        self, tools: Mapping[str, Path], report: Callable[[str], object], timeout: float, *, outside: bool
    ) -> float:
        """Start what does not run; gives the moment at which to give up."""
        deadline = time.monotonic() + timeout
        layout = self._layout
        saved = SavedState.load(layout.state) or SavedState.fresh(SimSettings())
        fresh = not process.alive(process.read_record(layout.pid_file(_NODE_PID)))
        if fresh:
            self._end(saved)  # what a killed run has left
            for name in forwarded():
                if name not in saved.ports or not port_is_free(saved.ports[name]):
                    saved.ports[name] = choose_port(set(saved.ports.values()))
            saved.save(layout.state)
            layout.make_folders()
            self._write_files(saved, tools, outside)
            host.prepare(layout.root, _cgroup(saved))
            self._spawn(saved, _NODE_PID, ["unshare", *host.NAMESPACES, "--fork", "--kill-child", "--mount-proc",
                        "--propagation", "private", sys.executable, "-P", "-m", init.__name__, self._spec])  # fmt: skip
        inside = self._first_process(deadline)
        if not process.alive(process.read_record(layout.pid_file(_SUPERVISOR))):
            self._spawn(saved, _SUPERVISOR, [sys.executable, "-P", "-m", supervisor.__name__, self._spec, str(inside)])
        client = ApiClient(_url(saved), layout.pki / "ca.crt", layout.pki / "admin.crt", timeout=5)
        self._wait(deadline, "kube-apiserver", lambda: _api_problem(client))
        if fresh:
            report("API server answers")
        self._wait(deadline, "kube-apiserver", lambda: _prepare(client))
        return deadline

    @property
    def _spec(self) -> str:
        return str(self._layout.root / "run" / "spec.json")

    def _write_files(self, saved: SavedState, tools: Mapping[str, Path], outside: bool) -> None:
        layout = self._layout
        pki.ensure_pki(layout.pki, NAMES)
        pki.write_kubeconfig(layout.kubeconfig, _url(saved), layout.pki, "admin", CONTEXT)
        for name in CLIENTS:
            pki.write_kubeconfig(layout.component_kubeconfig(name), SERVER, layout.pki, name, CONTEXT)
        write_configuration(layout, _cgroup(saved), outside=outside)
        spec = {
            "root": str(layout.root),
            "pki": str(layout.pki),
            "logs": str(layout.log("x").parent),
            "running": str(layout.root / "run" / "running.json"),
            "server": SERVER,
            "services": [asdict(each) for each in services(layout, tools)],
            "forward": [[saved.ports[name], target] for name, target in forwarded().items()],
            "cgroup": _cgroup(saved),
            "owner": self._owner,
            "outside": outside,
        }
        process.write_atomically(Path(self._spec), json.dumps(spec, indent=1))

    def _spawn(self, saved: SavedState, name: str, argv: list[str]) -> None:
        path = shutil.which(argv[0])
        if path is None:
            raise ClusterError(f"cluster `node` needs the program {argv[0]}, which is not on PATH")
        source = Path(init.__file__).resolve().parents[3]
        env = {key: os.environ[key] for key in ("HOME", "LANG", "TMPDIR") if key in os.environ}
        shims = Path(json.loads(Path(self._spec).read_text())["services"][0]["argv"][0]).parent
        env["PATH"] = os.pathsep.join([str(shims), "/usr/local/sbin", "/usr/sbin", "/sbin", os.environ["PATH"]])
        env["PYTHONPATH"] = str(source)
        layout = self._layout
        process.start([path, *argv[1:]], layout.pid_file(name), layout.log(name), saved.mark(name), "", env)

    def _first_process(self, deadline: float) -> int:
        """Pid, outside, of the process that is number 1 inside."""
        while True:
            record = process.read_record(self._layout.pid_file(_NODE_PID))
            if not process.alive(record) or record is None:
                raise ClusterError("the node's first process ended", self._layout.log(_NODE_PID))
            with contextlib.suppress(psutil.NoSuchProcess):
                if children := psutil.Process(record.pid).children():
                    return children[0].pid
            if time.monotonic() > deadline:
                raise ClusterError("the node's first process does not start", self._layout.log(_NODE_PID))
            time.sleep(_POLL_SECONDS)

    def _wait(self, deadline: float, name: str, problem: Callable[[], str]) -> None:
        while what := problem():
            if not process.alive(process.read_record(self._layout.pid_file(_NODE_PID))):
                raise ClusterError("the node ended while it was being started", self._layout.log(_NODE_PID))
            if time.monotonic() > deadline:
                raise ClusterError(f"{name}: {what}", self._layout.log(name))
            time.sleep(_POLL_SECONDS)

    def load_images(self, tools: Mapping[str, Path], store: Store, timeout: float = 60.0) -> None:
        """Give containerd the images of a store that has been built.

        Arguments:
            tools: path of the program ctr.
            store: the images.
            timeout: seconds for containerd to answer at all.

        Raises:
            ClusterError: the node does not run, or containerd does not take them.
        """
        deadline = time.monotonic() + timeout
        ctr = _ctr(Path(tools["ctr"]), self._first_process(deadline))
        self._wait(
            deadline, "containerd", lambda: "" if _succeeds([*ctr, "version"]) else "does not answer at its socket"
        )
        log = self._layout.log("images")
        with log.open("wb") as output:
            archive = subprocess.Popen(store.archive(), stdout=subprocess.PIPE)
            done = subprocess.run(
                [*ctr, "images", "import", "-"],
                stdin=archive.stdout, stdout=output, stderr=output, timeout=_IMPORT_SECONDS, check=False,
            )  # fmt: skip
            archive.wait()
        if done.returncode:
            raise ClusterError("containerd does not take the images", log)

    def tag_image(self, ctr: Path, existing: str, name: str) -> None:
        """Give an image of the node a second name. Raises ClusterError if there is no such image."""
        inside = self._first_process(time.monotonic() + 1)
        done = subprocess.run(
            [*_ctr(ctr, inside), "images", "tag", existing, name], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ClusterError(f"image {existing}: {done.stderr.strip()}")

    def down(self) -> None:
        """End the node and all in it; volumes and objects stay. Raises ClusterError."""
        if self._layout.root.exists():
            with changing(self._layout, reporter(None)):
                self._stop()

    def _stop(self) -> None:
        saved = SavedState.load(self._layout.state)
        if saved is not None:
            self._end(saved)

    def _end(self, saved: SavedState) -> None:
        for name in (_NODE_PID, _SUPERVISOR):
            record = process.read_record(self._layout.pid_file(name))
            # ending the outer process ends process 1 inside, and that one all others
            process.stop([*([record] if record else []), *process.marked(saved.mark(name))], patience=3.0)
            self._layout.pid_file(name).unlink(missing_ok=True)
        host.restore(self._layout.root, _cgroup(saved))

    def delete(self) -> None:
        """End the node and remove the state folder; the images stay in the user's cache. Raises ClusterError."""
        if not self._layout.root.exists():
            return
        with changing(self._layout, reporter(None)):
            self._stop()
            shutil.rmtree(self._layout.root)

    def exists(self) -> bool:
        """Whether it has been made and not been deleted, running or not."""
        return self._layout.state.exists()

    def status(self) -> ClusterStatus:
        """How it is now; changes nothing and needs no lock."""
        layout = self._layout
        saved = SavedState.load(layout.state)
        if saved is None:
            return ClusterStatus("node", "absent", CONTEXT, self.kubeconfig, None, 0, 1)
        holder = process.read_record(layout.pid_file(_NODE_PID))
        runs = process.alive(holder)
        parts = tuple(self._component(name, runs) for name in _service_names(self._spec))
        ready = 0
        if runs:
            try:
                ready = ready_nodes(self.client(timeout=3))
            except (ApiError, OSError, ClusterError):
                ready = 0
        state: State = "stopped"
        if runs:
            state = "ready" if ready and all(part.healthy for part in parts) else "degraded"
        return ClusterStatus("node", state, CONTEXT, self.kubeconfig, _url(saved), ready, 1, parts)

    def _component(self, name: str, node_runs: bool) -> ComponentStatus:
        running = self._layout.root / "run" / "running.json"
        well = node_runs and running.exists() and name in json.loads(running.read_text())
        # pids are those of the node's own namespace, and say nothing outside
        return ComponentStatus(name, None, None, well, "" if well else "not running", self._layout.log(name))


def registry_answers() -> bool:
    """Whether the registry of the hub's image can be reached from this machine."""
    from hubstack.chart.values import ChartValues

    host = ChartValues().hub.image.name.partition("/")[0]
    try:
        within(_LOOK_SECONDS, lambda: socket.create_connection((host, 443), _LOOK_SECONDS).close())
    except OSError:
        return False
    return True


def image_folder() -> Path:
    """The user's folder for stand-in images, shared by all checkouts."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "hubstack" / "node-images"


def _url(saved: SavedState) -> str:
    return f"https://127.0.0.1:{saved.ports['kube-apiserver']}"


def _cgroup(saved: SavedState) -> str:
    return f"/{NODE}-{saved.cluster_id[:8]}"


def _service_names(spec: str) -> list[str]:
    try:
        return [each["name"] for each in json.loads(Path(spec).read_text())["services"]]
    except (OSError, ValueError):
        return []


def _api_problem(client: ApiClient) -> str:
    try:
        client.raw("GET", "/readyz")
    except (ApiError, OSError) as error:
        return str(error)
    return ""


def _prepare(client: ApiClient) -> str:
    """Make the objects that people expect in a cluster; empty once they are there."""
    try:
        for path, thing in [*objects.permissions(), *objects.name_service(), *objects.extras()]:
            client.apply(path, thing)
    except (ApiError, OSError) as error:
        return str(error)
    return ""


def _ctr(program: Path, inside: int) -> list[str]:
    """How to ask the node's containerd."""
    return ["nsenter", "--target", str(inside), "--mount", "--net", "--", str(program), "-a", SOCKET, "-n", "k8s.io"]


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
