"""The pod that KubeSpawner makes of its traits, as far as its place depends on it (KubeSpawner 7.0.0, ``make_pod``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.alias_generators import to_camel

from hubstack.capacity.forms import misshapen
from hubstack.capacity.traits import RefusedError, Traits

DECIDES = (
    "activeDeadlineSeconds", "affinity", "containers", "initContainers", "nodeName", "nodeSelector", "overhead",
    "priorityClassName", "resources", "runtimeClassName", "schedulerName", "tolerations", "topologySpreadConstraints",
    "volumes",
)  # fmt: skip
"""Fields of a pod's spec that its place, or a quota, depends on."""


def pod_spec(traits: Traits) -> dict[str, Any]:
    """The pod's spec, on the wire.

    Arguments:
        traits: the spawner's traits.

    Raises:
        RefusedError: KubeSpawner would refuse to make a pod of them.
    """
    spec: dict[str, Any] = {
        "containers": [_notebook(traits), *(_container(each) for each in _values(traits["extra_containers"]))],
        "initContainers": [_container(each) for each in _values(traits["init_containers"])],
        "nodeSelector": traits["node_selector"],
        "tolerations": [_camel(each) for each in _values(traits["tolerations"])],
        "affinity": _affinity(traits),
        "schedulerName": traits["scheduler_name"],
        "priorityClassName": traits["priority_class_name"],
        "volumes": [_camel(each) for each in _values(traits["volumes"])],
    }
    for key, value in traits["extra_pod_config"].items():
        # A field that is set here takes the place of all that went into it before.
        spec[to_camel(str(key)) if "_" in str(key) else str(key)] = value
    if wrong := misshapen(spec):
        raise RefusedError(wrong)
    return {key: value for key, value in spec.items() if key in DECIDES and value}


def labels(traits: Traits) -> dict[str, str]:
    """Labels of the pod that the settings give it."""
    return {str(key): str(value) for key, value in traits["extra_labels"].items()}


def _notebook(traits: Traits) -> dict[str, Any]:
    requests = {"cpu": traits["cpu_guarantee"], "memory": traits["mem_guarantee"]}
    limits = {"cpu": traits["cpu_limit"], "memory": traits["mem_limit"]}
    resources = {
        "requests": {**_set(requests), **traits["extra_resource_guarantees"]},
        "limits": {**_set(limits), **traits["extra_resource_limits"]},
    }
    return {"name": "notebook", "resources": resources} | _deciding(traits["extra_container_config"])


def _affinity(traits: Traits) -> dict[str, Any]:
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    affinity: dict[str, Any] = {}
    if nodes := _values(traits["node_affinity_required"]):
        affinity["nodeAffinity"] = {required: {"nodeSelectorTerms": [_camel(each) for each in nodes]}}
    for trait, field in (("pod_affinity_required", "podAffinity"), ("pod_anti_affinity_required", "podAntiAffinity")):
        if terms := _values(traits[trait]):
            affinity[field] = {required: [_camel(each) for each in terms]}
    return affinity


def _container(each: Any) -> dict[str, Any]:
    fields = _camel(each)
    return {"name": fields.get("name")} | _deciding(fields)


def _deciding(container: Mapping[str, Any]) -> dict[str, Any]:
    """What of a container a scheduler looks at."""
    fields = _camel(container)
    return {key: fields[key] for key in ("resources", "restartPolicy") if fields.get(key)}


def _camel(fields: Any) -> dict[str, Any]:
    """A map with Kubernetes' own names at its top; KubeSpawner also takes those of the Python client."""
    if not isinstance(fields, Mapping):
        raise RefusedError(f"a {type(fields).__name__} stands where a map must be")
    return {to_camel(key) if "_" in key else key: value for key, value in fields.items()}


def _values(entries: Any) -> list[Any]:
    """A list, or a map's values by key."""
    return [entries[key] for key in sorted(entries)] if isinstance(entries, Mapping) else list(entries)


def _set(amounts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: amount for name, amount in amounts.items() if amount}
