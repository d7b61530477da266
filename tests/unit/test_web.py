"""The one HTTP client, against servers that see what arrives: nothing leaks, hangs or is half believed."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
import time
import warnings
from pathlib import Path

import pytest

from hubstack import project, web
from hubstack.web import channel, client
from hubstack.web.channel import Channel
from tests.unit.web_servers import HERE, THERE, answers, certificate, drips, ok, redirects, serve

TOKEN = "sentinel-token-8c1f"
CREDENTIALS = [
    {"Authorization": f"Bearer {TOKEN}"},
    {"authorization": f"token {TOKEN}"},
    {"Cookie": f"session={TOKEN}"},
    {"Proxy-Authorization": f"Basic {TOKEN}"},
    {"PRIVATE-TOKEN": TOKEN},
    {"X-Vault-Token": TOKEN},
    {"X-Xsrftoken": TOKEN},
]
SECONDS = 0.4
"""A deadline that a test waits for."""
PATIENCE = 20
"""What no hanging read would stay below."""


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxies of whoever runs the tests are not asked."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def get(url: str, **options: object) -> client.Answer:
    """A GET."""
    return web.request("GET", url, **{"seconds": PATIENCE, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("headers", CREDENTIALS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_credential_reaches_another_host(headers: dict[str, str], status: int) -> None:
    """Whatever kind of credential and of redirect: nothing arrives there, and the error names both hosts."""
    with serve(ok(), THERE) as other, serve(redirects(f"{other.url}/x", status)) as first:
        with pytest.raises(web.NoAnswer) as error:
            get(first.url, headers=headers)
        assert other.came == []
        assert first.url in str(error.value)
        assert other.url in str(error.value)
        assert TOKEN not in str(error.value)


@pytest.mark.parametrize(
    "location",
    [
        "//127.0.0.2:{port}/x",
        "http://127.0.0.1@127.0.0.2:{port}/x",
        "http://127.0.0.1:80@127.0.0.2:{port}/x",
        "HTTP://127.0.0.2:{port}",
        "http:\\\\127.0.0.2:{port}\\x",
        "http://127.0.0.2:{port}#@127.0.0.1/",
        "http://127.0.0.2:{port}\\@127.0.0.1/",
        " http://127.0.0.2:{port}/",
    ],
)
def test_no_way_to_write_an_address_hides_another_host(location: str) -> None:
    """What one parser takes for this host and another one for that one leads nowhere, or stays here."""
    with serve(ok(), THERE) as other:
        where = location.replace("{port}", str(other.port))
        with serve(redirects(where)) as first, pytest.raises(web.NoAnswer):
            get(first.url, headers=CREDENTIALS[0])
        assert other.came == []


def test_another_port_is_another_origin() -> None:
    """Two servers of one host are two."""
    with serve(ok()) as other, serve(redirects(other.url)) as first:
        with pytest.raises(web.NoAnswer, match=r"for http://127\.0\.0\.1"):
            get(first.url, headers=CREDENTIALS[0])
        assert other.came == []


def test_a_query_and_a_body_are_for_their_server_alone() -> None:
    """A token in a query may come back in a redirect that keeps the query; a body would be sent again."""
    with serve(ok(), THERE) as other, serve(redirects(f"{other.url}/?token={TOKEN}", 307)) as first:
        with pytest.raises(web.NoAnswer, match="the query"):
            get(f"{first.url}/?token={TOKEN}")
        with pytest.raises(web.NoAnswer, match="the body"):
            web.request("POST", first.url, seconds=PATIENCE, body=TOKEN.encode())
        assert other.came == []


def test_a_redirect_without_anything_to_lose_is_followed() -> None:
    """A download goes where its publisher keeps it; one on the same server is followed with the token."""
    with serve(ok("there"), THERE) as other, serve(redirects(f"{other.url}/file?signed=1")) as first:
        assert get(first.url).body == b"there"
        assert b"Referer" not in other.came[0]

    def same(connection: socket.socket, head: bytes) -> None:
        (redirects("/two") if head.startswith(b"GET / ") else ok("two"))(connection, head)

    with serve(same) as server:
        assert get(server.url, headers=CREDENTIALS[0]).body == b"two"
        assert [TOKEN.encode() in each for each in server.came] == [True, True]


def test_never_from_https_to_http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where there is nothing to lose: what comes from there would be anybody's."""
    tls, file = certificate(tmp_path, HERE)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with serve(ok()) as plain, serve(redirects(plain.url), tls=tls) as encrypted:
        with pytest.raises(web.NoAnswer, match="not encrypted"):
            get(encrypted.url)
        assert plain.came == []


