"""An API server that is slow or answers 429 or 503 for a while: a proxy in front of a real one."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hubstack.cluster.api import ApiClient


class BusyProxy:
    """Forwards everything; what `status` and `delay` say comes first."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        """Listen on a free port.

        Arguments:
            kubeconfig: of the real cluster, with a client certificate, which the proxy presents.
            folder: where the proxy's own certificate and `kubeconfig` go.
        """
        self.status: int | None = None
        self.delay = 0.0
        self.refused = 0
        self._asked = threading.Event()
        document = yaml.safe_load(kubeconfig.read_text())
        upstream = urlsplit(document["clusters"][0]["cluster"]["server"])
        folder.mkdir()
        authority, key = _certificate(folder)
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), _handler(self, str(upstream.hostname), upstream.port or 443)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        server = f"https://127.0.0.1:{self._server.server_port}"
        document["clusters"][0]["cluster"] = {"server": server, "certificate-authority": str(authority)}
        document["users"][0]["user"] = {"token": ""}
        self._document, self._file = document, folder / "kubeconfig"

    @property
    def kubeconfig(self) -> Path:
        """The way to the cluster through the proxy."""
        return self._file

    def authenticate(self, client: ApiClient) -> None:
        """Make an administrator whose token passes through the proxy, and write the kubeconfig."""
        account = "/api/v1/namespaces/default/serviceaccounts"
        client.request("POST", account, {"metadata": {"name": "fleet"}})
        subject = {"kind": "ServiceAccount", "name": "fleet", "namespace": "default"}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
        binding = {"metadata": {"name": "fleet"}, "roleRef": role, "subjects": [subject]}
        client.request("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
        token = client.request("POST", f"{account}/fleet/token", {"spec": {"expirationSeconds": 86400}})
        self._document["users"][0]["user"] = {"token": token["status"]["token"]}
        self._file.write_text(yaml.safe_dump(self._document))

    def wait_for_request(self, seconds: float = 120) -> None:
        """Return as soon as something is asked; at the latest after this time."""
        self._asked.clear()
        self._asked.wait(seconds)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def _handler(proxy: BusyProxy, host: str, port: int) -> type[BaseHTTPRequestHandler]:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            proxy._asked.set()
            time.sleep(proxy.delay)
            if proxy.status:
                proxy.refused += 1
                self.send_response(proxy.status)
                self.send_header("Retry-After", "1")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            connection = http.client.HTTPSConnection(host, port, timeout=600, context=context)
            try:
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                connection.request(self.command, self.path, body or None, headers)
                self.answer(connection.getresponse())
            except (OSError, http.client.HTTPException):
                self.close_connection = True
            finally:
                connection.close()

        def answer(self, answer: http.client.HTTPResponse) -> None:
            self.send_response(answer.status)
            length = answer.headers.get("Content-Length")
            for name, value in answer.headers.items():
                if name.lower() not in ("transfer-encoding", "connection", "date", "server"):
                    self.send_header(name, value)
            if length is None:
                self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while chunk := answer.read1(65536):  # a watch delivers while it goes on
                self.wfile.write(chunk if length is not None else b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.wfile.flush()
            if length is None:
                self.wfile.write(b"0\r\n\r\n")

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward

    return Handler


def _certificate(folder: Path) -> tuple[Path, Path]:
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "proxy")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, private = folder / "cert.pem", folder / "key.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    encoding, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    private.write_bytes(key.private_bytes(encoding, plain, serialization.NoEncryption()))
    return file, private
