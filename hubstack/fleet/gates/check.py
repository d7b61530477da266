"""Asks a gate, again where it is shut, and says whether it was flaky."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from hubstack.credentials import CredentialsError
from hubstack.errors import HubstackError
from hubstack.fleet.gate_settings import AnyGate, Certificate, HubHealth, Notebook, Prometheus, ProxyRoute
from hubstack.fleet.gates import certificate, cluster, http, notebook, prometheus
from hubstack.fleet.gates.target import Shut, Target
from hubstack.safe_text import visible

__all__ = ["Result", "Target", "check"]


@dataclass(frozen=True)
class Result:
    """What a gate answered."""

    passed: bool
    attempts: int
    reason: str
    """What was seen; of a flaky gate, why it was shut at first."""
    no_credentials: bool = False
    """Whether the cluster could not be asked for want of credentials, which says nothing about the hub."""

    @property
    def state(self) -> str:
        """How a step of the journal ends with it."""
        return "succeeded" if self.passed else "no-credentials" if self.no_credentials else "failed"

    @property
    def flaky(self) -> bool:
        """Whether it opened only when it was asked again."""
        return self.passed and self.attempts > 1


def check(gate: AnyGate, target: Target, sleep: Callable[[float], None] = time.sleep) -> Result:
    """Ask a gate, at most as often as its settings allow.

    Arguments:
        gate: the gate.
        target: the stack that was deployed.
        sleep: waits some seconds between two attempts.
    """
    refusals: list[str] = []
    unknown = False
    for attempt in range(1, gate.attempts + 1):
        try:
            seen = visible(_ask(gate, target))
        except (Shut, HubstackError) as error:
            refusals.append(str(error))
            unknown = isinstance(error, CredentialsError)
            if attempt < gate.attempts:
                sleep(gate.pause)
            continue
        reason = f"passed at attempt {attempt}; before: {refusals[-1]}" if refusals else seen
        return Result(True, attempt, reason)
    return Result(False, gate.attempts, refusals[-1], unknown)


def _ask(gate: AnyGate, target: Target) -> str:
    if isinstance(gate, HubHealth):
        return http.hub_health(gate, target)
    if isinstance(gate, ProxyRoute):
        return http.proxy_route(gate, target)
    if isinstance(gate, Certificate):
        return certificate.certificate(gate, target)
    if isinstance(gate, Notebook):
        return notebook.notebook(gate, target)
    if isinstance(gate, Prometheus):
        return prometheus.prometheus(gate, target)
    return cluster.scheduler(gate, target)
