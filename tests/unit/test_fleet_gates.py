"""Gates against a small hub and a TLS server on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import TypeAdapter

from hubstack.credentials import CredentialsError
from hubstack.fleet import gates, probe
from hubstack.fleet.gate_settings import AnyGate
from hubstack.fleet.gates import cluster, notebook
from hubstack.fleet.gates.diagnosis import scrub
from hubstack.fleet.gates.target import Shut
from hubstack.project.stacks import Stack
from tests.unit.web_servers import THERE, answers, drips, ok
from tests.unit.web_servers import serve as serve_raw

TOKEN = "token-of-the-check"
STACK = Stack(name="a", base="a", config={}, document={})


class FakeHub(BaseHTTPRequestHandler):
    """As much of a hub and of a single-user server as the gates speak with; the class holds what it is to do."""

    protocol_version = "HTTP/1.1"
    health: ClassVar[list[int]] = [200]
    header = True
    starts_after = 2
    result = "42\n"
    error: dict[str, str] | None = None
    calls: ClassVar[list[str]] = []
    polls = 0
    server_is: str | None = None

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def reply(self, status: int, body: Any = None) -> None:
        data = json.dumps(body).encode() if body is not None else b""
        self.send_response(status)
        if type(self).header:
            self.send_header("X-JupyterHub-Version", "5.3.0")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_any(self) -> None:
        hub = type(self)
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        hub.calls.append(f"{self.command} {self.path}")
        if self.path == "/hub/health":
            return self.reply(hub.health.pop(0) if len(hub.health) > 1 else hub.health[0])
        if self.path == "/hub/login":
            return self.reply(200)
        if self.headers.get("Authorization") != f"token {TOKEN}":
            return self.reply(403)
        if self.path == "/hub/api/users/check" and self.command == "POST":
            return self.reply(409)
        if self.path == "/hub/api/users/check":
            return self.reply(200, {"name": "check", "servers": self.servers()})
        if self.path == "/hub/api/users/check/server":
            hub.server_is = "starting" if self.command == "POST" else None
            hub.polls = 0
            return self.reply(202 if self.command == "POST" else 204)
        if self.path == "/user/check/api/kernels" and hub.server_is == "ready":
            return self.reply(201, {"id": "k1"})
        if self.path == "/user/check/api/kernels/k1" and self.command == "DELETE":
            return self.reply(204)
        if self.path == "/user/check/api/kernels/k1/channels":
            return self.websocket()
        return self.reply(404)

    do_GET = do_POST = do_DELETE = handle_any

    def servers(self) -> dict[str, Any]:
        hub = type(self)
        if hub.server_is is None:
            return {}
        hub.polls += 1
        if hub.polls >= hub.starts_after:
            hub.server_is = "ready"
        return {"": {"ready": hub.server_is == "ready", "pending": None if hub.server_is == "ready" else "spawn"}}

    def websocket(self) -> None:
        key = self.headers["Sec-WebSocket-Key"].encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key).digest()).decode())
        self.end_headers()
        head = self.rfile.read(2)
        size = head[1] & 0x7F
        if size == 126:
            (size,) = struct.unpack(">H", self.rfile.read(2))
        mask = self.rfile.read(4)
        text = bytes(byte ^ mask[place % 4] for place, byte in enumerate(self.rfile.read(size)))
        parent = {"msg_id": json.loads(text)["header"]["msg_id"]}
        answers: list[dict[str, Any]] = [
            {"parent_header": {"msg_id": "another"}, "msg_type": "stream", "content": {"text": "noise"}},
            {"parent_header": parent, "msg_type": "status", "content": {"execution_state": "busy"}},
        ]
        if type(self).error:
            answers.append({"parent_header": parent, "msg_type": "error", "content": type(self).error})
        answers += [
            {"parent_header": parent, "msg_type": "stream", "content": {"text": type(self).result}},
            {"parent_header": parent, "msg_type": "status", "content": {"execution_state": "idle"}},
        ]
        self.wfile.write(bytes([0x89, 0]))  # a ping, which must be answered on the way
        for answer in answers:
            data = json.dumps(answer).encode()
            half = len(data) // 2
            for code, part in ((0x01, data[:half]), (0x80, data[half:])):  # each message in two frames
                self.wfile.write(bytes([code, 126]) + struct.pack(">H", len(part)) + part)
        self.close_connection = True


def serve(handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None = None) -> HTTPServer:
    """A server on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FakeHub]]:
    """A hub that behaves."""
    monkeypatch.setattr(notebook, "POLL_SECONDS", 0.01)
    monkeypatch.setenv("CHECK_TOKEN", TOKEN)

    class Hub(FakeHub):
        calls: ClassVar[list[str]] = []
        health: ClassVar[list[int]] = [200]

    server = serve(Hub)
    Hub.url = f"http://127.0.0.1:{server.server_port}/"  # type: ignore[attr-defined]
    yield Hub
    server.shutdown()


