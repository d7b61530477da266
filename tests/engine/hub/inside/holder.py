"""First process of the network that the containers share; standard library only.

It reads one JSON command a line and answers each with one line. When its input ends, it ends, and with it, because it
is the first process of its PID namespace, everything in there: nothing outlives a test run, not even a killed one.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SIOCSIFADDR, SIOCSIFNETMASK, SIOCSIFFLAGS = 0x8916, 0x891C, 0x8914
IFF_UP = 1


def raise_loopback() -> None:
    """Make 127.0.0.0/8 and the cluster's 10.0.0.0/8, pods and Services alike, addresses of this machine.

    A program that listens on every address then answers at the address of any pod or Service, so that nobody needs to
    be told other addresses than the cluster's own.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
        for request, address in ((SIOCSIFADDR, "10.0.0.1"), (SIOCSIFNETMASK, "255.0.0.0")):
            body = struct.pack("16sH2x4s8x", b"lo:cluster", socket.AF_INET, socket.inet_aton(address))
            fcntl.ioctl(control, request, body)


def start(command: dict[str, Any]) -> subprocess.Popen[bytes]:
    """A container: a mount and a PID namespace of its own, so that its end is the end of all its processes."""
    unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    launch = [sys.executable, str(Path(__file__).with_name("launch.py")), json.dumps(command)]
    with Path(command["log"]).open("ab") as log:
        return subprocess.Popen([*unshare, *launch], stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def stop(process: subprocess.Popen[bytes], patience: float) -> int:
    """End a container as a kubelet does: SIGTERM, time to end by itself, SIGKILL."""
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGTERM)
    except (OSError, ValueError):
        pass
    try:
        return process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def main() -> None:
    """Serve commands until the input ends."""
    raise_loopback()
    running: dict[str, subprocess.Popen[bytes]] = {}
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        name = command["name"]
        if command["do"] == "start":
            running[name] = start(command)
            answer = {"started": name}
        elif command["do"] == "stop":
            began = time.monotonic()
            code = stop(running.pop(name), command["patience"])
            answer = {"stopped": name, "code": code, "seconds": time.monotonic() - began}
        else:
            answer = {"code": running[name].poll()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
