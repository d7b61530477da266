"""The process that the engine starts: prints its port, answers until the engine stops it or is gone."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from hubstack.stand_in.service import RandomProvider

_SECONDS = 1.0
"""How often it looks whether the engine is still there."""


def main() -> None:
    """Serve. What is on the command line, the engine's address among it, is for plugins that write to its log."""
    engine = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # there is nothing to clean up, and a traceback would be shown
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(RandomProvider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    while os.getppid() == engine:  # a killed engine stops nobody
        time.sleep(_SECONDS)
    server.stop(None)


if __name__ == "__main__":
    main()