def ask(hub: Any, **settings: Any) -> gates.Result:
    """What a gate says of a hub."""
    gate = TypeAdapter(AnyGate).validate_python({"timeout": "3s", "pause": "0s", **settings})
    return gates.check(gate, gates.Target(STACK, hub if isinstance(hub, str) else hub.url), lambda _: None)


def test_hub_health(hub: Any) -> None:
    """A healthy hub passes; one that is healthy only later passes as flaky; one that never is does not pass."""
    assert ask(hub, type="hub-health") == gates.Result(True, 1, f"{hub.url}hub/health answers 200")
    hub.health = [503, 503, 200]
    late = ask(hub, type="hub-health")
    assert (late.passed, late.attempts, late.flaky) == (True, 3, True)
    assert late.reason.endswith("answers 503, not 200")
    hub.health = [500]
    never = ask(hub, type="hub-health", attempts=2)
    assert (never.passed, never.attempts, never.flaky) == (False, 2, False)


def test_nobody_answers() -> None:
    """A closed port and a missing URL are reasons, not tracebacks."""
    assert "no answer" in ask("http://127.0.0.1:1/", type="hub-health", attempts=1).reason
    gate = TypeAdapter(AnyGate).validate_python({"type": "hub-health", "attempts": 1})
    assert gates.check(gate, gates.Target(STACK, None)).reason.startswith("the stack has no output url")


def test_proxy_route(hub: Any) -> None:
    """A page without the hub's header is the proxy's own, and does not pass."""
    assert ask(hub, type="proxy-route").reason == f"{hub.url}hub/login is answered by hub 5.3.0"
    hub.header = False
    assert "no hub is behind it" in ask(hub, type="proxy-route", attempts=1).reason


def test_notebook(hub: Any) -> None:
    """A server starts, computes and stops; user and kernel are cleaned up after."""
    result = ask(hub, type="notebook", user="check", tokenEnv="CHECK_TOKEN", attempts=1)
    assert result.passed, result.reason
    assert [call for call in hub.calls if "GET" not in call] == [
        "POST /hub/api/users/check",
        "POST /hub/api/users/check/server",
        "POST /user/check/api/kernels",
        "DELETE /user/check/api/kernels/k1",
        "DELETE /hub/api/users/check/server",
    ]
    assert hub.server_is is None


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ({"result": "41"}, "computed '41', which lacks '42'"),
        ({"error": {"ename": "NameError", "evalue": "x"}}, "the computation failed: NameError: x"),
        ({"starts_after": 10**9}, "the time is up"),
    ],
)
def test_notebook_that_fails(hub: Any, behaviour: dict[str, Any], reason: str) -> None:
    """Each way to fail is said, and the server is stopped whatever happened."""
    for key, value in behaviour.items():
        setattr(hub, key, value)
    result = ask(hub, type="notebook", user="check", tokenEnv="CHECK_TOKEN", attempts=1, timeout="2s")
    assert not result.passed
    assert reason in result.reason
    assert hub.calls[-1].startswith(("GET", "DELETE"))
    assert hub.server_is is None


