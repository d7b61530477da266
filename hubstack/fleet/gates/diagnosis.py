"""What the cluster says when something failed: pods that are not ready, events, last log lines; no secrets."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from hubstack.capacity import pending
from hubstack.chart import hub, proxy, user_scheduler
from hubstack.errors import HubstackError
from hubstack.migration import access
from hubstack.project.stacks import Stack
from hubstack.safe_text import visible
from hubstack.secret_forms import ASSIGNED, SHORTEST, scrub

COMPONENTS = (hub.COMPONENT, proxy.COMPONENT, user_scheduler.COMPONENT)
"""Whose pods' logs are looked at: values of a label that stays the same however objects are named."""
LOG_LINES = 15
EVENTS = 10
TIMEOUT_SECONDS = 10


def diagnose(stack: Stack) -> list[str]:
    """Lines about what is wrong in a stack's namespace; a cluster that cannot be asked gives one line that says so."""
    import kubernetes

    try:
        core = kubernetes.client.CoreV1Api(access.of(stack))
        secrets = core.list_namespaced_secret(stack.namespace, _request_timeout=TIMEOUT_SECONDS).items
        pods = core.list_namespaced_pod(stack.namespace, _request_timeout=TIMEOUT_SECONDS).items
        events = core.list_namespaced_event(stack.namespace, _request_timeout=TIMEOUT_SECONDS).items
        lines = [*_conditions(pods), *_events(events), *_logs(core, pods)]
    except HubstackError as error:
        return [f"the cluster cannot be asked what is wrong: {error}"]
    except Exception as error:
        return [f"the cluster cannot be asked what is wrong: {getattr(error, 'reason', None) or type(error).__name__}"]
    values = {value for secret in secrets for value in _values(secret.data or {})}
    return [visible(scrub(line, values)) for line in lines]


def _values(data: dict[str, str]) -> Iterable[str]:
    """Values of a Secret, and the leaves of one that holds settings."""
    for encoded in data.values():
        value = base64.b64decode(encoded).decode(errors="replace")
        if "\n" not in value:
            yield value
        for line in value.splitlines():
            _, _, leaf = line.partition(": ")
            if ASSIGNED.search(line) and len(leaf.strip(" \"'")) >= 2 * SHORTEST:
                yield leaf.strip(" \"'")


def _conditions(pods: list[Any]) -> Iterable[str]:
    for pod in pods:
        for condition in pod.status.conditions or []:
            if condition.status != "True" and condition.type in ("PodScheduled", "Initialized", "Ready"):
                because = ": ".join(part for part in (condition.reason, condition.message) if part)
                yield f"pod {pod.metadata.name}: not {condition.type}{f': {because}' if because else ''}"
                if condition.type == "PodScheduled" and (meant := pending.explained(because, _spec(pod))):
                    yield f"pod {pod.metadata.name}: {meant}"
        for container in pod.status.container_statuses or []:
            if container.state and (waiting := container.state.waiting):
                because = " ".join(part for part in (waiting.reason, waiting.message) if part)
                yield f"pod {pod.metadata.name}: container {container.name} waits: {because}"


def _spec(pod: Any) -> dict[str, Any]:
    """A pod's spec as it is on the wire."""
    import kubernetes

    spec: dict[str, Any] = kubernetes.client.ApiClient().sanitize_for_serialization(pod.spec) or {}
    return spec


def _events(events: list[Any]) -> Iterable[str]:
    warnings = [event for event in events if event.type == "Warning"]
    warnings.sort(key=lambda event: str(event.last_timestamp or event.event_time or event.metadata.creation_timestamp))
    for event in warnings[-EVENTS:]:
        involved = event.involved_object
        yield f"event {involved.kind}/{involved.name}: {event.reason}: {event.message}"


def _logs(core: Any, pods: list[Any]) -> Iterable[str]:
    for pod in pods:
        component = (pod.metadata.labels or {}).get("component")
        if component not in COMPONENTS:
            continue
        try:
            text = core.read_namespaced_pod_log(
                pod.metadata.name, pod.metadata.namespace, tail_lines=LOG_LINES, _request_timeout=TIMEOUT_SECONDS
            )
        except Exception as error:
            yield f"log {pod.metadata.name}: cannot be read: {getattr(error, 'reason', None) or type(error).__name__}"
            continue
        yield from (f"log {pod.metadata.name}: {line}" for line in text.splitlines()[-LOG_LINES:])
