"""Every pod that a hub's settings lead to: users' servers, placeholders, and the hub's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hubstack.capacity import hub, profiles, spawn
from hubstack.capacity.forms import misshapen
from hubstack.capacity.judge import Kind, Shape
from hubstack.capacity.traits import RefusedError
from hubstack.chart import user_placeholder
from hubstack.chart.names import Names

COMPONENT = "singleuser-server"
"""KubeSpawner's word for users' pods, in two of their labels."""


_MOST_DOUBTS = 3
"""As many are told; one is enough."""


def of_users(tree: Mapping[str, Any], names: Names, release: str) -> Iterator[Shape]:
    """Users' pods: of each profile with each combination of its options that differs.

    Arguments:
        tree: the merged values over the chart's defaults.
        names: of the chart's objects.
        release: name of the release, which is in the pods' labels.
    """
    try:
        spawner = hub.spawner(tree, names)
    except RefusedError as error:
        yield Shape("a user's server", "user", refused=str(error))
        return
    doubt = "; ".join(spawner.doubts[:_MOST_DOUBTS])
    if more := spawner.doubts[_MOST_DOUBTS:]:
        doubt += f"; and {len(more)} more"
    for start in profiles.starts(spawner.traits, spawner.profiles):
        name = f"profile `{start.name}`" if start.profile else start.name
        if start.refused or start.traits is None:
            yield Shape(
                name, "user", refused="" if doubt else start.refused, doubt=doubt or start.refused or start.doubt
            )
            continue
        try:
            spec = spawn.pod_spec(start.traits)
        except RefusedError as error:
            yield Shape(name, "user", refused="" if doubt else str(error), doubt=doubt)
            continue
        labels = {
            **spawn.labels(start.traits),
            "component": COMPONENT,
            "app.kubernetes.io/component": COMPONENT,
            "app": "jupyterhub",
            "app.kubernetes.io/name": "jupyterhub",
            "release": release,
            "app.kubernetes.io/instance": release,
        }
        yield Shape(name, "user", spec, labels, doubt=doubt)


def of_objects(objects: Iterable[Mapping[str, Any]]) -> Iterator[Shape]:
    """Pods of the rendered Deployments and StatefulSets: the hub's own, and the placeholders."""
    for each in objects:
        if each["kind"] not in ("Deployment", "StatefulSet") or not each["spec"].get("replicas", 1):
            continue
        template = each["spec"]["template"]
        labels = template["metadata"].get("labels") or {}
        kind: Kind = "placeholder" if labels.get("component") == user_placeholder.COMPONENT else "hub"
        name = "a placeholder" if kind == "placeholder" else f"pod `{each['metadata']['name']}`"
        count = int(each["spec"].get("replicas", 1))
        if wrong := misshapen(template["spec"]):
            yield Shape(name, kind, refused=wrong, count=count)
        else:
            yield Shape(name, kind, template["spec"], labels, count=count)