def test_a_client_certificate_and_its_trust_stay_where_they_belong(tmp_path: Path) -> None:
    """TLS settings of one server are not shown to another."""
    tls, file = certificate(tmp_path, HERE)
    with serve(ok(), THERE, tls) as other, serve(redirects(other.url), tls=tls) as first:
        with pytest.raises(web.NoAnswer, match="TLS settings"):
            get(first.url, tls=web.Tls(ssl.create_default_context(cafile=str(file))))
        assert other.came == []


def test_redirects_end() -> None:
    """A loop is an error."""
    with serve(redirects("/")) as server:
        with pytest.raises(web.NoAnswer, match="more than 5 redirects"):
            get(server.url)
        assert len(server.came) == 6


def test_a_change_does_not_become_a_question() -> None:
    """A POST that is sent on as a GET would look as if it had been done."""
    with serve(redirects("/two")) as server, pytest.raises(web.NoAnswer, match="another request"):
        web.request("POST", server.url, seconds=PATIENCE, body=b"{}")


@pytest.mark.parametrize(
    "before",
    [
        "",
        "HTTP/1.1 200 OK\r\nX-Slow: ",
        "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n186A0\r\n",
    ],
    ids=["status", "headers", "length", "until the end", "chunk"],
)
def test_a_byte_now_and_then_is_no_answer(before: str) -> None:
    """The deadline is for all of it, wherever the server begins to be slow, and the connection ends with it."""
    with serve(drips(before)) as server:
        began = time.monotonic()
        with pytest.raises(web.NoAnswer, match=r"no complete answer within 0\.4 s") as error:
            get(server.url, seconds=SECONDS)
        assert time.monotonic() - began < PATIENCE
        assert error.value.again


def test_slow_tls(tmp_path: Path) -> None:
    """A server that takes the connection and never ends the handshake."""
    listening = socket.create_server((HERE, 0))
    with listening, pytest.raises(web.NoAnswer, match=r"within 0\.4 s"):
        get(f"https://{HERE}:{listening.getsockname()[1]}", seconds=SECONDS)


def test_a_name_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look-up is within the deadline, too."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(PATIENCE))
    began = time.monotonic()
    with pytest.raises(web.NoAnswer, match=r"within 0\.4 s"):
        get("http://slow.invalid", seconds=SECONDS)
    assert time.monotonic() - began < PATIENCE


@pytest.mark.parametrize(
    "cut",
    [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nX: y\r\n",
        "HTTP/1.1",
        "",
        "nonsense\r\n\r\n",
    ],
)
def test_half_an_answer_is_none(cut: str) -> None:
    """A body or a head that breaks off is an error, not a short answer."""
    with serve(answers(cut)) as server, pytest.raises(web.NoAnswer):
        get(server.url)


