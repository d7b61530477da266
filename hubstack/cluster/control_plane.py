"""A control plane for questions: etcd and an API server without controllers or nodes, made for one run.

Each run has one of its own, so that two at a time do not disturb each other, and nothing of it stays.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from hubstack import file_lock
from hubstack.cluster import pki, process
from hubstack.cluster.components import Component, components, server_url, unhealthy_because
from hubstack.cluster.model import ClusterError, Progress, SimSettings, reporter
from hubstack.cluster.sim import SimCluster
from hubstack.cluster.state import PORT_USERS, Layout, SavedState, changing, choose_port

TOOLS = ("etcd", "kube-apiserver")
"""Programs that it needs, in the order in which they start."""
CONTEXT = pki.CONTEXT
"""The context of its kubeconfig."""
_POLL_SECONDS = 0.05


@contextlib.contextmanager
def running(
    folder: Path, tools: Mapping[str, Path], progress: Progress | None = None, timeout: float = 60.0
) -> Iterator[Path]:
    """A control plane that is ready, and gone afterwards; gives the administrator's kubeconfig.

    Arguments:
        folder: where those of all runs lie; what a killed run has left there is removed.
        tools: path of each program in `TOOLS`.
        progress: gets a line when it is ready.
        timeout: seconds after which it is given up.

    Raises:
        ClusterError: it does not become ready; shows the end of the log of what is to blame.
    """
    _remove_left_over(folder)
    layout = Layout(folder / secrets.token_hex(4))
    try:
        with changing(layout, reporter(None)):
            _start(layout, {name: Path(tools[name]).absolute() for name in TOOLS}, timeout)
            reporter(progress)("an API server without a cluster answers")
            yield layout.kubeconfig
    finally:
        SimCluster(layout.root).delete()


def _remove_left_over(folder: Path) -> None:
    for each in folder.glob("*"):
        with contextlib.suppress(file_lock.HeldError):
            with file_lock.hold(Layout(each).lock, "", reporter(None), patience=0):
                pass  # whoever made it is gone
            SimCluster(each).delete()


def _start(layout: Layout, tools: Mapping[str, Path], timeout: float) -> None:
    saved = SavedState.fresh(SimSettings())
    for name in PORT_USERS:
        saved.ports[name] = choose_port(set(saved.ports.values()))
    saved.save(layout.state)  # before anything runs: whoever comes after a kill has to know the mark
    layout.make_folders()
    pki.ensure_pki(layout.pki)
    pki.write_kubeconfig(layout.kubeconfig, server_url(saved.ports), layout.pki, "admin")
    parts = components(layout, saved.ports, tools)
    environment = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR", "LANG") if key in os.environ}
    records = {name: _started(layout, parts[name], saved.mark(name), environment) for name in TOOLS}
    deadline = time.monotonic() + timeout
    while what := unhealthy_because("kube-apiserver", layout, saved.ports):
        for name, record in records.items():
            if not process.alive(record):
                raise ClusterError(f"{name} ends when it is started", layout.log(name))
        if time.monotonic() > deadline:
            raise ClusterError(f"kube-apiserver: {what}, after {timeout:.0f} s", layout.log("kube-apiserver"))
        time.sleep(_POLL_SECONDS)


def _started(layout: Layout, part: Component, mark: str, environment: dict[str, str]) -> process.Record:
    digest = process.fingerprint(part.argv, part.inputs)
    return process.start(part.argv, layout.pid_file(part.name), layout.log(part.name), mark, digest, environment)
