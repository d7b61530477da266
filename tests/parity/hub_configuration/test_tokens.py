"""What the programs of a hub take as tokens, asked of themselves: `chart.token_rules` says the same."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from hubstack import token_file
from hubstack.chart import token_rules
from hubstack.chart.tokens import Place
from hubstack.chart.values import ChartValues
from hubstack.cluster.state import choose_port
from tests import needs
from tests.engine.hub import proxy_package
from tests.parity.hub_configuration import environment

ASK = """
import json, sys
from jupyterhub.app import JupyterHub
from jupyterhub.crypto import _validate_key
from jupyterhub.handlers.base import auth_header_pat
from jupyterhub.orm import APIToken

def cookie(text): JupyterHub(cookie_secret=text)
def crypt(text): [_validate_key(key) for key in text.split(";")]
def service(text):
    if len(text) < APIToken.min_length: raise ValueError
    if auth_header_pat.match(f"token {text}").group(1) != text: raise ValueError

def takes(key, text):
    try:
        {"cookieSecret": cookie, "cryptKeys": crypt}.get(key, service)(text)
    except Exception:
        return False
    return True

print(json.dumps([takes(key, text) for key, text in json.load(sys.stdin)]))
"""
KEYS = ("cookieSecret", "cryptKeys", "services.bot")
TEXTS = (
    *("a" * 64, "g" * 64, "a" * 63, "a" * 32, "a" * 44, "a" * 43 + "=", "!" * 44, "abc", "abcdefgh", "abcdefg", "a b"),
    *("abcdefgh\n", "two words of it", "ab cd", f"{'a' * 64};{'b' * 64}", f"{'a' * 64};short", "ä" * 16, "0" * 31),
)


def test_the_hub_takes_what_we_say_it_takes() -> None:
    """Each text in the place of each token, and every placeholder, which none takes."""
    places = {key: Place(key, ("some", "setting")) for key in KEYS}
    asked = [(key, text) for key in KEYS for text in (*TEXTS, token_file.placeholder(places[key]))]
    try:
        python = environment.python()
    except environment.Unavailable as error:
        needs.skip("index", str(error))
    done = subprocess.run([python, "-c", ASK], input=json.dumps(asked), capture_output=True, text=True, check=True)
    said = [not any(fault.certain for fault in token_rules.faults({places[key]: text})) for key, text in asked]
    assert dict(zip(asked, json.loads(done.stdout), strict=True)) == dict(zip(asked, said, strict=True))


@pytest.mark.parametrize("text", [token_file.placeholder(Place("proxyAuth", ("proxy", "secretToken"))), "a" * 64])
def test_the_proxy_takes_no_placeholder(text: str, tmp_path: Path) -> None:
    """Its API answers 403 to whoever shows it, so that no hub can use it either; a token is accepted."""
    try:
        program = proxy_package.programs(ChartValues.defaults()["proxy"]["chp"]["image"]["tag"])
    except proxy_package.Unavailable as error:
        needs.skip("index", str(error))
    port, api = choose_port(set()), choose_port(set())
    command = [program / "configurable-http-proxy", "--ip=127.0.0.1", f"--port={port}", "--api-ip=127.0.0.1"]
    environ = {**os.environ, "CONFIGPROXY_AUTH_TOKEN": text}
    with (tmp_path / "log").open("wb") as log:
        proxy = subprocess.Popen([*command, f"--api-port={api}"], env=environ, stdout=log, stderr=log)
    try:
        assert status(f"http://127.0.0.1:{api}/api/routes", text) == (200 if text == "a" * 64 else 403)
    finally:
        proxy.terminate()
        proxy.wait()


def status(url: str, token: str) -> int:
    request = urllib.request.Request(url, headers={"Authorization": f"token {token}"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            return opener.open(request, timeout=10).status
        except urllib.error.HTTPError as error:
            return error.code
        except urllib.error.URLError:
            continue  # it does not listen yet
