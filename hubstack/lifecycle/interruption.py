"""What an interrupted update leaves behind, and how the next run clears it: the lock, pending operations, Helm's
record.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Mapping, MutableMapping
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from hubstack.cluster import process
from hubstack.engine import backend_files
from hubstack.errors import HubstackError
from hubstack.project.stacks import Stack

FORCE = {"PULUMI_K8S_ENABLE_PATCH_FORCE": "true"}
"""Let the provider write fields that somebody else has written since; without it that is an error, in a preview too."""

TAKE_OVER = {"PULUMI_K8S_UPSERT_EXISTING_OBJECTS": "true", **FORCE}
"""Let the provider take over objects that exist already; set only for what our own interrupted
update began, or what an adoption has described."""

RUNNER = "HUBSTACK_RUNNER"
"""Environment variable of an engine: pid and start time of the command that waits for it."""

ORPHAN_SECONDS = 120
"""How long an orphaned engine may take to finish the operations that it has under way."""

WRITING_SECONDS = 1
"""How long the engine may take to write a lock, which has some hundred bytes."""

RELEASE_TYPE = "kubernetes:helm.sh/v3:Release"


def runner() -> str:
    """Value of `RUNNER` for an engine that this process starts: a later run recognises an orphan by it."""
    return f"{os.getpid()} {process.start_time(os.getpid())}"


def settle_lock(backend: Path, stack: Stack, console: Console) -> None:
    """Remove the lock of an update that is no longer alive; end one whose command was killed and that goes on alone.

    A lock of another machine stays: the engine then refuses and says who holds it.

    Arguments:
        backend: folder of the local backend; any other backend keeps no lock files.
        stack: the stack.
        console: told when an orphan is being ended, which takes as long as the operations that it has under way.

    Raises:
        HubstackError: a living update, of somebody who still waits for it, holds the lock.
    """
    _remove_broken_locks(backend, stack, console)
    for lock in backend_files.locks(backend, stack.project, stack.name):
        with contextlib.suppress(OSError, ValueError, KeyError):
            holder = json.loads(lock.read_text())
            if holder["hostname"] != socket.gethostname():
                continue
            pid, since = holder["pid"], holder["timestamp"]
            if is_running(pid, since):
                if not _is_orphan(pid):
                    raise HubstackError(
                        f"stack {stack.name}: an update is under way already (process {pid}, since {since[:19]} UTC); "
                        "wait for it to end, or stop it with Ctrl-C where it runs. Nothing was changed."
                    )
                console.print(f"an update of stack {stack.name} lost its command; ending it (process {pid})")
                os.kill(pid, signal.SIGINT)
                deadline = time.monotonic() + ORPHAN_SECONDS
                while is_running(pid, since) and time.monotonic() < deadline:
                    time.sleep(0.2)
            if not is_running(pid, since):
                lock.unlink(missing_ok=True)


def _remove_broken_locks(backend: Path, stack: Stack, console: Console) -> None:
    """Remove locks that a full disk has left unwritten: the engine reads them all, and gives up at such a one."""
    for lock in backend_files.locks(backend, stack.project, stack.name, ending=""):
        for attempt in range(WRITING_SECONDS * 10 + 1):
            with contextlib.suppress(OSError, ValueError):
                json.loads(lock.read_text())
                break
            if attempt == WRITING_SECONDS * 10 and lock.is_file():
                with contextlib.suppress(OSError):
                    lock.unlink()
                    console.print(f"removed an unwritten lock of stack {stack.name}, {lock.name}")
            elif not lock.is_file():
                break
            else:
                time.sleep(0.1)


def _is_orphan(pid: int) -> bool:
    """Whether this process is an engine of ours whose command is gone."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return False
    marks = [entry.partition("=")[2] for entry in environment if entry.startswith(f"{RUNNER}=")]
    if not marks:
        return False
    runner, _, started = marks[0].partition(" ")
    return process.start_time(int(runner)) != started


def is_running(pid: int, since: str) -> bool:
    """Tell whether the process that took a lock still runs: same id, and not started after the lock was taken.

    Arguments:
        pid: process id on this machine.
        since: when the lock was taken, RFC 3339.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        uptime = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return True
    if fields[0] in "ZX":  # ended, and nobody has asked how
        return False
    started = time.time() - uptime + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    taken = datetime.fromisoformat(since[:19] + "+00:00").timestamp()
    return started <= taken + 2


def resolve_pending(deployment: MutableMapping[str, Any], stack: Stack) -> int:
    """Rewrite the operations that were under way so that a refresh settles them.

    An object whose creation was under way may exist by now. It gets its id, so that the refresh takes it into the state
    if it is there; forgotten, it would stay behind when the stack is destroyed. A Helm release is taken over by Helm
    itself, through the annotations of its objects, once the record of the unfinished operation is gone; no object
    of the release is touched. What was being updated or deleted is in the state already.

    Arguments:
        deployment: the exported state; changed in place.
        stack: the stack, whose context names the cluster.

    Returns:
        How many operations were under way, or were so at an earlier recovery that was interrupted itself.
    """
    half_known = unrefreshed(deployment)
    pending = deployment.get("pending_operations") or []
    for operation in pending:
        resource = operation["resource"]
        if resource["type"] == RELEASE_TYPE:
            _retire_record(stack, resource.get("inputs") or {}, created=operation["type"] == "creating")
        elif operation["type"] == "creating" and (identity := _identity(resource)):
            deployment["resources"].append({**resource, "id": identity})
    deployment["pending_operations"] = []
    return len(pending) + half_known


def unrefreshed(deployment: Mapping[str, Any]) -> int:
    """Number of objects that `resolve_pending` put into the state and that no refresh has looked at yet.

    The provider cannot work with them: a recovery that was killed before its refresh must be done again.
    """
    return sum(
        str(resource.get("type")).startswith("kubernetes:") and bool(resource.get("id")) and not resource.get("outputs")
        for resource in deployment.get("resources") or []
    )


def _identity(resource: Mapping[str, Any]) -> str | None:
    """The provider's id of a Kubernetes object: its name, after its namespace if it has one."""
    metadata = (resource.get("inputs") or {}).get("metadata")
    if not str(resource["type"]).startswith("kubernetes:") or not isinstance(metadata, Mapping):
        return None
    return "/".join(metadata[key] for key in ("namespace", "name") if isinstance(metadata.get(key), str)) or None


def _retire_record(stack: Stack, inputs: Mapping[str, Any], *, created: bool) -> None:
    """Delete Helm's record of an unfinished operation.

    After an unfinished creation the engine does not know the release at all, so that every record of it is in the way;
    after an unfinished update only those that Helm holds for "in progress".
    """
    import kubernetes

    name, namespace = inputs.get("name"), inputs.get("namespace")
    if not isinstance(name, str) or not isinstance(namespace, str):
        return
    client = kubernetes.config.new_client_from_config(stack.kubeconfig, stack.context)
    secrets = kubernetes.client.CoreV1Api(client)
    selector = f"owner=helm,name={name}"
    if not created:
        selector += ",status in (pending-install,pending-upgrade,pending-rollback)"
    for record in secrets.list_namespaced_secret(namespace, label_selector=selector).items:
        secrets.delete_namespaced_secret(record.metadata.name, namespace)
