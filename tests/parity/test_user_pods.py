"""The pods that capacity is judged by, compared with those that KubeSpawner itself makes of the same settings.

The hub's own configuration file is executed in the hub's own Python; KubeSpawner 7.0.0 then applies each profile and
each combination of its options. What this does not prove: that a scheduler places them as we say (tests/engine).
"""

from __future__ import annotations

import contextlib
import itertools
import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from hubstack.capacity import hub, profiles, spawn
from hubstack.capacity.traits import RefusedError
from hubstack.chart.errors import SettingsError
from tests import needs
from tests.parity import harness
from tests.parity.hub_configuration import cases, environment
from tests.parity.recording import Question

FIELDS = (
    "affinity", "nodeName", "nodeSelector", "overhead", "priorityClassName", "resources", "runtimeClassName",
    "schedulerName", "tolerations", "topologySpreadConstraints", "volumes",
)  # fmt: skip
TERM = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "b"]}]}
POD_TERM = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"component": "singleuser"}}}
TOLERATION = {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}
HELPER = {"name": "helper", "image": "x", "resources": {"limits": {"memory": "64Mi"}, "requests": {"cpu": 0.1}}}
CODE = [
    "c.KubeSpawner.cpu_guarantee = 0.25",
    "c.KubeSpawner.image = 'x'",
    "c.KubeSpawner.extra_pod_config.update({'priority_class_name': 'by-code', 'nodeSelector': {'by': 'code'}})",
    "c.KubeSpawner.tolerations.append({'key': 'by-code', 'operator': 'Exists'})",
    "c.KubeSpawner.node_affinity_required.extend([{'matchExpressions': [{'key': 'c', 'operator': 'Exists'}]}])",
    "c.KubeSpawner.init_containers = []",
    "c.Spawner.mem_guarantee = '3G'",
]
BAD = ("8Gi", "512", "", "G", "big", [], {"a": 1}, "1e3K", "1.5G", ".5G", True)
SIZES = ("1G", "512M", "1.5G", 1073741824, 2.5e9, None)


@pytest.fixture(autouse=True)
def hub_packages() -> None:
    """Skip where the hub's packages cannot be installed."""
    try:
        environment.python()
    except environment.Unavailable as error:
        needs.skip("index", str(error))


def overrides(draw: random.Random) -> dict[str, Any]:
    """A `kubespawner_override` with a few traits, some of which KubeSpawner refuses."""
    every: dict[str, list[Any]] = {
        "mem_limit": [*SIZES, *BAD],
        "mem_guarantee": [*SIZES],
        "cpu_limit": [2, 0.5, None, "2", 0, True],
        "cpu_guarantee": [0.1, 4, None],
        "node_selector": [{"pool": "large"}, {"pool": None}, {}, {"a": {"b": "c"}}, [], None],
        "singleuser_node_selector": [{"old": "name"}],
        "extra_resource_limits": [{"nvidia.com/gpu": "1"}, {"nvidia.com/gpu": None}],
        "extra_resource_guarantees": [{"nvidia.com/gpu": 1}, {"ephemeral-storage": "1Gi"}],
        "tolerations": [[TOLERATION], {"b": TOLERATION, "a": {"toleration_seconds": 3, "key": "x"}}, [], None, "x"],
        "node_affinity_required": [[TERM], {"z": TERM}, [{"match_expressions": TERM["matchExpressions"]}]],
        "pod_affinity_required": [[POD_TERM]],
        "pod_anti_affinity_required": [[POD_TERM]],
        "init_containers": [[HELPER], {"h": {**HELPER, "restart_policy": "Always"}}, []],
        "extra_containers": [[HELPER], [{**HELPER, "name": "two"}, HELPER]],
        "volumes": [
            [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}],
            {"v": {"name": "v", "empty_dir": {}}},
        ],
        "extra_container_config": [{"resources": {"limits": {"cpu": "3"}}}, {"env_from": []}],
        "extra_pod_config": [
            {"tolerations": [TOLERATION]},
            {"node_selector": {"by": "config"}, "runtimeClassName": "gvisor"},
            {"nodeSelector": None},
            {"affinity": {"nodeAffinity": {}}},
            {"overhead": {"memory": "1Mi"}, "resources": {"requests": {"cpu": "2"}}},
        ],
        "priority_class_name": ["high", "", None],
        "scheduler_name": ["mine", None],
        "image": ["a:1", "b:2"],
        "environment": [{"A": "1"}],
        "no_such_trait": [1],
    }
    return {name: draw.choice(every[name]) for name in draw.sample(sorted(every), draw.randint(0, 4))}


