"""Gates and facts that come from the cluster itself."""

from __future__ import annotations

import base64
from typing import Any

from hubstack.errors import HubstackError
from hubstack.fleet.gate_settings import Scheduler
from hubstack.fleet.gates.target import Shut, Target
from hubstack.lifecycle import guards
from hubstack.migration import access
from hubstack.settings import StackSettings

SECRET_SECONDS = 30
"""How long the API server may take for the hub's Secret."""


def scheduler(gate: Scheduler, target: Target) -> str:
    """The user scheduler's Deployment has all its pods ready, and leads.

    Raises:
        Shut: it has not, or it is not there; a stack without user scheduler passes.
    """
    settings = _settings(target)
    if not settings.loaded.values.scheduling.user_scheduler.enabled:
        return "the stack has no user scheduler"
    name = settings.names.user_scheduler_deploy
    found = _read(target, "apps/v1", "Deployment", name, gate.timeout)
    if found is None:
        raise Shut(f"user scheduler: there is no Deployment {name} in namespace {target.stack.namespace}")
    status = found.get("status") or {}
    wanted, ready = found["spec"]["replicas"], status.get("readyReplicas", 0)
    current = status.get("observedGeneration", 0) >= found["metadata"]["generation"]
    if ready < wanted or not current:
        raise Shut(f"user scheduler: {ready} of {wanted} pods are ready")
    return f"user scheduler: {ready} of {wanted} pods are ready"


def service_token(target: Target, service: str) -> str:
    """Token of a service of the hub, as the hub finds it: in ``hub.existingSecret``, else in the chart's own Secret.

    Raises:
        Shut: the Secret cannot be read, or has no such service.
    """
    key = f"hub.services.{service}.apiToken"
    names = _settings(target).names
    for name in filter(None, (names.hub_existing_secret, names.hub)):
        data = (_read(target, "v1", "Secret", name, SECRET_SECONDS) or {}).get("data") or {}
        if key in data:
            return base64.b64decode(data[key]).decode()
    raise Shut(f"no Secret of the hub has {key}; declare the service in hub.services, with a role in hub.loadRoles")


def _settings(target: Target) -> StackSettings:
    if unread := [name for name in guards.unread_names(target.stack) if "Override" in name]:
        raise Shut(f"hubstack:secretValues.{unread[0]} is encrypted, so nobody knows how the stack's objects are named")
    settings = guards.resolved(target.stack)
    if settings is None:
        raise Shut("the stack's settings are refused, so nobody knows how its objects are named")
    return settings


def _read(target: Target, version: str, kind: str, name: str, seconds: float) -> dict[str, Any] | None:
    """An object of the stack's namespace, or None where it is not there."""
    stack = target.stack
    try:
        return access.read(access.of(stack), access.Target(version, kind, stack.namespace, name), seconds)
    except HubstackError:
        raise
    except Exception as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise Shut(f"the API server was asked for {kind} {name}: {reason}") from None
