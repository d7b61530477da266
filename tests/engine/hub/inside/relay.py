"""Passes connections on, between namespaces or within one; standard library only.

Arguments: where to listen and where to connect to, each ``unix:PATH`` or ``tcp:HOST:PORT``. A unix socket is the one
kind of address that reaches from one network namespace into another.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio import StreamReader, StreamWriter


async def connect(target: str) -> tuple[StreamReader, StreamWriter]:
    """A connection to the target."""
    kind, address = target.split(":", 1)
    if kind == "unix":
        return await asyncio.open_unix_connection(address)
    host, port = address.rsplit(":", 1)
    return await asyncio.open_connection(host, int(port))


async def pump(reader: StreamReader, writer: StreamWriter) -> None:
    """Pass on what one side says until it has no more to say."""
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def serve(listen: str, target: str) -> None:
    """Relay until cancelled."""

    async def handle(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            far_reader, far_writer = await connect(target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        writer.close()
        far_writer.close()

    kind, address = listen.split(":", 1)
    if kind == "unix":
        server = await asyncio.start_unix_server(handle, address)
    else:
        host, port = address.rsplit(":", 1)
        server = await asyncio.start_server(handle, host, int(port))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