def option(draw: random.Random) -> dict[str, Any]:
    """An option of a profile."""
    made: dict[str, Any] = {}
    if draw.random() < 0.9:
        made["choices"] = {
            f"c{index}": {"display_name": f"C {index}", "kubespawner_override": overrides(draw)}
            for index in range(draw.randint(1, 3))
        }
    if draw.random() < 0.4:
        changes = draw.choice([{"image": "{value}"}, {"mem_limit": "2G", "image": "{value}"}, {}])
        made["unlisted_choice"] = {"enabled": draw.random() < 0.8, "kubespawner_override": changes}
    return made


def profile(draw: random.Random, number: int) -> dict[str, Any]:
    """A profile."""
    made: dict[str, Any] = {"display_name": f"Profile {number}", "slug": f"p{number}"}
    if draw.random() < 0.8:
        made["kubespawner_override"] = overrides(draw)
    if draw.random() < 0.6:
        made["profile_options"] = {f"o{index}": option(draw) for index in range(draw.randint(1, 2))}
    return made


def values(draw: random.Random) -> dict[str, Any]:
    """Settings of a hub."""
    singleuser: dict[str, Any] = {
        "nodeSelector": {"base": "1", "pool": "small"},
        "extraTolerations": [TOLERATION],
        "extraNodeAffinity": {"required": [TERM]},
        "extraPodAffinity": {"required": [POD_TERM]},
        "memory": {"limit": draw.choice(["2G", 1024, None]), "guarantee": draw.choice(["1G", "0.5G", None])},
        "cpu": {"limit": draw.choice([2, 1.5, None]), "guarantee": draw.choice([0.05, None])},
        "extraResource": {"limits": {"nvidia.com/gpu": "1"}, "guarantees": {"nvidia.com/gpu": "1"}},
        "initContainers": [HELPER],
        "extraContainers": [HELPER],
        "extraPodConfig": {"priorityClassName": "set-here"},
        "cloudMetadata": {"blockWithIptables": draw.random() < 0.5},
        "networkTools": {"resources": {"requests": {"cpu": "50m"}}},
        "storage": draw.choice([{"type": "static", "static": {"pvcName": "shared"}}, {"type": "none"}]),
        "profileList": [profile(draw, number) for number in range(draw.randint(0, 3))],
    }
    keep = {"memory", "profileList", "storage"} | set(draw.sample(sorted(singleuser), 5))
    tree: dict[str, Any] = {"singleuser": {key: value for key, value in singleuser.items() if key in keep}}
    tree["scheduling"] = {
        "userScheduler": {"enabled": draw.random() < 0.5},
        "podPriority": {"enabled": draw.random() < 0.5},
        "userPods": {"nodeAffinity": {"matchNodePurpose": draw.choice(["prefer", "require", "ignore"])}},
    }
    config = {"mem_limit": "3G", "tolerations": [], "node_selector": {"from": "config"}, "extra_pod_config": {}}
    chosen = draw.sample(sorted(config), draw.choice([0, 0, 1, 2]))
    tree["hub"] = {"config": {"KubeSpawner": {key: config[key] for key in chosen}, "Spawner": {"cpu_limit": 7}}}
    if draw.random() < 0.3:
        tree["hub"]["extraConfig"] = {"a": "\n".join(draw.sample(CODE, draw.randint(1, 3)))}
    return tree


