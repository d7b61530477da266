"""What the cluster's admission says of pods before anybody waits for them: asked by a dry run, which stores nothing.

A Deployment is admitted where its pods are not, and the hub is up where no user's pod is admitted: Pod Security, quotas
that want limits, policies and webhooks look at pods alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from typing import Any

from hubstack import settings
from hubstack.chart import render
from hubstack.chart.release import TokenValues
from hubstack.chart.user_pod import is_certain, user_pods
from hubstack.components import api_server

Object = dict[str, Any]
Ask = Callable[[str, Object], tuple[int, str]]
"""Sends a pod to a path as a dry run; status and message of the answer."""
DRY_RUN = {"dryRun": "All", "fieldManager": "hubstack-check"}
"""The query of such a request: the API server does all but store the object."""
_AT_A_TIME = 8
_ANSWER_SECONDS = 15
"""A webhook has ten; whoever takes longer is unknown."""
_WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet", "Job")


class Outcome(Enum):
    """What admission says of a pod."""

    ADMITTED = "admitted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Pod:
    """A pod that somebody will make."""

    who: str
    """What it is, for people: ``Deployment hub``, ``profile 'GPU'``, ``a user's server``."""
    manifest: Object
    of_user: bool
    resources: str = ""
    """Setting of its containers' resources."""


@dataclass(frozen=True)
class Verdict:
    """What admission says of one pod."""

    pod: Pod
    outcome: Outcome
    reason: str = ""
    """In the cluster's words."""


def pods(resolved: settings.StackSettings, *, before: bool) -> list[Pod]:
    """The pods of a stack: those of its workloads, and every different one that users can get.

    Arguments:
        resolved: the settings of the stack; there are none where the chart's version is not modelled.
        before: whether the stack's own service accounts and priority classes may not be there yet: they are left out.
    """
    release = resolved.release
    if release is None:
        return []
    token = "0" * 64
    services = dict.fromkeys(release.values.hub.services or {}, token)
    objects = render.objects(release, TokenValues(token, token, token, services))
    made = {(each["kind"], each["metadata"]["name"]) for each in objects} if before else set()
    found = [
        Pod(f"{each['kind']} {each['metadata']['name']}", _from_template(each, made), False, _resources(each))
        for each in objects
        if each["kind"] in _WORKLOADS
    ]
    users = [
        Pod(each.choice or "a user's server", _bare(each.manifest, made), of_user=True) for each in user_pods(release)
    ]
    return found + users


def judge(ask: Ask, namespace: str, wanted: Iterable[Pod]) -> list[Verdict]:
    """Ask the cluster about some pods.

    Arguments:
        ask: sends a request.
        namespace: where they would be made.
        wanted: the pods.
    """
    path = f"/api/v1/namespaces/{namespace}/pods"

    def verdict(pod: Pod) -> Verdict:
        return Verdict(pod, *_read(*ask(path, pod.manifest)))

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        return list(pool.map(verdict, wanted))


LEVEL = "pod-security.kubernetes.io/enforce"
"""Label of a namespace: the level of Pod Security below which no pod is admitted."""


def by_level(verdicts: Iterable[Verdict], namespace: Mapping[str, Any] | None) -> list[Verdict]:
    """What is certain all the same where the cluster could not be asked: no level but the lowest has privileged pods.

    Arguments:
        verdicts: what the cluster said.
        namespace: the namespace as the cluster has it; None where that is not known.
    """
    labels = (((namespace or {}).get("metadata") or {}).get("labels")) or {}
    level = labels.get(LEVEL)
    if level not in ("baseline", "restricted"):
        return list(verdicts)
    reason = f'violates PodSecurity "{level}": a privileged container'
    return [
        Verdict(each.pod, Outcome.REFUSED, reason)
        if each.outcome is Outcome.UNKNOWN and _is_privileged(each.pod.manifest["spec"])
        else each
        for each in verdicts
    ]


def _is_privileged(spec: Mapping[str, Any]) -> bool:
    containers = [*spec.get("containers", []), *spec.get("initContainers", [])]
    contexts = [each.get("securityContext") for each in containers if isinstance(each, Mapping)]
    return any(each.get("privileged") for each in contexts if isinstance(each, Mapping))