def test_sizes_have_limits() -> None:
    """Bodies and headers that are too long are refused; the rest is not read."""
    with serve(answers("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + "x" * 2_000_000)) as server:
        with pytest.raises(web.NoAnswer, match="longer than 1048576 bytes"):
            get(server.url)
        with pytest.raises(web.NoAnswer, match="longer than 10 bytes"):
            get(server.url, limit=10)
    many = "".join(f"X-{number}: {'y' * 1000}\r\n" for number in range(90))
    for head in (many, "X: y\r\n" * 10_000, f"X: {'y' * 100_000}\r\n"):
        text = f"HTTP/1.1 200 OK\r\n{head}Content-Length: 0\r\n\r\n"
        with serve(answers(text)) as server, pytest.raises(web.NoAnswer, match="breaks off before"):
            get(server.url)


@pytest.mark.parametrize(
    "url",
    ["ftp://127.0.0.1/", "file:///etc/passwd", "127.0.0.1", "http://", "http://[::1", "http://127.0.0.1:99999/", ""],
)
def test_what_is_no_url(url: str) -> None:
    """Anything but http and https is refused."""
    with pytest.raises(web.NoAnswer):
        get(url)


def test_a_password_in_a_url_is_refused_and_not_shown() -> None:
    """It would be written wherever the URL is."""
    with pytest.raises(web.NoAnswer) as error:
        get(f"http://user:{TOKEN}@127.0.0.1:1/")
    assert TOKEN not in str(error.value)


@pytest.mark.parametrize("value", [f"Bearer {TOKEN}\n", f"Bearer {TOKEN}\r\nX: y", f"Bearer {TOKEN} \u2192"])
def test_a_token_that_is_no_header_is_not_shown(value: str) -> None:
    """A line break at the end of a token is the usual slip; it neither ends a header nor is the token printed."""
    with serve(ok()) as server:
        for ask in (
            lambda: get(server.url, headers={"Authorization": value}),
            lambda: Channel(server.url, seconds=PATIENCE, headers={"Authorization": value}),
        ):
            with pytest.raises(web.NoAnswer) as error:
                ask()
            assert TOKEN not in str(error.value)
        assert server.came == []


def test_reasons() -> None:
    """A closed port, and a name that does not exist, in a few words."""
    with pytest.raises(web.NoAnswer, match="Connection refused"):
        get("http://127.0.0.1:1/")
    with pytest.raises(web.NoAnswer, match="no address for this host"):
        get("http://nowhere.invalid/")


def test_a_certificate_is_looked_at(tmp_path: Path) -> None:
    """One that nobody signed is refused, and the reason is said."""
    tls, _ = certificate(tmp_path, HERE)
    with serve(ok(), tls=tls) as server:
        with pytest.raises(web.NoAnswer, match=r"no TLS connection: self.signed certificate"):
            get(server.url)
        assert server.came == []


def test_another_name_than_the_hosts(tmp_path: Path) -> None:
    """The name that a kubeconfig gives is the one that the certificate must have; nothing checked, no warning."""
    tls, file = certificate(tmp_path, "api.example")
    trust = ssl.create_default_context(cafile=str(file))
    blind = ssl.create_default_context()
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    with serve(ok(), tls=tls) as server:
        assert get(server.url, tls=web.Tls(trust, "api.example")).status == 200
        for wrong in (web.Tls(trust), web.Tls(trust, "other.example")):
            with pytest.raises(web.NoAnswer, match="no TLS connection"):
                get(server.url, tls=wrong)
        with warnings.catch_warnings():
            warnings.simplefilter("error", append=True)
            assert get(server.url, tls=web.Tls(blind)).status == 200


def test_proxies_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request goes through the proxy that is named for it, with the proxy's password for the proxy alone."""
    with serve(ok("by proxy")) as proxy:
        monkeypatch.setenv("http_proxy", f"http://user:{TOKEN}@{HERE}:{proxy.port}")
        assert get("http://hub.invalid/x").body == b"by proxy"
        assert proxy.came[0].startswith(b"GET http://hub.invalid/x HTTP/1.1")
        assert b"proxy-authorization: Basic" in proxy.came[0].replace(b"Proxy-A", b"proxy-a")
        monkeypatch.setenv("no_proxy", THERE)
        with serve(ok("straight"), THERE) as server:
            assert get(server.url).body == b"straight"
            assert b"Basic" not in server.came[0]


def test_an_encrypted_request_through_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy sees where it goes, and nothing of what it carries."""
    tls, file = certificate(tmp_path, HERE)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))

    def relay(connection: socket.socket, head: bytes) -> None:
        host, port = head.split()[1].decode().split(":")
        with socket.create_connection((host, int(port))) as target:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threading.Thread(target=pump, args=(target, connection), daemon=True).start()
            pump(connection, target)

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)

    with serve(ok("inside"), tls=tls) as server, serve(relay) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        assert get(server.url, headers=CREDENTIALS[0]).body == b"inside"
        assert proxy.came[0].startswith(f"CONNECT {HERE}:{server.port} ".encode())
        assert TOKEN.encode() not in b"".join(proxy.came)
        assert TOKEN.encode() in server.came[0]


def test_a_channel_goes_nowhere_else() -> None:
    """The opening of a WebSocket is redirected with its headers by the library; here it is refused."""
    for status in (301, 302, 303, 307, 308):
        with serve(ok(), THERE) as other:
            for scheme in ("ws", "http"):
                with serve(redirects(f"{scheme}://{THERE}:{other.port}/", status)) as first:
                    with pytest.raises(web.NoAnswer) as error:
                        Channel(first.url, seconds=PATIENCE, headers=CREDENTIALS[0])
                    assert other.came == []
                    assert first.url in str(error.value)
                    assert other.url in str(error.value)


@pytest.mark.parametrize("before", ["", "HTTP/1.1 101 Switching\r\nX: "])
def test_a_channel_that_is_slow_to_open(before: str) -> None:
    """A byte now and then does not keep it."""
    with serve(drips(before)) as server:
        began = time.monotonic()
        with pytest.raises(web.NoAnswer, match="the time is up"):
            Channel(server.url, seconds=SECONDS, headers={})
        assert time.monotonic() - began < PATIENCE


def test_a_channel_quotes_nothing_of_a_refusal() -> None:
    """A server that writes the token back into its refusal does not get it into a log."""
    with serve(answers(f"HTTP/1.1 403 {TOKEN}\r\nX: {TOKEN}\r\nContent-Length: {len(TOKEN)}\r\n\r\n{TOKEN}")) as server:
        with pytest.raises(web.NoAnswer) as error:
            Channel(server.url, seconds=PATIENCE, headers=CREDENTIALS[0])
        assert str(error.value) == "the server answers 403 instead of opening the connection"


def upgraded(after: bytes, dripping: bytes = b""):  # type: ignore[no-untyped-def]
    """Opens the WebSocket, sends this, and then drips."""
    import base64
    import hashlib

    def behave(connection: socket.socket, head: bytes) -> None:
        found = re.search(rb"Sec-WebSocket-Key: (\S+)", head)
        assert found
        digest = hashlib.sha1(found[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        connection.sendall(
            b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            + base64.b64encode(digest)
            + b"\r\n\r\n"
            + after
        )
        while dripping:
            time.sleep(0.02)
            connection.sendall(dripping)

    return behave


def test_a_message_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither slowly, nor by its size; and one that is cut is an error."""
    monkeypatch.setattr(channel, "LONGEST_TALK", 10_000)
    announced = bytes([0x81, 127]) + (1 << 40).to_bytes(8, "big")
    for after, dripping, seconds, reason in (
        (announced, b"x", SECONDS, "the time is up"),
        (announced + b"x" * 20_000, b"", PATIENCE, "more than 10000 bytes"),
        (announced + b"x", b"", PATIENCE, "broken"),
    ):
        with (
            serve(upgraded(after, dripping)) as server,
            Channel(server.url, seconds=seconds, headers={}) as opened,
            pytest.raises(web.NoAnswer, match=reason),
        ):
            opened.receive()


OTHERS = {
    "hubstack/web/",
    # runs inside of a stand-in image, where there is nothing but the standard library
    "hubstack/cluster/node/awaiter.py",
}


def test_no_other_module_opens_a_url() -> None:
    """There is one client, so that none can forget its rules."""
    opens = re.compile(
        r"\burllib\.request\b|from urllib import .*\brequest\b|\bhttp\.client\b|\burllib3\.(PoolManager|request)\b"
        r"|^\s*(import|from) (requests|httpx|aiohttp|websocket|websockets)\b",
        re.MULTILINE,
    )
    found = {
        str(file.relative_to(project.CODE))
        for file in (project.CODE / "hubstack").rglob("*.py")
        if opens.search(file.read_text(encoding="utf-8"))
    }
    assert {each for each in found if not any(each.startswith(other) for other in OTHERS)} == set()
