"""The node's one process outside: joins ports of 127.0.0.1 to addresses inside, and tidies up when the node has ended.

Runs as ``python -m hubstack.cluster.node.supervisor SPEC PID``. It also ends the node when its owner is gone, where it
has one: a test that is killed leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import functools
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from hubstack.cluster.node import host

_CLONE_NEWNET = 0x40000000
_CHUNK = 64 * 1024


def main() -> None:
    """Serve until the node has ended."""
    spec: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    node = int(sys.argv[2])
    # the other way round: ending this process leaves the node as it is
    sockets = [(_listener(port), target) for port, target in spec["forward"]]
    if spec["outside"]:
        # the machine's own programs in the namespace reach what this user reaches, but not the machine's loopback
        slirp = ["slirp4netns", "--configure", "--mtu=65520", "--disable-host-loopback", str(node), "tap0"]
        helper: subprocess.Popen[bytes] | None = subprocess.Popen(slirp)
    else:
        helper = None
    namespace = os.open(f"/proc/{node}/ns/net", os.O_RDONLY)
    # sockets keep the namespace in which they were opened: those above are outside, all later ones inside
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET):
        sys.exit(os.strerror(ctypes.get_errno()))
    os.close(namespace)
    asyncio.run(_serve(sockets, node, spec.get("owner")))
    if helper is not None:
        helper.terminate()
        helper.wait()
    host.restore(Path(spec["root"]), spec["cgroup"])


def _listener(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    listener.setblocking(False)
    return listener


async def _serve(sockets: list[tuple[socket.socket, str]], node: int, owner: int | None) -> None:
    for listener, target in sockets:
        await asyncio.start_server(functools.partial(_join, target), sock=listener)
    while os.path.exists(f"/proc/{node}/ns/net"):
        if owner and not os.path.exists(f"/proc/{owner}"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(node, signal.SIGKILL)
        await asyncio.sleep(0.5)


async def _join(target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    address, _, port = target.rpartition(":")
    try:
        inner_reader, inner_writer = await asyncio.open_connection(address, int(port))
    except OSError:
        writer.close()
        return
    await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()


if __name__ == "__main__":
    main()
