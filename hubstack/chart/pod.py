"""Fragments of pod templates (chart: ``_helpers.tpl``, ``_scheduling-helpers.tpl``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic.alias_generators import to_snake

from hubstack.chart.release import Release
from hubstack.chart.text import go_text, retype
from hubstack.chart.values.shared import Image, Probe

NODE_PURPOSE = "hub.jupyter.org/node-purpose"
"""Label of nodes that are meant for the hub's own pods (``core``) or for the users' (``user``)."""

PREFERENCE_WEIGHT = 100
"""Kubernetes' highest weight for a preference."""


def drop_falsy(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what the chart's ``with`` leaves out: null, false, zero, blank text, empty lists and maps."""
    return {key: value for key, value in fields.items() if value}


def drop_null(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is null; blank and zero stay."""
    return {key: value for key, value in fields.items() if value is not None}


def strategy(section: Mapping[str, Any]) -> dict[str, Any]:
    """The Deployment's ``strategy`` from ``hub`` or ``proxy`` of the values; no field where a null removed all of it.

    ``rollingUpdate: null``, the default, only clears what an older strategy would leave behind in a patch by Helm.
    """
    settings = section.get("deploymentStrategy")
    return {} if settings is None else {"strategy": drop_null(settings)}


def unquoted(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields that the chart writes where they are set, without quotes: YAML decides anew what they are."""
    return drop_null({key: retype(value) for key, value in fields.items() if value})


def image(settings: Image, *, quoted: bool = False) -> Any:
    """``name:tag`` of an image, read back as YAML reads what the chart writes, mostly without quotes."""
    text = f"{go_text(settings.name)}:{go_text(settings.tag)}"
    return retype(f'"{text}"' if quoted else text)


def image_pull_secrets(release: Release, settings: Image) -> list[dict[str, Any]]:
    """References to pull Secrets: the image's own, the release's, and the one that the chart makes.

    Doubles are dropped before names become references, so a name and an equal reference both stay, as in the chart.
    """
    values = release.values
    entries: list[Any] = list(_unique([*(settings.pull_secrets or []), *(values.image_pull_secrets or [])]))
    if values.image_pull_secret.create and values.image_pull_secret.automatic_reference_injection:
        entries = list(_unique([*entries, release.names.image_pull_secret]))
    return [{"name": entry} if isinstance(entry, str) else entry for entry in entries]


def extra_env(entries: list[Any] | Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Environment entries from ``extraEnv``: a list as it is, or a map from name to text or to an entry, by name."""
    if not entries:
        return []
    if isinstance(entries, list):
        return entries
    return [_env_entry(name, entries[name]) for name in sorted(entries)]


def _env_entry(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {"name": name, "value": value}
    entry = {key: member for key, member in value.items() if member is not None}
    return entry if entry.get("name") else {**entry, "name": name}


def tolerations(release: Release, pool: Literal["core", "user"], *own: list[Any] | None) -> list[Any]:
    """Tolerations of the core or user pods, then a pod's own."""
    scheduling = release.values.scheduling
    shared = scheduling.core_pods.tolerations if pool == "core" else scheduling.user_pods.tolerations
    return [entry for entries in (shared, *own) for entry in entries or []]


def core_affinity(release: Release) -> dict[str, Any] | None:
    """Affinity of the hub, the proxies and the user-scheduler to nodes for core pods; None where it is ignored."""
    term = _purpose_term("core")
    match release.values.scheduling.core_pods.node_affinity.match_node_purpose:
        case "require":
            rule: dict[str, Any] = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
        case "prefer":
            preference = {"weight": PREFERENCE_WEIGHT, "preference": term}
            rule = {"preferredDuringSchedulingIgnoredDuringExecution": [preference]}
        case _:
            return None
    return {"nodeAffinity": rule}


def user_node_terms_required(release: Release) -> list[Any]:
    """Node selector terms that a user's pod requires; several terms are alternatives."""
    purpose = release.values.scheduling.user_pods.node_affinity.match_node_purpose
    terms = [_purpose_term("user")] if purpose == "require" else []
    return terms + list(release.values.singleuser.extra_node_affinity.required or [])


def user_node_terms_preferred(release: Release) -> list[Any]:
    """Weighted node preferences of a user's pod."""
    purpose = release.values.scheduling.user_pods.node_affinity.match_node_purpose
    terms = [{"weight": PREFERENCE_WEIGHT, "preference": _purpose_term("user")}] if purpose == "prefer" else []
    return terms + list(release.values.singleuser.extra_node_affinity.preferred or [])


def user_affinity(release: Release) -> dict[str, Any] | None:
    """Affinity of a user's pod, which user placeholders share so that they stand where users would land."""
    singleuser = release.values.singleuser
    node: dict[str, Any] = {}
    if required := user_node_terms_required(release):
        node["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": required}
    if preferred := user_node_terms_preferred(release):
        node["preferredDuringSchedulingIgnoredDuringExecution"] = preferred
    return (
        drop_falsy(
            {
                "nodeAffinity": node,
                "podAffinity": _pod_affinity(singleuser.extra_pod_affinity),
                "podAntiAffinity": _pod_affinity(singleuser.extra_pod_anti_affinity),
            }
        )
        or None
    )


PROBE_NUMBERS = ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold")
"""What a probe's settings hold beside its switch; written without quotes, so that YAML decides what they are."""


def probe(settings: Probe, http_get: Mapping[str, Any]) -> dict[str, Any] | None:
    """A liveness or readiness probe, or None where it is switched off; only the four known numbers count."""
    if not settings.enabled:
        return None
    given = settings.model_dump(by_alias=True, include={to_snake(key) for key in PROBE_NUMBERS})
    numbers = {key: retype(given[key]) for key in PROBE_NUMBERS}
    return {**{key: number for key, number in numbers.items() if number is not None}, "httpGet": dict(http_get)}


def singleuser_resources(release: Release) -> dict[str, Any]:
    """What one user's server requests and may use at most; zero and null leave a figure out."""
    singleuser = release.values.singleuser

    def figures(cpu: Any, memory: Any, extra: Mapping[str, Any] | None) -> dict[str, Any]:
        # The chart quotes the extra resources, and writes their numbers as Go does.
        return {
            **unquoted({"cpu": cpu, "memory": memory}),
            **{name: go_text(amount) for name, amount in (extra or {}).items()},
        }

    extra = singleuser.extra_resource
    requests = figures(singleuser.cpu.guarantee, singleuser.memory.guarantee, extra.guarantees)
    limits = figures(singleuser.cpu.limit, singleuser.memory.limit, extra.limits)
    return drop_falsy({"requests": requests, "limits": limits})


def _purpose_term(purpose: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": NODE_PURPOSE, "operator": "In", "values": [purpose]}]}


def _pod_affinity(settings: Any) -> dict[str, Any]:
    return drop_falsy(
        {
            "requiredDuringSchedulingIgnoredDuringExecution": settings.required,
            "preferredDuringSchedulingIgnoredDuringExecution": settings.preferred,
        }
    )


def _unique(entries: Iterable[Any]) -> list[Any]:
    result: list[Any] = []
    for entry in entries:
        if entry not in result:
            result.append(entry)
    return result
