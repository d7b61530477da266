"""One run of `up` or `down`: tools, cluster, engine, in this order."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.text import Text

from hubstack import project, toolchain
from hubstack.cluster import Cluster, embedded_kubeconfig, make_cluster
from hubstack.cluster.model import Kind
from hubstack.commands import policy
from hubstack.engine.environment import engine_environment, engine_tools
from hubstack.errors import HubstackError
from hubstack.lifecycle import destroy, prerequisites
from hubstack.lifecycle.updates import Updater
from hubstack.project import stacks
from hubstack.project.stacks import Stack
from hubstack.terminal import Terminal

CLUSTER_TOOLS: dict[Kind, tuple[str, ...]] = {
    "sim": ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"),
    "node": (
        "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "coredns",
        "containerd", "containerd-shim-runc-v2", "ctr", "kube-scheduler-1.30",
    ),
    "kind": (),
}  # fmt: skip
"""Programs of the toolchain that each kind of embedded cluster runs; kind brings its own."""
OTHER_TOOLS = ("helm",)
EMBEDDED: tuple[Kind, ...] = ("sim", "node", "kind")


@dataclass(frozen=True)
class Session:
    """A stack that is ready for the engine."""

    stack: Stack
    updater: Updater
    cluster: Cluster | None = None
    """The embedded cluster, where the stack is on one."""

    def reachable(self, url: str | None) -> str | None:
        """Where a person on this machine reaches the stack's URL."""
        if url is None or self.cluster is None:
            return url
        parts = urlsplit(url)
        return self.cluster.url(parts.hostname or "", parts.scheme) or url


def open_session(
    base: str, mode: str | None, values: tuple[Path, ...], context: str | None, cluster: str, console: Console
) -> Session:
    """Make everything ready that an update needs.

    The embedded cluster is started only where the stack's context is its own, and not of a kubeconfig that it names.

    Raises:
        HubstackError, ToolchainError, ClusterError: what is missing and how to install it; or a policy blocks, and
            nothing has been started.
        SettingsError: the policies, or what they are asked about, cannot be used.
    """
    if cluster not in EMBEDDED:
        raise HubstackError(f"cluster {cluster!r}: unknown; allowed: {', '.join(EMBEDDED)}")
    stack = stacks.select(base, mode=mode, values=values, context=context)
    for warning in policy.judged(stack):
        console.print(Text.assemble(("policy:", "yellow"), f" {warning}"), soft_wrap=True)
    kind: Kind = EMBEDDED[EMBEDDED.index(cluster)]
    on_embedded = context is None and stack.is_embedded
    embedded = on_embedded and stack.kubeconfig is None
    try:
        found = engine_tools(console, embedded=on_embedded, others=CLUSTER_TOOLS[kind] if embedded else ())
    except HubstackError as error:
        raise HubstackError(f"{error}\n`hubstack manifests` renders the same objects without any of these.") from None
    anew, machine = False, None
    if embedded:
        machine = make_cluster(kind, project.private_folder(project.state_dir() / "cluster") / kind)
        anew = not machine.exists()
        machine.up(found, console)
        stack = stacks.select(base, mode=mode, values=values, context=machine.context, kubeconfig=machine.kubeconfig)
        prerequisites.make_missing(stack, console)
    earlier = stack.folder.is_dir()
    updater = Updater(stack, engine_environment(found), console)
    if anew and earlier:
        console.print("the embedded cluster is a new one: looking what of the stack is left")
        updater.refresh()
    return Session(stack, updater, machine)


def engine_on(base: str, console: Console) -> Session:
    """The engine on a stack, which it makes in the backend where that does not have it; starts no cluster.

    Raises:
        HubstackError: there is no such stack file, or the engine's programs cannot be had.
    """
    stack = located(base)
    return Session(stack, Updater(stack, _environment(stack, console), console))


def previewer(console: Console) -> Callable[[str], Updater]:
    """A function that gives the engine on a stack that is deployed already, for previews; it creates no stack.

    It raises HubstackError where the engine's programs cannot be had.
    """
    quiet = Terminal(quiet=True)

    def updater(name: str) -> Updater:
        stack = stacks.select(name)
        return Updater(stack, _environment(stack, console), quiet, create=False)

    return updater


def open_deployed(base: str, console: Console) -> Session:
    """The engine on a stack that is deployed already, to end it; creates and starts nothing.

    Raises:
        HubstackError: there is no such stack, or the engine's programs cannot be had.
    """
    stack = located(base)
    return Session(stack, Updater(stack, _environment(stack, console), console, create=False))


def located(base: str) -> Stack:
    """A stack with its kubeconfig, also where that is the embedded cluster's."""
    stack = stacks.select(base)
    if stack.kubeconfig is None and stack.is_embedded:
        return stacks.select(base, kubeconfig=embedded_kubeconfig())
    return stack


def _environment(stack: Stack, console: Console) -> Mapping[str, str]:
    return engine_environment(engine_tools(console, embedded=stack.is_embedded))


def close_all(console: Console, *, keep_cluster: bool) -> None:
    """Destroy the stacks on the embedded cluster, then stop it."""
    running = {kind: make_cluster(kind, project.state_dir() / "cluster" / kind) for kind in EMBEDDED}
    contexts = {machine.context: kind for kind, machine in running.items()}
    names = [name for name in stacks.deployed() if stacks.recorded(name).context in contexts]
    if names:
        for name in names:
            stack = stacks.recorded(name)
            kind = contexts[stack.context]
            found = engine_tools(console, embedded=True, others=CLUSTER_TOOLS[kind])
            running[kind].up(found, console)
            console.print(f"destroying stack {name}")
            updater = Updater(stack, engine_environment(found), console)
            updater.edit_state(destroy.unprotected)  # data of an embedded cluster goes with it
            updater.destroy()
            stacks.forget(stack)
    if not keep_cluster:
        for kind, machine in running.items():
            if machine.exists():
                console.print(f"stopping the embedded cluster ({kind})")
                machine.down()
    console.print("down" if not keep_cluster else "destroyed")


def all_tools(console: Console) -> toolchain.Tools:
    """Every external program that `up` on the simulated cluster and mode helm need; every download is tried anew.

    Raises:
        HubstackError: some cannot be had; names all of them, and how to install them.
    """
    toolchain.forget_failures()
    return engine_tools(console, embedded=True, others=CLUSTER_TOOLS["sim"] + OTHER_TOOLS)


def next_steps(run: Session) -> list[str]:
    """What to try after an update."""
    kubeconfig = run.stack.kubeconfig
    options = f"--kubeconfig {shlex.quote(kubeconfig)} " if kubeconfig else ""
    again, trial, node, end = (
        ("make up", "make up VALUES=path/to/your/config.yaml", "make up CLUSTER=node", "make down")
        if project.is_checkout()
        else ("hubstack up", "hubstack up --values path/to/config.yaml", "hubstack up --cluster node", "hubstack down")
    )
    lines = [
        "Try next:",
        f"  kubectl {options}--context {shlex.quote(run.stack.context)} -n {run.stack.namespace} get pods",
        f"  {trial:<42}  your own z2jh settings, in a stack of their own",
        f"  {again:<42}  again: no changes",
        f"  {end:<42}  destroy everything and stop the cluster",
    ]
    if run.stack.context == "hubstack-sim":
        lines.append("Pods of this cluster are simulated: every object is real, but nothing answers at the URL.")
        lines.append(f"On Linux, as root, `{node}` makes a hub that you can log in to.")
    return lines
