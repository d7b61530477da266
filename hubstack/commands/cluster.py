"""`hubstack cluster up|status|down|delete`.

Errors are ClusterError; the main command line prints them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from hubstack import project, terminal
from hubstack.cluster import Cluster, ClusterError, ClusterStatus, SimSettings, make_cluster
from hubstack.cluster.state import Layout, SavedState
from hubstack.commands.help import App
from hubstack.terminal import Terminal

app = App(name="cluster", help="A local Kubernetes to try a stack on.")

_out = Terminal(soft_wrap=True)
_err = Terminal(stderr=True, soft_wrap=True)


class KindOption(StrEnum):
    """Values of ``--kind``."""

    SIM = "sim"
    NODE = "node"
    KIND = "kind"


Kind = Annotated[
    KindOption,
    typer.Option("--kind", envvar="CLUSTER", help="sim: simulated nodes; node: a real one; kind: Docker."),
]
_JSON = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def default_state_dir(kind: str) -> Path:
    """Where the cluster of this kind keeps its state."""
    return project.state_dir() / "cluster" / kind


def _cluster(kind: KindOption, settings: SimSettings | None = None) -> Cluster:
    return make_cluster(kind.value, default_state_dir(kind.value), settings)


def _labels(pairs: list[str]) -> dict[str, str]:
    labels = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ClusterError(f"--label {pair}: write it as KEY=VALUE, such as hub.jupyter.org/node-purpose=user")
        labels[key] = value
    return labels


def _settings(
    kind: KindOption, nodes: int | None, cpu: str | None, memory: str | None, labels: list[str] | None
) -> SimSettings | None:
    """What was asked for on top of what the cluster was made with; None if nothing was."""
    if nodes is None and cpu is None and memory is None and not labels:
        return None
    saved = SavedState.load(Layout(default_state_dir(kind.value)).state) if kind is KindOption.SIM else None
    base = saved.settings if saved else SimSettings()
    return SimSettings(
        base.nodes if nodes is None else nodes,
        cpu or base.cpu,
        memory or base.memory,
        _labels(labels) if labels else base.labels,
    )


def _tools(kind: KindOption) -> Mapping[str, Path]:
    """The programs of the pinned toolchain; kind brings its own."""
    from hubstack.commands.session import CLUSTER_TOOLS
    from hubstack.toolchain import ensure

    names = CLUSTER_TOOLS[kind.value]
    return ensure(names, progress=_err) if names else {}


def _timed_report() -> Callable[[str], None]:
    begin = time.monotonic()
    return lambda text: _err.print(f"[{time.monotonic() - begin:4.1f} s] {text}")


@app.command()
def up(
    kind: Kind = KindOption.SIM,
    nodes: Annotated[int | None, typer.Option(help="Number of nodes; 3 for a new cluster.")] = None,
    cpu: Annotated[str | None, typer.Option(help="CPUs of each node; 8 for a new cluster.")] = None,
    memory: Annotated[str | None, typer.Option(help="Memory of each node; 32Gi for a new cluster.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="KEY=VALUE on every node; repeat it for more.")] = None,
) -> None:
    """Make the cluster ready; what runs already is left alone."""
    cluster = _cluster(kind, _settings(kind, nodes, cpu, memory, label))
    cluster.up(_tools(kind), _timed_report())
    _out.print(f"kubeconfig: {cluster.kubeconfig}\ncontext: {cluster.context}")


@app.command()
def status(kind: Kind = KindOption.SIM, as_json: _JSON = False) -> None:
    """Show the cluster and each of its programs; exit status 3 unless it is ready."""
    found = _cluster(kind).status()
    if as_json:
        terminal.write_json(found.as_dict(), indent=2)
    else:
        _print(found)
    if found.state != "ready":
        raise typer.Exit(3)


@app.command()
def down(kind: Kind = KindOption.SIM) -> None:
    """Stop the cluster and keep its data."""
    _cluster(kind).down()


@app.command()
def delete(kind: Kind = KindOption.SIM) -> None:
    """Stop the cluster and remove its data."""
    _cluster(kind).delete()


def _print(found: ClusterStatus) -> None:
    _out.print(f"cluster {found.kind}: {found.state}, {found.nodes_ready} of {found.nodes} nodes ready")
    if found.server and found.state != "absent":
        _out.print(f"server: {found.server}\nkubeconfig: {found.kubeconfig}\ncontext: {found.context}")
    if found.components:
        logs = {part.log.parent for part in found.components if part.log}
        _out.print("\n".join(f"logs: {folder}" for folder in sorted(logs)))
        table = Table("component", "pid", "port", "health", "log")
        for part in found.components:
            health = Text("ok", style="green") if part.healthy else Text(part.detail, style="red")
            table.add_row(
                part.name, str(part.pid or "-"), str(part.port or "-"), health, part.log.name if part.log else "-"
            )
        _out.print(table)
