"""Gates and facts that come from the cluster itself."""

from __future__ import annotations

import base64
from typing import Any

from hubstack.fleet.gate_settings import Scheduler
from hubstack.fleet.gates.target import Shut, Target
from hubstack.project.stacks import Stack


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
        Shut: it has not; a stack without user scheduler passes.
    """
    import kubernetes

    stack = target.stack
    apps = kubernetes.client.AppsV1Api(client(stack))
    try:
        selector = "component=user-scheduler"
        found = apps.list_namespaced_deployment(
            stack.namespace, label_selector=selector, _request_timeout=gate.timeout
        ).items
    except Exception as error:
        raise Shut(f"the API server was asked for the user scheduler: {_reason(error)}") from None
    if not found:
        return "the stack has no user scheduler"
    wanted, ready = found[0].spec.replicas, found[0].status.ready_replicas or 0
    current = (found[0].status.observed_generation or 0) >= found[0].metadata.generation
    if ready < wanted or not current:
        raise Shut(f"user scheduler: {ready} of {wanted} pods are ready")
    return f"user scheduler: {ready} of {wanted} pods are ready"


def service_token(target: Target, service: str) -> str:
    """Token of a service of the hub, from the hub's Secret.

    Raises:
        Shut: the Secret cannot be read, or has no such service.
    """
    import kubernetes

    key = f"hub.services.{service}.apiToken"
    core = kubernetes.client.CoreV1Api(client(target.stack))
    try:
        secrets = core.list_namespaced_secret(
            target.stack.namespace, label_selector="component=hub", _request_timeout=30
        )
    except Exception as error:
        raise Shut(f"the API server was asked for the hub's Secret: {_reason(error)}") from None
    for secret in secrets.items:
        if key in (secret.data or {}):
            return base64.b64decode(secret.data[key]).decode()
    raise Shut(f"no Secret of the hub has {key}; declare the service in hub.services, with a role in hub.loadRoles")


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or type(error).__name__)
