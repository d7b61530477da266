"""A cluster by kind (Kubernetes in Docker), for machines that have both: real containers, real kubelets."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from hubstack import reading
from hubstack.cluster.model import ClusterError, ClusterStatus, ComponentStatus, Progress, SimSettings, State, reporter

_NAME = "hubstack"
_LOOK_SECONDS = 30
_CHANGE_SECONDS = 900
"""The first `up` pulls an image of about a gigabyte."""
_SIM_INSTEAD = "use the cluster `sim`, which needs neither"


class KindCluster:
    """A kind cluster of a fixed name; its kubeconfig is kept in a file of its own, never in the user's."""

    def __init__(self, state_dir: Path, settings: SimSettings | None = None, name: str = _NAME) -> None:
        """Nothing happens yet.

        Arguments:
            state_dir: folder for the kubeconfig and the log.
            settings: number and labels of the nodes; their size is the machine's and cannot be set.
            name: kind's name of the cluster.

        Raises:
            ClusterError: the settings ask for a size.
        """
        self._root = Path(state_dir).absolute()
        self._settings = settings
        self._name = name
        default = SimSettings()
        if settings and (settings.cpu, settings.memory) != (default.cpu, default.memory):
            raise ClusterError("cpu and memory cannot be set for the nodes of kind: they have those of the machine")

    @property
    def kubeconfig(self) -> Path:
        """File with the one context of this cluster."""
        return self._root / "kubeconfig"

    @property
    def context(self) -> str:
        """The context that kind makes."""
        return f"kind-{self._name}"

    @property
    def _log(self) -> Path:
        return self._root / "kind.log"

    def up(self, tools: Mapping[str, Path] | None = None, progress: Progress | None = None) -> None:
        """Create it, or start its containers again after `down`; `tools` may name the programs kind and docker.

        Raises:
            ClusterError: a program or the Docker daemon is missing, or kind fails.
        """
        report = reporter(progress)
        kind, docker = self._programs(tools or {})
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        nodes = self._nodes(kind)
        if nodes:
            stopped = sorted(set(nodes) - set(self._running(docker)))
            if stopped:
                report(f"starting {len(stopped)} stopped nodes")
                self._run([docker, "start", *stopped], "start the nodes")
            self._run(
                [kind, "export", "kubeconfig", "--name", self._name, "--kubeconfig", str(self.kubeconfig)],
                "write the kubeconfig",
            )
            report("running already" if not stopped else "started again")
            return
        report("creating the cluster; the first time an image is pulled")
        command = [kind, "create", "cluster", "--name", self._name, "--kubeconfig", str(self.kubeconfig)]
        self._run([*command, "--wait", "180s", "--config", "-"], "create the cluster", given=self.config())
        report("ready")

    def config(self) -> str:
        """kind's configuration: one control plane, which also runs pods, and workers for the rest of the nodes."""
        settings = self._settings or SimSettings()
        nodes = [
            {"role": "worker" if number else "control-plane", "labels": dict(settings.labels)}
            for number in range(settings.nodes if self._settings else 1)
        ]
        # its default, said all the same: this is the only port that the machine gets
        networking = {"apiServerAddress": "127.0.0.1"}
        config = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "networking": networking, "nodes": nodes}
        return str(yaml.safe_dump(config))

    def down(self) -> None:
        """Stop the containers and keep them, with all that is in the cluster. Raises ClusterError."""
        kind, docker = self._programs({})
        running = sorted(set(self._nodes(kind)) & set(self._running(docker)))
        if running:
            self._run([docker, "stop", *running], "stop the nodes")

    def delete(self) -> None:
        """Remove the containers, the kubeconfig and the log. Raises ClusterError."""
        kind, _ = self._programs({})
        if self._nodes(kind):
            self._run([kind, "delete", "cluster", "--name", self._name], "delete the cluster")
        for path in (self.kubeconfig, self._log):
            path.unlink(missing_ok=True)
        if self._root.is_dir() and not any(self._root.iterdir()):
            self._root.rmdir()

    def url(self, address: str, scheme: str = "http") -> str | None:
        """Nothing is forwarded here."""
        return None

    def exists(self) -> bool:
        """Whether it has been made and not been deleted; asks neither kind nor Docker."""
        return self.kubeconfig.exists()

    def status(self) -> ClusterStatus:
        """How it is now, one component for each node; ``absent`` if kind or Docker is not there."""
        names: list[str] = []
        running: list[str] = []
        try:
            kind, docker = self._programs({})
            names, running = self._nodes(kind), self._running(docker)
        except ClusterError:
            pass
        up = set(names) & set(running)
        state: State = "absent" if not names else "stopped" if not up else "ready"
        if up and up != set(names):
            state = "degraded"
        parts = tuple(
            ComponentStatus(
                name, None, None, name in up, "" if name in up else "container is stopped", self._existing_log()
            )
            for name in names
        )
        return ClusterStatus("kind", state, self.context, self.kubeconfig, self._server(), len(up), len(names), parts)

    def _existing_log(self) -> Path | None:
        return self._log if self._log.exists() else None

    def _server(self) -> str | None:
        try:
            return str(reading.yaml_file(self.kubeconfig)["clusters"][0]["cluster"]["server"])
        except (reading.Unreadable, LookupError, TypeError):
            return None

    def _programs(self, tools: Mapping[str, Path]) -> tuple[str, str]:
        """Paths of kind and docker, after a look whether the daemon answers."""
        found = []
        for name in ("kind", "docker"):
            path = str(tools[name]) if name in tools else shutil.which(name)
            if path is None:
                raise ClusterError(
                    f"cluster `kind` needs the program {name}, which is not on the PATH; install it, or {_SIM_INSTEAD}"
                )
            found.append(path)
        kind, docker = found
        try:
            done = subprocess.run(
                [docker, "info", "--format", "{{.ServerVersion}}"],
                capture_output=True, text=True, timeout=_LOOK_SECONDS, check=False,
            )  # fmt: skip
            problem = "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["docker info fails"])[-1]
        except (OSError, subprocess.TimeoutExpired) as error:
            problem = str(error)
        if problem:
            raise ClusterError(
                f"cluster `kind` needs a running Docker daemon: {problem}; start Docker, or {_SIM_INSTEAD}"
            )
        return kind, docker

    def _nodes(self, kind: str) -> list[str]:
        """Names of the cluster's containers; none if there is no such cluster."""
        if self._name not in self._run([kind, "get", "clusters"], "list clusters").split():
            return []
        return self._run([kind, "get", "nodes", "--name", self._name], "list nodes").split()

    def _running(self, docker: str) -> list[str]:
        label = f"label=io.x-k8s.kind.cluster={self._name}"
        return self._run([docker, "ps", "--filter", label, "--format", "{{.Names}}"], "list containers").split()

    def _run(self, command: Sequence[str], purpose: str, given: str = "") -> str:
        """Run a command and return its standard output; if it fails, all output goes into the log and the error."""
        try:
            done = subprocess.run(
                list(command), input=given, capture_output=True, text=True, timeout=_CHANGE_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise ClusterError(f"cluster `kind`: could not {purpose} within {_CHANGE_SECONDS} s") from None
        except OSError as error:
            raise ClusterError(f"cluster `kind`: could not {purpose}: {error}") from None
        if done.returncode != 0:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._log.write_text(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
            raise ClusterError(f"cluster `kind`: could not {purpose} (exit status {done.returncode})", self._log)
        return done.stdout