def test_notebook_without_rights(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that may not is told so, and is in no message."""
    monkeypatch.setenv("CHECK_TOKEN", "other-token")
    result = ask(hub, type="notebook", user="check", tokenEnv="CHECK_TOKEN", attempts=1)
    assert result.reason == "making the user: the hub answers 403; the token lacks the right to it"
    monkeypatch.delenv("CHECK_TOKEN")
    assert "CHECK_TOKEN is not set" in ask(hub, type="notebook", tokenEnv="CHECK_TOKEN", attempts=1).reason


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """URL of a TLS server whose certificate lasts ten days, and the file to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Small Authority")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=10))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, private)
    server = serve(FakeHub, context)
    yield f"https://localhost:{server.server_port}/", file
    server.shutdown()


def test_certificate(tls: tuple[str, Path]) -> None:
    """Trust, issuer and expiry are each a reason; all three right pass."""
    url, file = tls
    wanted = {"type": "certificate", "url": url, "attempts": 1}
    good = ask(url, **wanted, caFile=str(file), validFor="9d", issuer="small authority")
    assert good.passed, good.reason
    assert "is not trusted" in ask(url, **wanted).reason
    assert "not by 'Other'" in ask(url, **wanted, caFile=str(file), issuer="Other").reason
    assert "wanted: 14d" in ask(url, **wanted, caFile=str(file)).reason
    assert "is not https" in ask("http://localhost:1/", type="certificate", attempts=1).reason


def test_log_lines_are_scrubbed() -> None:
    """Known values in any encoding go, and so does what looks like a secret."""
    known = "sentinel-91ab77"
    encoded = base64.b64encode(known.encode()).decode()
    text = (
        f"{known} {encoded} Authorization: token 0123456789abcdef postgres://hub:hunter22@db/hub "
        'client_secret="abcd1234" API_TOKEN=xyz98765 status=running'
    )
    assert scrub(text, [known]) == (
        "[secret] [secret] Authorization: token [secret] postgres://hub:[secret]@db/hub "
        'client_secret="[secret]" API_TOKEN=[secret] status=running'
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("after", ["hub/api", "user/"])
def test_the_notebook_gate_takes_its_token_nowhere_else(hub: Any, status: int, after: str) -> None:
    """Whichever of its requests is sent on, the WebSocket's opening included: nothing arrives at the other server."""
    with serve_raw(ok(), THERE) as other:

        def handle_any(self: Any) -> None:
            if after in self.path and (after != "user/" or self.path.endswith("/channels")):
                self.send_response(status)
                self.send_header("Location", f"{other.url}{self.path}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            FakeHub.handle_any(self)

        hub.do_GET = hub.do_POST = hub.do_DELETE = handle_any
        result = ask(hub, type="notebook", user="check", tokenEnv="CHECK_TOKEN", attempts=1)
        assert not result.passed
        assert hub.url.rstrip("/") in result.reason
        assert other.url in result.reason
        assert TOKEN not in result.reason
        assert other.came == []


@pytest.mark.parametrize("before", ["", "HTTP/1.1 200 OK\r\nX-JupyterHub-Version: 5\r\nContent-Length: 100000\r\n\r\n"])
@pytest.mark.parametrize("kind", ["hub-health", "proxy-route", "notebook"])
def test_a_byte_now_and_then_opens_no_gate(hub: Any, before: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time limit of a gate is for all of an answer; stopping the server has one of its own."""
    monkeypatch.setattr(notebook, "STOP_SECONDS", 1.0)
    settings = {"tokenEnv": "CHECK_TOKEN"} if kind == "notebook" else {}
    with serve_raw(drips(before)) as server:
        began = time.monotonic()
        result = ask(f"{server.url}/", type=kind, timeout="1s", attempts=1, **settings)
        assert not result.passed
        assert time.monotonic() - began < 20
    with serve_raw(answers("HTTP/1.1 200 OK\r\nX-JupyterHub-Version: 5\r\nContent-Length: 9\r\n\r\nhalf")) as server:
        assert not ask(f"{server.url}/", type=kind, timeout="1s", attempts=1, **settings).passed


def test_a_slow_handshake_opens_no_gate() -> None:
    """A server that takes the connection and sends a byte now and then has no certificate."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        began = time.monotonic()
        url = f"https://127.0.0.1:{listening.getsockname()[1]}/"
        assert "no TLS connection" in ask(url, type="certificate", timeout="1s", attempts=1).reason
        assert time.monotonic() - began < 20


def test_a_hub_that_answers_nonsense(hub: Any) -> None:
    """What is no JSON of a hub is a reason, not a traceback; what a URL hides is not printed."""
    with serve_raw(answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n<>")) as server:
        assert not ask(f"{server.url}/", type="notebook", tokenEnv="CHECK_TOKEN", attempts=1).passed
    for url in ("http://user:hunter2@127.0.0.1:1/", "http://127.0.0.1:1/?token=hunter2"):
        for kind in ("hub-health", "proxy-route"):
            assert "hunter2" not in ask(url, type=kind, attempts=1).reason


def test_the_probe_is_not_kept_waiting(tmp_path: Path) -> None:
    """An API server that sends a byte now and then does not answer."""
    with serve_raw(drips("HTTP/1.1 200 OK\r\nX: ")) as server:
        document = {
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": server.url}}],
        }
        file = tmp_path / "kubeconfig"
        file.write_text(json.dumps(document))
        stack = Stack(name="a", base="a", config={}, document={})
        stack.settings["kubeContext"] = "c"
        stack.settings["kubeconfig"] = str(file)
        began = time.monotonic()
        assert probe.unreachable(stack, timeout=0.5) == (
            f"API server {server.url} does not answer: no complete answer within 0.5 s"
        )
        assert time.monotonic() - began < 20


def test_a_gate_that_may_not_look_is_not_shut(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials for the cluster nothing is known of the hub; a later shut gate is shut all the same."""
    reasons: list[Exception] = [Shut("0 of 2 pods are ready"), CredentialsError("no longer logged in")]

    def refuse(*_: Any) -> str:
        raise reasons[-1]

    monkeypatch.setattr(cluster, "scheduler", refuse)
    result = ask(hub, type="scheduler", attempts=1)
    assert (result, result.state) == (gates.Result(False, 1, "no longer logged in", True), "no-credentials")
    reasons.pop()
    result = ask(hub, type="scheduler", attempts=1)
    assert (result, result.state) == (gates.Result(False, 1, "0 of 2 pods are ready"), "failed")
