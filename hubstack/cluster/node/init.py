"""The node's first process: its mounts, its network, its services, and whoever loses their parent.

Runs as process 1 of namespaces of its own (``python -m hubstack.cluster.node.init SPEC``), so when it ends, everything
in them ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from hubstack.cluster.api import ApiClient, ApiError
from hubstack.cluster.node.network import NAME_SERVER, NODE, NODE_IP, POD_RANGE, SERVICE_RANGE

_PAUSE_SECONDS = 1.0
"""Before a service that has ended is started again."""


def main() -> None:
    """Set the namespaces up, then keep the services running for ever."""
    spec: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _mounts(Path(spec["root"]))
    _network()
    if spec["outside"]:
        _way_out()
    _Keeper(spec).run()


def _mounts(root: Path) -> None:
    """A /run of our own, and folders of the node where kubelet and CNI plugins have their fixed ones."""
    _do("mount", "--make-rshared", "/")
    _do("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    Path("/run/lock").mkdir()
    Path("/run/containerd").mkdir()
    Path("/run/resolv.conf").touch()
    Path("/run/hosts").write_text(f"127.0.0.1 localhost\n{NODE_IP} {NODE}\n")
    _do("mount", "--bind", "/run/resolv.conf", "/etc/resolv.conf")
    _do("mount", "--bind", "/run/hosts", "/etc/hosts")
    for name, target in (("kubelet", "lib/kubelet"), ("cni", "lib/cni"), ("pods", "log/pods"),
                         ("containers", "log/containers")):  # fmt: skip
        _do("mount", "--bind", str(root / "node" / name), f"/var/{target}")
    _do("mount", "--make-rshared", "/var/lib/kubelet")


def _network() -> None:
    ctypes.CDLL(None).sethostname(NODE.encode(), len(NODE))
    _do("ip", "link", "set", "lo", "up")
    # not every kernel has the device type `dummy`; one end of a pair does as well
    _do("ip", "link", "add", "node0", "type", "veth", "peer", "name", "node0p")
    for device in ("node0p", "node0"):
        _do("ip", "link", "set", device, "up")
    _do("ip", "addr", "add", f"{NODE_IP}/24", "dev", "node0")
    _do("ip", "route", "add", SERVICE_RANGE, "dev", "node0")
    for setting in ("net/ipv4/ip_forward", "net/bridge/bridge-nf-call-iptables"):
        path = Path("/proc/sys") / setting
        if path.exists():
            path.write_text("1")


def _way_out() -> None:
    """Let pods use the device that slirp4netns brings; it may come a little later."""
    Path("/run/resolv.conf").write_text(f"nameserver {NAME_SERVER}\n")
    _do("iptables", "-t", "nat", "-A", "POSTROUTING", "-s", POD_RANGE, "-o", "tap0", "-j", "MASQUERADE")


class _Keeper:
    """Starts the services in their order and starts again what ends."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self._spec = spec
        self._due = {service["name"]: 0.0 for service in spec["services"]}
        self._pids: dict[int, str] = {}
        pki = Path(spec["pki"])
        self._client = ApiClient(spec["server"], pki / "ca.crt", pki / "admin.crt", timeout=2)
        self._api_ready = False

    def run(self) -> None:
        while True:
            for service in self._spec["services"]:
                name = service["name"]
                running = name in self._pids.values()
                if running or time.monotonic() < self._due[name] or (service["needs_api"] and not self._answers()):
                    continue
                self._start(name, service["argv"])
            self._reap()
            self._report()
            time.sleep(0.1)

    def _answers(self) -> bool:
        if not self._api_ready:
            try:
                self._client.raw("GET", "/readyz")
                self._api_ready = True
            except (ApiError, OSError):
                return False
        return True

    def _start(self, name: str, argv: list[str]) -> None:
        with (Path(self._spec["logs"]) / f"{name}.log").open("ab") as log:
            done = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        self._pids[done.pid] = name

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if name := self._pids.pop(pid, ""):
                print(f"{name} ended with status {os.waitstatus_to_exitcode(status)}", flush=True)
                self._due[name] = time.monotonic() + _PAUSE_SECONDS

    def _report(self) -> None:
        """What runs, for `status`; the pids are those of these namespaces."""
        text = json.dumps(sorted(self._pids.values()))
        file = Path(self._spec["running"])
        if not file.exists() or file.read_text() != text:
            draft = file.with_suffix(".new")
            draft.write_text(text)
            draft.replace(file)


def _do(*command: str) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
