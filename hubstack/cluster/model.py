"""What every kind of local cluster shares: its settings, its status and its one error."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

Kind = Literal["sim", "node", "kind"]
"""Kinds of local cluster that this package can make."""

State = Literal["absent", "stopped", "degraded", "ready"]
"""``absent``: no state on disk; ``stopped``: state, nothing runs; ``degraded``: runs, but not all of it is healthy."""


class Printer(Protocol):
    """Something that prints a line, such as a rich Console."""

    def print(self, text: str, /) -> object:
        """Print it."""


Progress = Callable[[str], object] | Printer
"""Gets a line about each step that is complete."""

_QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")
_LABEL_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_LABEL_PREFIX = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_MAX_NODES = 1000
"""A simulated node costs little, but not nothing: beyond this it is a typing mistake."""
_TAIL_LINES = 12
_TAIL_WIDTH = 300


class ClusterError(Exception):
    """A cluster could not be brought to the wanted state; the text says why and where to look.

    Arguments:
        message: what went wrong and what to do about it, lower case.
        log: the log file that explains it; its path and its last lines become part of the text.
    """

    def __init__(self, message: str, log: Path | None = None) -> None:
        self.message = message
        self.log = log
        super().__init__(message if log is None else f"{message}\n{log_tail(log)}")


class PackageError(ClusterError):
    """Packages of the system, of Python or of npm could not be had."""


def reporter(progress: Progress | None) -> Callable[[str], object]:
    """A function that reports progress, whatever is to get it; one that does nothing where there is nothing."""
    if progress is None:
        return lambda _: None
    return progress if callable(progress) else progress.print


def log_tail(log: Path, lines: int = _TAIL_LINES) -> str:
    """The path of a log file and its last lines, ready to be shown to a person."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 64 * 1024))
            text = file.read().decode(errors="replace")
    except OSError as error:
        return f"log: {log} ({error.strerror or error})"
    tail = [f"  {line[:_TAIL_WIDTH]}" for line in text.splitlines()[-lines:]]
    return "\n".join([f"log: {log}", *(tail or ["  (empty)"])])


@dataclass(frozen=True)
class SimSettings:
    """The simulated machines of a cluster."""

    nodes: int = 3
    """Number of nodes."""
    cpu: str = "8"
    """CPUs of each node, a Kubernetes quantity."""
    memory: str = "32Gi"
    """Memory of each node, a Kubernetes quantity."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels that every node gets beside the well-known ones."""

    def __post_init__(self) -> None:
        if not 1 <= self.nodes <= _MAX_NODES:
            raise ClusterError(f"nodes: {self.nodes} is not possible; give a number from 1 to {_MAX_NODES}")
        for name, value in (("cpu", self.cpu), ("memory", self.memory)):
            if not _QUANTITY.fullmatch(value):
                raise ClusterError(f"{name}: {value!r} is no Kubernetes quantity; write it like '8', '500m' or '32Gi'")
        for key, value in self.labels.items():
            prefix, _, name = key.rpartition("/")
            good_key = _LABEL_NAME.fullmatch(name) and ("/" not in key or _LABEL_PREFIX.fullmatch(prefix))
            if not good_key or (value and not _LABEL_NAME.fullmatch(value)):
                raise ClusterError(
                    f"label: {key}={value} is no Kubernetes label; letters, digits, '-', '_' and '.' are allowed, "
                    "the name may have a DNS prefix: hub.jupyter.org/node-purpose=user"
                )


@dataclass(frozen=True)
class ComponentStatus:
    """One program of a cluster."""

    name: str
    pid: int | None
    """None if it is not running."""
    port: int | None
    """Port on 127.0.0.1, if it listens on one."""
    healthy: bool
    detail: str
    """Why it is not healthy; empty if it is."""
    log: Path | None


@dataclass(frozen=True)
class ClusterStatus:
    """A whole cluster, as data."""

    kind: Kind
    state: State
    context: str
    kubeconfig: Path
    server: str | None
    """URL of the API server, if it is known."""
    nodes_ready: int
    nodes: int
    components: tuple[ComponentStatus, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The same with nothing but JSON types."""
        data = asdict(self)
        data["kubeconfig"] = str(self.kubeconfig)
        data["components"] = [
            {**asdict(each), "log": None if each.log is None else str(each.log)} for each in self.components
        ]
        return data


class Cluster(Protocol):
    """What one can do with a local cluster, whatever it is made of."""

    @property
    def kubeconfig(self) -> Path:
        """File with the one context of this cluster, CA and client certificate inside."""

    @property
    def context(self) -> str:
        """Name of that context."""

    def up(self, tools: Mapping[str, Path], progress: Progress | None = None) -> None:
        """Make it ready; nothing is done if it is. Raises ClusterError."""

    def down(self) -> None:
        """Stop it and keep its data. Raises ClusterError."""

    def delete(self) -> None:
        """Stop it and remove everything that it has on disk. Raises ClusterError."""

    def exists(self) -> bool:
        """Whether it has been made and not been deleted, running or not."""

    def status(self) -> ClusterStatus:
        """How it is now; changes nothing."""

    def url(self, address: str, scheme: str = "http") -> str | None:
        """Where the address of a load balancer is reached from this machine; None: there, or nowhere."""