def combinations(each: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Every set of options that a user may send for a profile."""
    options = each.get("profile_options") or {}
    ways = []
    for key, described in options.items():
        ways.append([{key: choice} for choice in described.get("choices") or {}])
        if (described.get("unlisted_choice") or {}).get("enabled"):
            ways[-1].append({f"{key}--unlisted-choice": "written"})
        ways[-1] = ways[-1] or [{}]
    for combination in itertools.product(*ways):
        yield {"profile": each["slug"], **{key: value for part in combination for key, value in part.items()}}


def reduced(pod: Mapping[str, Any]) -> str:
    """What a scheduler looks at, of a pod as KubeSpawner sends it."""
    if "raises" in pod:
        return "refused"
    spec = pod["spec"]
    containers = {
        kind: [
            {key: each[key] for key in ("name", "resources", "restartPolicy") if each.get(key)}
            for each in spec.get(kind) or []
        ]
        for kind in ("containers", "initContainers")
    }
    return canonical({**{key: spec[key] for key in FIELDS if spec.get(key)}, **containers})


def canonical(spec: Any) -> str:
    """Equal for equal pods: without what is empty, and without fields of preferences."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            kept = {key: clean(member) for key, member in value.items() if not key.startswith("preferred")}
            return {key: member for key, member in kept.items() if member not in ({}, [], None, "")}
        return [clean(member) for member in value] if isinstance(value, list) else value

    return json.dumps(clean(spec), sort_keys=True)


def ours(tree: Mapping[str, Any], names: Any) -> dict[str, set[str]]:
    """Our pods by profile."""
    found: dict[str, set[str]] = {}
    read = hub.spawner(tree, names)
    assert read.doubts == ()
    for start in profiles.starts(read.traits, read.profiles):
        assert not start.doubt
        text = "refused"
        if start.traits is not None:
            with contextlib.suppress(RefusedError):
                text = canonical(spawn.pod_spec(start.traits))
        found.setdefault(start.profile, set()).add(text)
    return found


def test_pods_are_those_of_kubespawner() -> None:
    """For every profile of drawn hubs, the set of different pods is the one that KubeSpawner makes."""
    draw = random.Random(16)
    hubs, wanted = [], []
    for number in range(30 if harness.SAMPLE else 100):
        tree = values(draw)
        question = Question((json.dumps(tree),))
        listed = tree["singleuser"]["profileList"]
        starts = [(each["display_name"], way) for each in listed for way in combinations(each)] or [("", {})]
        try:
            release = harness.release(question)
            hubs.append(cases.case(question, str(number), starts=tuple(way for _, way in starts)))
        except SettingsError:
            continue
        wanted.append((tree, release, [name for name, _ in starts]))
    assert len(hubs) > 0.8 * (number + 1), "hardly any of the drawn hubs is valid"
    differing = []
    pods = 0
    for (tree, release, names), outcome in zip(wanted, cases.outcomes(hubs, cases.our_files()), strict=True):
        theirs: dict[str, set[str]] = {}
        for name, pod in zip(names, outcome["pods"], strict=True):
            theirs.setdefault(name, set()).add(reduced(pod))
            pods += 1
        mine = ours(release.tree, release.names)
        if mine != theirs:
            differing.append((tree, mine, theirs, [each.get("raises") for each in outcome["pods"]]))
    assert pods > 3 * len(hubs)
    for _, mine, theirs, raised in differing[:3]:
        for name in sorted(mine.keys() | theirs.keys()):
            print(name, "\n ours only", mine.get(name, set()) - theirs.get(name, set()))
            print(" theirs only", theirs.get(name, set()) - mine.get(name, set()), raised)
    assert len(differing) == 0
