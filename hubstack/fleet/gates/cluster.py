"""Gates and facts that come from the cluster itself."""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import Any

from hubstack.fleet.gate_settings import Scheduler
from hubstack.fleet.gates.target import Shut, Target
from hubstack.lifecycle import guards
from hubstack.project.stacks import Stack
from hubstack.settings import StackSettings

SECRET_SECONDS = 30
"""How long the API server may take for the hub's Secret."""


def client(stack: Stack) -> Any:
    """A client for the stack's cluster, of the official package.

    Raises:
        Shut: the kubeconfig has no usable context.
    """
    import kubernetes  # takes long to import, and most rollouts need it never

    try:
        return kubernetes.config.new_client_from_config(stack.kubeconfig, stack.context)
    except (kubernetes.config.ConfigException, OSError) as error:
        raise Shut(f"context {stack.context!r}: {error}") from None


def scheduler(gate: Scheduler, target: Target) -> str:
    """The user scheduler's Deployment has all its pods ready, and leads.

    Raises:
        Shut: it has not, or it is not there; a stack without user scheduler passes.
    """
    settings = _settings(target)
    if not settings.loaded.values.scheduling.user_scheduler.enabled:
        return "the stack has no user scheduler"
    name = settings.names.user_scheduler_deploy
    found = _read(target, "AppsV1Api", "read_namespaced_deployment", name, gate.timeout)
    if found is None:
        raise Shut(f"user scheduler: there is no Deployment {name} in namespace {target.stack.namespace}")
    wanted, ready = found.spec.replicas, found.status.ready_replicas or 0
    current = (found.status.observed_generation or 0) >= found.metadata.generation
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
        secret = _read(target, "CoreV1Api", "read_namespaced_secret", name, SECRET_SECONDS)
        if secret and key in (secret.data or {}):
            return base64.b64decode(secret.data[key]).decode()
    raise Shut(f"no Secret of the hub has {key}; declare the service in hub.services, with a role in hub.loadRoles")


def _settings(target: Target) -> StackSettings:
    settings = guards.resolved(target.stack)
    if settings is None:
        raise Shut("the stack's settings are refused, so nobody knows how its objects are named")
    return settings


def _read(target: Target, api: str, method: str, name: str, seconds: float) -> Any:
    """An object of the stack's namespace, or None where it is not there."""
    import kubernetes

    read = getattr(getattr(kubernetes.client, api)(client(target.stack)), method)
    try:
        return read(name, target.stack.namespace, _request_timeout=seconds)
    except Exception as error:
        if getattr(error, "status", None) == HTTPStatus.NOT_FOUND:
            return None
        raise Shut(f"the API server was asked for {name}: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or type(error).__name__)