def ask_with(client: Any) -> Ask:
    """Requests by an ApiClient of the official package."""

    def ask(path: str, body: Object) -> tuple[int, str]:
        import urllib3

        headers = {"Content-Type": "application/json"}
        try:
            answer = api_server.request(
                client, "POST", path, query=DRY_RUN, headers=headers, body=body, seconds=_ANSWER_SECONDS
            )
        except urllib3.exceptions.HTTPError as error:
            return 0, str(error)
        return answer.status, said(answer.body)

    return ask


def said(body: bytes) -> str:
    """The message of an answer that is a refusal; blank where it is an object."""
    try:
        document = json.loads(body)
        return str(document.get("message") or "") if document.get("kind") == "Status" else ""
    except (ValueError, AttributeError):
        return body.decode(errors="replace").strip()


def nobody_starts(verdicts: Sequence[Verdict], resolved: settings.StackSettings) -> bool:
    """Whether it is certain that no user's server is admitted: no code of the users' own changes their pods."""
    users = [each.outcome for each in verdicts if each.pod.of_user]
    return bool(users) and set(users) == {Outcome.REFUSED} and is_certain(resolved.loaded.tree)


def refused(verdicts: Iterable[Verdict], *, of_user: bool) -> list[Verdict]:
    """The pods that are not admitted."""
    return [each for each in verdicts if each.outcome is Outcome.REFUSED and each.pod.of_user == of_user]


def _read(status: int, message: str) -> tuple[Outcome, str]:
    """What an answer means."""
    message = re.sub(r'^pods "[^"]*" is forbidden: ', "", message).strip()
    if 0 < status < 300 or status == 409 or "exceeded quota" in message:  # a quota that is full is so for a while
        return Outcome.ADMITTED, ""
    if "does not support dry run" in message:
        return Outcome.UNKNOWN, f"a webhook of this cluster cannot be asked beforehand ({message})"
    if status == 404:
        return Outcome.UNKNOWN, "the namespace is not there yet"
    if status in (401, 403) and re.search(r"\b(cannot create resource|User \"[^\"]*\" cannot)", message):
        return Outcome.UNKNOWN, "this account may not create pods, so the cluster does not say what it would refuse"
    if status in (0, 401, 429) or status >= 500:
        return Outcome.UNKNOWN, f"the cluster gives no answer ({message or status})"
    return Outcome.REFUSED, message


_RESOURCES = {
    "hub": "hub.resources",
    "proxy": "proxy.chp.resources",
    "autohttps": "proxy.traefik.resources, proxy.secretSync.resources",
    "user-scheduler": "scheduling.userScheduler.resources",
    "user-placeholder": "scheduling.userPlaceholder.resources",
}
_PULLERS = "prePuller.resources, singleuser.networkTools.resources"


def _resources(workload: Mapping[str, Any]) -> str:
    return _RESOURCES.get(workload["spec"]["template"]["metadata"]["labels"].get("component", ""), _PULLERS)


def _from_template(workload: Mapping[str, Any], made: set[tuple[str, str]]) -> Object:
    template = workload["spec"]["template"]
    metadata = {key: value for key, value in template["metadata"].items() if key in ("labels", "annotations")}
    name = workload["metadata"]["name"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "generateName": f"{name}-"}}
    return _bare({**pod, "spec": template["spec"]}, made)


def _bare(pod: Mapping[str, Any], made: set[tuple[str, str]]) -> Object:
    """A pod without its environment, which may hold secrets, and without what the stack has yet to make."""
    spec = dict(pod["spec"])
    for part in ("containers", "initContainers"):
        if isinstance(spec.get(part), list):
            spec[part] = [_without_environment(each) for each in spec[part]]
    for kind, key in (("ServiceAccount", "serviceAccountName"), ("PriorityClass", "priorityClassName")):
        if isinstance(spec.get(key), str) and (kind, spec[key]) in made:
            del spec[key]
    return {**pod, "spec": spec}


def _without_environment(container: Any) -> Any:
    """A container that is no map is left to the cluster, which says so."""
    if not isinstance(container, Mapping):
        return container
    return {key: each for key, each in container.items() if key not in ("env", "envFrom")}
