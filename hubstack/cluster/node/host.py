"""What the node needs of the machine that it runs on, and how the machine gets back what was changed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from hubstack.cluster.model import ClusterError, PackageError
from hubstack.cluster.node.services import CNI_PLUGINS

_CGROUPS = Path("/sys/fs/cgroup")
NAMESPACES = ("--mount", "--pid", "--net", "--uts", "--ipc")
"""What the node has of its own, as options of unshare."""
_HIERARCHIES = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "systemd", "unified")
"""Version 1 has a tree for each, and one of version 2 beside them; the node gets a group in all of them."""
_SETTINGS = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
"""Kernel settings that the kubelet writes for the whole machine."""
_PROGRAMS = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "ip": "iproute2",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "runc": "runc",
    f"{CNI_PLUGINS}/bridge": "containernetworking-plugins",
}
"""Programs that come with the system, and the Debian packages that have them."""
_BUILD_PROGRAMS = {"mmdebstrap": "mmdebstrap", "npm": "npm"}
"""Needed only to build the stand-in images."""
_OUTSIDE_PROGRAMS = {"slirp4netns": "slirp4netns"}
"""Needed only where the node reaches the outside."""
_INSTEAD = "or use CLUSTER=sim, which needs neither root nor containers, or CLUSTER=kind where Docker is"


def check() -> None:
    """Whether a node can run here at all.

    Raises:
        ClusterError: not Linux, not root, or a root that may not do what root may, as in most containers.
    """
    if not sys.platform.startswith("linux"):
        raise ClusterError(f"cluster `node` runs a kubelet and needs Linux, this is {sys.platform}; {_INSTEAD}")
    if os.geteuid() != 0:
        raise ClusterError(
            f"cluster `node` runs containers and needs root, you are user {os.geteuid()}; run it as root, {_INSTEAD}"
        )
    if shutil.which("unshare"):
        done = subprocess.run(["unshare", *NAMESPACES, "--fork", "true"], capture_output=True, text=True, check=False)
        if done.returncode:
            reason = done.stderr.strip().partition("\n")[0]
            raise ClusterError(f"cluster `node` needs namespaces, which root may not make here ({reason}); {_INSTEAD}")
    if not os.access(_CGROUPS, os.W_OK):
        raise ClusterError(f"cluster `node` needs control groups, and {_CGROUPS} cannot be written to; {_INSTEAD}")


def install_programs(report: Callable[[str], object], *, build: bool, outside: bool) -> None:
    """Have the system's own programs; on Debian and its relatives, missing ones are installed.

    Arguments:
        report: called with what is installed.
        build: whether the programs for building images are needed, too.
        outside: whether those for the way to the outside are.

    Raises:
        ClusterError: some are missing, and this system has no apt-get.
        PackageError: they cannot be installed.
    """
    wanted = _PROGRAMS | (_BUILD_PROGRAMS if build else {}) | (_OUTSIDE_PROGRAMS if outside else {})
    missing = sorted({package for program, package in wanted.items() if shutil.which(program) is None})
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *missing]
    if shutil.which("apt-get") is None:
        raise ClusterError(f"cluster `node` needs programs of these Debian packages: {', '.join(missing)}; install "
                           f"what your system calls them, {_INSTEAD}")  # fmt: skip
    report(f"installing with apt-get: {', '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for attempt in (command, ["apt-get", "update", "--quiet"], command):
        done = subprocess.run(attempt, env=environment, capture_output=True, text=True, check=False)
        if attempt is command and done.returncode == 0:
            return
    words = done.stderr.strip().splitlines()[-3:]
    raise PackageError("\n  ".join([f"`{' '.join(command)}` failed:", *words]))


def prepare(root: Path, cgroup: str) -> None:
    """Note the machine's settings and make the node's control groups and mount points.

    Arguments:
        root: the node's state folder.
        cgroup: its control group, such as ``/hubstack-node-1a2b``.
    """
    noted = root / "kernel.json"
    if not noted.exists():  # after a kill, the first note is the true one
        found = {name: path.read_text().strip() for name in _SETTINGS if (path := Path("/proc/sys", name)).exists()}
        noted.write_text(json.dumps(found))
    for folder in ("kubelet", "cni", "pods", "containers"):
        (root / "node" / folder).mkdir(parents=True, exist_ok=True)
    for target in ("lib/kubelet", "lib/cni", "log/pods", "log/containers"):
        Path("/var", target).mkdir(parents=True, exist_ok=True)
    for group in _groups(cgroup):
        group.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):  # empty in a new group of version 1, which then takes no process
            if (group / name).exists() and not (group / name).read_text().strip():
                (group / name).write_text((group.parent / name).read_text())


def restore(root: Path, cgroup: str) -> None:
    """Give the machine back what `prepare` and the kubelet changed; harmless if there is nothing."""
    noted = root / "kernel.json"
    with contextlib.suppress(OSError, ValueError):
        for name, value in json.loads(noted.read_text()).items():
            Path("/proc/sys", name).write_text(value)
        noted.unlink()
    for group in _groups(cgroup):
        for _ in range(50):  # processes leave a group a little after they have ended
            folders = sorted((each for each in group.rglob("*") if each.is_dir()), reverse=True)
            for folder in [*folders, group]:
                with contextlib.suppress(OSError):
                    folder.rmdir()
            if not group.exists():
                break
            time.sleep(0.1)


def _groups(cgroup: str) -> list[Path]:
    name = cgroup.lstrip("/")
    if (_CGROUPS / "cgroup.controllers").exists():
        return [_CGROUPS / name]
    return [_CGROUPS / each / name for each in _HIERARCHIES if (_CGROUPS / each).is_dir()]
