"""Stands in for the single-user servers, whose containers do not run; standard library only.

It listens on every address of the network, so it answers at each pod's own, as the server in that pod would: any path,
with the header by which the hub knows a JupyterHub server. It says at which address it was reached, so a test sees to
which pod a request went. Nothing of the hub's configuration has to be changed for it: KubeSpawner and the proxy use the
addresses that the cluster gave to the pods. Logging in at the server itself is not played.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Notebook(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Say who was asked for what."""
        body = json.dumps({"address": self.connection.getsockname()[0], "path": self.path}).encode()
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", sys.argv[1])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("0.0.0.0", 8888), Notebook).serve_forever()
