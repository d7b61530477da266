"""The state folder of an embedded cluster: where each file lies, what is remembered, and who may change it."""

from __future__ import annotations

import contextlib
import json
import random
import secrets
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from hubstack import file_lock
from hubstack.cluster.model import ClusterError, SimSettings
from hubstack.cluster.process import write_atomically

PORT_USERS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
"""Components that listen on a port of 127.0.0.1."""
_PORTS = range(20000, 30000)
"""Below the range from which systems take ports for outgoing connections: a stopped cluster keeps its ports."""


@dataclass(frozen=True)
class Layout:
    """The files below the state folder."""

    root: Path

    @property
    def state(self) -> Path:
        """What is remembered between two runs, as JSON."""
        return self.root / "state.json"

    @property
    def lock(self) -> Path:
        """Held while the cluster is being changed."""
        return self.root / "lock"

    @property
    def pki(self) -> Path:
        """Keys and certificates. The number rises with the set of them: then all are made anew and all starts again."""
        return self.root / "pki-1"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.root / "kubeconfig"

    @property
    def data(self) -> Path:
        """Data folder of etcd: everything that is in the cluster."""
        return self.root / "etcd"

    @property
    def kwok_config(self) -> Path:
        """Stage objects for kwok."""
        return self.root / "kwok.yaml"

    @property
    def heartbeat(self) -> Path:
        """Touched by the simulated cloud provider while all is well with it."""
        return self.root / "cloud.heartbeat"

    def component_kubeconfig(self, name: str) -> Path:
        """Kubeconfig of one component."""
        return self.root / "run" / f"{name}.kubeconfig"

    def pid_file(self, name: str) -> Path:
        """Record of the running process of one component."""
        return self.root / "run" / f"{name}.pid"

    def log(self, name: str) -> Path:
        """Output of one component, of all its runs."""
        return self.root / "log" / f"{name}.log"

    def make_folders(self) -> None:
        """Make the folders; nobody else may look into them, there are keys inside."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)
        for folder in ("run", "log", "etcd"):
            (self.root / folder).mkdir(mode=0o700, exist_ok=True)


@dataclass
class SavedState:
    """What has to stay the same from one run to the next."""

    cluster_id: str
    """Random; part of the mark that the cluster's processes carry."""
    ports: dict[str, int]
    settings: SimSettings
    prepared: str = ""
    """Digest of the settings for which the nodes and the other objects have been made; empty: not yet."""

    @classmethod
    def load(cls, path: Path) -> SavedState | None:
        """Read it; None if there is none.

        Raises:
            ClusterError: the file is damaged.
        """
        try:
            data = json.loads(path.read_text())
            return cls(**{**data, "settings": SimSettings(**data["settings"])})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ClusterError(
                f"{path}: not readable as the state of a cluster ({error}); remove its processes by hand, "
                "then the folder"
            ) from None

    @classmethod
    def fresh(cls, settings: SimSettings) -> SavedState:
        """State of a cluster that does not exist yet."""
        return cls(secrets.token_hex(16), {}, settings)

    def save(self, path: Path) -> None:
        """Write it."""
        data = asdict(self)
        data["settings"]["labels"] = dict(self.settings.labels)
        write_atomically(path, json.dumps(data, indent=2) + "\n")

    def mark(self, component: str) -> str:
        """The mark in the environment of the cluster's processes."""
        return f"{self.cluster_id}/{component}"


LOCK_SECONDS = 120.0
"""How long to wait for another process that changes the same cluster."""


def changing(layout: Layout, report: Callable[[str], object]) -> contextlib.AbstractContextManager[None]:
    """Be the only process that changes a cluster.

    Arguments:
        layout: the cluster's files.
        report: is called if another process changes it at the moment.

    Raises:
        HeldError: another process does for more than `LOCK_SECONDS`.
    """
    return file_lock.hold(layout.lock, "changing the same cluster", report, LOCK_SECONDS)


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        # as the servers do: a port with closing connections only is free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def choose_port(taken: set[int]) -> int:
    """A free port that is not in `taken`.

    Raises:
        ClusterError: there is none.
    """
    for port in random.sample(_PORTS, 200):
        if port not in taken and port_is_free(port):
            return port
    raise ClusterError(f"no free port on 127.0.0.1 between {_PORTS.start} and {_PORTS.stop - 1}")
