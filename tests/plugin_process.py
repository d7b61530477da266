"""A provider plugin as the engine runs it: a process that is started, tells its port and is asked over gRPC."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format, struct_pb2
from google.protobuf.message import Message
from pulumi.runtime.proto import provider_pb2_grpc

NOBODY = "127.0.0.1:1"
"""An address without an engine."""


@dataclass(frozen=True)
class Plugin:
    """A plugin that runs."""

    process: subprocess.Popen[bytes]
    stub: provider_pb2_grpc.ResourceProviderStub

    def ask(self, method: str, request: Message) -> dict[str, Any]:
        """The whole answer, without what has its default; grpc.RpcError where it refuses."""
        answer = getattr(self.stub, method)(request, timeout=30)
        return json_format.MessageToDict(answer)


def struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Properties as they are on the wire."""
    message = struct_pb2.Struct()
    message.update(properties)
    return message


@contextlib.contextmanager
def running(executable: Path, cwd: Path | None = None) -> Iterator[Plugin]:
    """Start a plugin, and end it."""
    process = subprocess.Popen(
        [executable, NOBODY], cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout
        assert process.stderr
        port = process.stdout.readline()
        assert port, process.stderr.read().decode()
        with grpc.insecure_channel(f"127.0.0.1:{int(port)}", [("grpc.enable_http_proxy", 0)]) as channel:
            yield Plugin(process, provider_pb2_grpc.ResourceProviderStub(channel))
    finally:
        process.kill()
        process.communicate()
