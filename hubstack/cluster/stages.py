"""What kwok plays: how the simulated kubelets move nodes and pods through their lives.

kwok executes Stage objects. A stage picks the objects it is for by their own fields, waits if told to, and then patches
their status, or deletes them.
"""

from __future__ import annotations

from typing import Any

import yaml

SIMULATE = "hubstack.dev/simulate"
"""Pod annotation that asks for trouble: ``image-pull-error`` (the pod never starts) or ``crash-loop`` (its containers
fail again and again). For rehearsing what a broken rollout looks like."""

_ALIVE = {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"}
_UNTOUCHED = {"key": ".status.podIP", "operator": "DoesNotExist"}
_TROUBLE = f'.metadata.annotations["{SIMULATE}"]'
_NODE_READY = '.status.conditions.[] | select( .type == "Ready" ) | .status'

_HEARTBEAT_MS = 300_000
"""Time between two status reports of a node. Its lease says far more often that it lives, as with a kubelet."""
_JOB_MS = 500
"""How long the container of a Job runs."""

_NOW = "{{ $now := Now }}\n"

_NODE_STATUS = (
    _NOW
    + """
{{ $since := or .metadata.creationTimestamp $now }}
phase: Running
conditions:
{{ range NodeConditions }}
- type: {{ .type | Quote }}
  status: {{ .status | Quote }}
  reason: {{ .reason | Quote }}
  message: {{ .message | Quote }}
  lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ $since | Quote }}
{{ end }}
"""
)

_PLACE = (
    "{{ $ip := PodIPWith .spec.nodeName (or .spec.hostNetwork false) (or .metadata.uid `` ) (or .metadata.name ``)"
    " (or .metadata.namespace ``) }}\n"
    """
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
podIP: {{ $ip | Quote }}
podIPs:
- ip: {{ $ip | Quote }}
startTime: {{ $now | Quote }}
"""
)

_INIT_DONE = """
initContainerStatuses:
{{ range .spec.initContainers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: {{ .image | Quote }}
  restartCount: 0
  ready: true
  {{ if eq (or .restartPolicy "") "Always" }}
  started: true
  state: {running: {startedAt: {{ $now | Quote }}}}
  {{ else }}
  started: false
  state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
  {{ end }}
{{ end }}
"""


def _conditions(**status: bool) -> str:
    """Pod conditions for a template that has set ``$now``."""
    lines = ["conditions:"]
    for kind, true in status.items():
        lines.append(f'- {{type: {kind}, status: "{true}", lastTransitionTime: {{{{ $now | Quote }}}}}}')
    return "\n".join(lines) + "\n"


def _containers(state: str, *, ready: bool, restarts: int = 0) -> str:
    """The same state for every container of the pod; `state` is a YAML flow mapping."""
    return f"""
containerStatuses:
{{{{ range .spec.containers }}}}
- name: {{{{ .name | Quote }}}}
  image: {{{{ .image | Quote }}}}
  imageID: {{{{ .image | Quote }}}}
  restartCount: {restarts}
  ready: {str(ready).lower()}
  started: {str(ready).lower()}
  state: {state}
{{{{ end }}}}
"""


_RUNNING = "{running: {startedAt: {{ $now | Quote }}}}"
_COMPLETED = (
    "{terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}"
)

_POD_READY = (
    _NOW
    + "phase: Running\n"
    + _conditions(PodReadyToStartContainers=True, Initialized=True, ContainersReady=True, Ready=True)
    + """
{{ range .spec.readinessGates }}
- {type: {{ .conditionType | Quote }}, status: "True", lastTransitionTime: {{ $now | Quote }}}
{{ end }}
"""
    + _INIT_DONE
    + _containers(_RUNNING, ready=True)
    + _PLACE
)

_POD_COMPLETE = (
    _NOW
    + "phase: Succeeded\n"
    + _conditions(PodReadyToStartContainers=False, Initialized=True, ContainersReady=False, Ready=False)
    + _containers(_COMPLETED, ready=False)
)

_POD_NO_IMAGE = (
    _NOW
    + "phase: Pending\n"
    + _conditions(PodReadyToStartContainers=True, Initialized=True, ContainersReady=False, Ready=False)
    + _containers('{waiting: {reason: ImagePullBackOff, message: "simulated: no such image"}}', ready=False)
    + _PLACE
)

_POD_CRASHES = (
    _NOW
    + "phase: Running\n"
    + _conditions(PodReadyToStartContainers=True, Initialized=True, ContainersReady=False, Ready=False)
    + _INIT_DONE
    + _containers('{waiting: {reason: CrashLoopBackOff, message: "simulated crash"}}', ready=False, restarts=5)
    + _PLACE
)


def _stage(name: str, kind: str, when: list[dict[str, Any]], then: dict[str, Any], delay_ms: int = 0) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "resourceRef": {"apiGroup": "v1", "kind": kind},
        "selector": {"matchExpressions": when},
        "next": then,
    }
    if delay_ms:
        spec["delay"] = {"durationMilliseconds": delay_ms, "jitterDurationMilliseconds": delay_ms + delay_ms // 10}
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": {"name": name}, "spec": spec}


def _is(key: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": "In", "values": list(values)}


def _is_not(key: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": "NotIn", "values": list(values)}


def stages() -> list[dict[str, Any]]:
    """All Stage objects, for nodes first and then for pods."""
    return [
        _stage("node-initialize", "Node", [_is_not(_NODE_READY, "True")], {"statusTemplate": _NODE_STATUS}),
        _stage(
            "node-heartbeat-with-lease",
            "Node",
            [_is(_NODE_READY, "True")],
            {"statusTemplate": _NODE_STATUS},
            _HEARTBEAT_MS,
        ),
        _stage(
            "pod-ready",
            "Pod",
            [_ALIVE, _UNTOUCHED, _is_not(_TROUBLE, "image-pull-error", "crash-loop")],
            {"statusTemplate": _POD_READY},
        ),
        _stage(
            "pod-image-pull-error",
            "Pod",
            [_ALIVE, _UNTOUCHED, _is(_TROUBLE, "image-pull-error")],
            {"statusTemplate": _POD_NO_IMAGE},
        ),
        _stage(
            "pod-crash-loop",
            "Pod",
            [_ALIVE, _UNTOUCHED, _is(_TROUBLE, "crash-loop")],
            {"statusTemplate": _POD_CRASHES},
        ),
        # only pods of a Job end by themselves: a notebook server also has restartPolicy OnFailure, and has to stay
        _stage(
            "pod-complete",
            "Pod",
            [
                _ALIVE,
                _is(".status.phase", "Running"),
                _is(".metadata.ownerReferences.[].kind", "Job"),
                _is_not(_TROUBLE, "crash-loop"),
            ],
            {"statusTemplate": _POD_COMPLETE},
            _JOB_MS,
        ),
        _stage(
            "pod-delete",
            "Pod",
            [{"key": ".metadata.deletionTimestamp", "operator": "Exists"}],
            {"finalizers": {"empty": True}, "delete": True},
        ),
    ]


_OPTIONS = {
    "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
    "kind": "KwokConfiguration",
    "options": {
        # whoever reaches its port is asked for nothing, so it says there how it is, and nothing else
        "enableDebuggingHandlers": False,
        # kwok's own defaults, which it forgets where there is any configuration of this kind
        "podPlayStageParallelism": 4,
        "nodePlayStageParallelism": 4,
        "nodeLeaseParallelism": 4,
        "podsOnNodeSyncParallelism": 1,
        "enablePodsOnNodeSyncListPager": True,
        "enablePodsOnNodeSyncStreamWatch": False,
    },
}


def kwok_config() -> str:
    """The text of kwok's configuration file."""
    return yaml.safe_dump_all([_OPTIONS, *stages()], sort_keys=False)
