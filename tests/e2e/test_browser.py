"""A person in a browser: through the real proxy to a real hub, and on to a real notebook server."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.certificate import self_signed
from tests.e2e.conftest import SCREENSHOTS, VALUES, Hub, Place
from tests.e2e.person import Person
from tests.e2e.waiting import eventually


def compute(person: Person, hub: Hub) -> None:
    """Log in, after a wrong password, and run a cell in a server of one's own; what it writes is in the volume."""
    person.log_in("wrong")
    expect(person.page.locator(".login_error")).to_be_visible()
    person.log_in()
    person.open_lab()
    person.new_notebook()
    assert person.run("print('six times seven is', 6 * 7)") == "six times seven is 42"
    where = "import os, socket; open('kept.txt', 'w').write('kept'); print(os.getuid(), socket.gethostname())"
    uid, host = person.run(where).split()
    [pod] = hub.pods(f"hub.jupyter.org/username={person.name}")
    assert (uid, host) == ("1000", pod["metadata"]["name"]), "the cell ran as the person in the person's pod"
    assert (hub.volume(f"claim-{person.name}") / "kept.txt").read_text() == "kept"


def come_back(person: Person, hub: Hub) -> None:
    """Stop, log out, log in, start again, find the file."""
    person.stop()
    eventually(lambda: not hub.pods(f"hub.jupyter.org/username={person.name}"), "the pod is gone")
    person.log_out()
    person.log_in()
    person.open_lab()
    person.new_notebook()
    assert person.run("print(open('kept.txt').read())") == "kept"
    person.stop()


def test_native_hub_works_in_a_browser(browser: Browser, hub: Hub) -> None:
    """What `pulumi up` made in mode native is a hub in which a person can log in and compute."""
    with Person(browser, hub.url, "ada", SCREENSHOTS) as person:
        compute(person, hub)
        person.stop()


@pytest.mark.long
def test_files_outlive_a_server(browser: Browser, hub: Hub) -> None:
    """Whoever comes back to a hub in mode native finds their files in a new server."""
    with Person(browser, hub.url, "hedy", SCREENSHOTS) as person:
        compute(person, hub)
        come_back(person, hub)


@pytest.mark.long
def test_helm_mode_hub_works_in_a_browser(browser: Browser, place: Place) -> None:
    """The same stack in mode helm does the same."""
    hub = place.deploy("release", VALUES, mode="helm")
    try:
        with Person(browser, hub.url, "grace", SCREENSHOTS) as person:
            compute(person, hub)
            come_back(person, hub)
    finally:
        hub.updater.destroy()


@pytest.mark.long
def test_https_with_a_manual_certificate(browser: Browser, place: Place, tmp_path: Path) -> None:
    """With proxy.https.type manual, proxy-public speaks TLS with the given certificate, and people can log in."""
    key, certificate = self_signed("127.0.0.1")
    https = {"enabled": True, "type": "manual", "manual": {"key": key, "cert": certificate}}
    hub = place.deploy("https", {**VALUES, "proxy": {"https": https}})
    try:
        assert hub.url.startswith("https://")
        (tmp_path / "ca.crt").write_text(certificate)
        trusted = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
        with urllib.request.urlopen(f"{hub.url}/hub/health", context=trusted, timeout=30) as answer:
            assert answer.status == 200
        with pytest.raises(urllib.error.URLError, match="self-signed certificate"):
            urllib.request.urlopen(f"{hub.url}/hub/health", timeout=30)
        with Person(browser, hub.url, "joan", SCREENSHOTS) as person:
            person.log_in()
            person.page.wait_for_url("**/hub/**")
            expect(person.page.locator("body")).to_contain_text("joan", timeout=60_000)
    finally:
        hub.updater.destroy()
