"""As much of an API server as a few questions need: it answers GETs from a map, and refuses everything else."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from hubstack.cluster import pki

CONTEXT = "small"


@contextlib.contextmanager
def serve(objects: Mapping[str, Mapping[str, Any]], folder: Path, keys: Path | None = None) -> Iterator[Path]:
    """A server on this machine, and the kubeconfig whose context `CONTEXT` leads to it.

    Arguments:
        objects: what a GET of each path gives; of any other path nothing is there.
        folder: where the kubeconfig goes.
        keys: those of an embedded cluster; the server then wants a client certificate, and the kubeconfig is that of
            the cluster's administrator.
    """

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            found = objects.get(self.path.partition("?")[0])
            missing = {"kind": "Status", "code": 404, "reason": "NotFound", "message": f"{self.path} not found"}
            data = json.dumps(missing if found is None else found).encode()
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            refusal = {"kind": "Status", "code": 405, "message": f"POST {self.path} is not allowed"}
            data = json.dumps(refusal).encode()
            self.send_response(405)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kubeconfig = folder / "kubeconfig"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "small", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "small", "user": {}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": "small", "user": "small"}}],
    }
    if keys is None:
        kubeconfig.write_text(yaml.safe_dump(document))
    else:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(keys / "ca.crt"))
        tls.verify_mode = ssl.CERT_REQUIRED
        tls.load_cert_chain(keys / "apiserver.crt", keys / "apiserver.key")
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        pki.write_kubeconfig(kubeconfig, f"https://127.0.0.1:{server.server_port}", keys, "admin")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield kubeconfig
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
