"""A trial never shows where somebody's production answers."""

from __future__ import annotations

from typing import Any, cast

import pytest

from hubstack.cluster import Cluster
from hubstack.commands import trial
from hubstack.commands.session import Session
from hubstack.project.stacks import Stack

STACK = Stack(name="dev", base="dev", config={"hubstack:kubeContext": "hubstack-sim"}, document={})


class Machine:
    """An embedded cluster that forwards one address."""

    def __init__(self, forwards: bool) -> None:
        self.forwards = forwards

    def url(self, address: str, scheme: str) -> str | None:
        """Where it is forwarded to."""
        return f"{scheme}://127.0.0.1:4000" if self.forwards and address == "198.51.100.2" else None


def opened(machine: Machine | None) -> Session:
    """The stack, on a cluster."""
    return Session(STACK, cast(Any, None), cast("Cluster | None", machine))


@pytest.mark.parametrize(
    ("machine", "url", "shown", "host"),
    [
        (None, "https://hub.example.org/", "https://hub.example.org/", None),
        (Machine(False), "https://hub.example.org/base/", "http://198.51.100.2/base/", "hub.example.org"),
        (Machine(True), "https://hub.example.org/", "http://127.0.0.1:4000", "hub.example.org"),
        (Machine(False), "http://198.51.100.2/", "http://198.51.100.2/", None),
        (Machine(False), "http://proxy-public.jhub.svc/", "http://proxy-public.jhub.svc/", None),
        (Machine(True), None, None, None),
    ],
)
def test_the_address_of_a_trial(
    machine: Machine | None, url: str | None, shown: str | None, host: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that the values name is replaced by the load balancer's address, and said; on a real cluster it stays."""
    monkeypatch.setattr(trial, "address", lambda _: "http://198.51.100.2")
    session = opened(machine)
    assert (session.reachable(url), session.stands_in_for(url)) == (shown, host)
