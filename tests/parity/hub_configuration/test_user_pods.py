"""The pods of `chart.user_pod` are those that the real KubeSpawner makes from the hub's real configuration files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hubstack.chart.errors import SettingsError
from hubstack.chart.user_pod import is_certain, user_pods
from tests import needs
from tests.parity import harness
from tests.parity.hub_configuration import cases, environment
from tests.parity.recording import Question

SPAWNED = Path(__file__).with_name("spawned.py")
CORNERS = [
    "singleuser: {cloudMetadata: {blockWithIptables: false}, allowPrivilegeEscalation: null, uid: 0, fsGid: null}",
    "singleuser: {serviceAccountName: a, extraPodConfig: {securityContext: {runAsNonRoot: true}, hostNetwork: true}}",
    """
singleuser:
  cpu: {limit: 0.5, guarantee: 0.1}
  memory: {limit: 1.5G, guarantee: 512M}
  extraResource: {limits: {nvidia.com/gpu: "1"}, guarantees: {example.org/x: 2}}
""",
    """
singleuser:
  initContainers: [{name: a, image: b, security_context: {privileged: true}, env: [{name: X, value: y}]}]
  extraContainers: [{name: s, image: t, volumeMounts: [{name: home, mountPath: /x}]}]
""",
    """
singleuser:
  storage:
    type: static
    static: {pvcName: p, subPath: "u/{username}"}
    extraVolumes: [{name: h, hostPath: {path: /data}}]
    extraVolumeMounts: [{name: h, mountPath: /d, readOnly: true}]
""",
    "singleuser: {storage: {type: none}, extraLabels: {a: '{username}'}, extraAnnotations: {b: 'x-{username}'}}",
    """
hub:
  config:
    KubeSpawner:
      privileged: true
      gid: 5
      supplemental_gids: [1, 2]
      container_security_context: {capabilities: {drop: [ALL]}}
      pod_security_context: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      extra_container_config: {workingDir: /w}
      automount_service_account_token: true
""",
    """
singleuser:
  profileList:
    - display_name: Small
    - display_name: GPU
      kubespawner_override:
        image: "g:1"
        extra_resource_limits: {nvidia.com/gpu: "1"}
        tolerations: [{key: gpu, operator: Exists}]
        node_selector: {a: b}
      profile_options:
        disk:
          display_name: Disk
          choices:
            none: {display_name: None, kubespawner_override: {}}
            host: {display_name: Host, kubespawner_override: {volumes: {h: {name: h, hostPath: {path: /}}}}}
        power:
          display_name: Power
          choices:
            user: {display_name: User, default: true}
            root: {display_name: Root, kubespawner_override: {uid: 0, mem_limit: 4G}}
""",
    """
scheduling:
  podPriority: {enabled: true}
  userScheduler: {enabled: false}
  userPods: {nodeAffinity: {matchNodePurpose: require}, tolerations: [{key: a}]}
imagePullSecrets: [z]
fullnameOverride: null
imagePullSecret: {create: true, registry: r, username: u, password: p}
singleuser: {image: {pullSecrets: [x]}}
""",
    """
nameOverride: other
singleuser:
  extraFiles: {a: {mountPath: /etc/a, stringData: b, mode: 292}}
  extraNodeAffinity: {required: [{matchExpressions: [{key: a, operator: Exists}]}]}
  extraPodAntiAffinity: {preferred: [{weight: 1, podAffinityTerm: {topologyKey: t}}]}
""",
]
"""Settings that a cluster's admission may refuse, and rarely used ones."""


def questions() -> Iterator[Question]:
    yield from (Question((text,)) for text in ("{}", *CORNERS))
    yield from map(harness.question, harness.values_files("dev", "real")[::8])


def test_they_are_the_spawners() -> None:
    """Whole pods, without names, environment and command: of the default, of each profile, of each choice in it."""
    ours, jobs, described = [], [], []
    for question in questions():
        try:
            release = harness.release(question)
            case = cases.case(question)
        except SettingsError:
            continue
        if is_certain(release.tree) and not release.tree["hub"].get("existingSecret"):
            ours.append({canonical(each.manifest) for each in user_pods(release)})
            jobs.append((case, [*choices(release.tree["singleuser"].get("profileList"))]))
            described.append(question.values)
    theirs = spawned(jobs)
    assert len(ours) > len(CORNERS)
    for text, mine, real in zip(described, ours, theirs, strict=True):
        assert [each for each in real if not isinstance(each, dict)] == []
        assert mine == {canonical(each) for each in real}, text


def choices(profiles: list[dict[str, Any]] | None) -> Iterator[dict[str, str]]:
    """What a form sends, for every profile and every choice of one of its options."""
    if not profiles:
        yield {}
    for number, profile in enumerate(profiles or []):
        yield {"profile": str(number)}
        for option, details in (profile.get("profile_options") or {}).items():
            for choice in details.get("choices") or {}:
                yield {"profile": str(number), option: choice}


def spawned(jobs: list[tuple[cases.Case, list[dict[str, str]]]]) -> list[list[dict[str, Any]]]:
    """The real pods of each job."""
    try:
        python = environment.python()
    except environment.Unavailable as error:
        needs.skip("index", str(error))
    with pytest.MonkeyPatch.context() as patch:
        # the hub's configuration is run by another program, which is also told of the choices
        patch.setattr(environment, "RUNNER", SPAWNED)
        chosen = iter(options for _, options in jobs)
        usual = cases._job
        patch.setattr(cases, "_job", lambda *arguments: {**usual(*arguments), "choices": next(chosen)})
        assert python
        found: list[list[dict[str, Any]]] = cases.outcomes([case for case, _ in jobs], cases.our_files())
    return found


def canonical(pod: Mapping[str, Any]) -> str:
    """A pod as text, without what differs for each person and what no rule of a cluster asks for."""
    metadata = {
        "labels": pod["metadata"]["labels"],
        "annotations": {
            key: value
            for key, value in pod["metadata"]["annotations"].items()
            if not key.startswith("hub.jupyter.org/")
        },
    }
    spec = dict(pod["spec"])
    for part in ("containers", "initContainers"):
        spec[part] = [
            {
                key: value
                for key, value in each.items()
                if key not in ("env", "lifecycle", *(("args",) if not n else ()))
            }
            for n, each in enumerate(spec.get(part) or [])
        ]
    return json.dumps(plain({"metadata": metadata, "spec": spec}), sort_keys=True)


def plain(value: Any) -> Any:
    """Without what is empty, and numbers as numbers."""
    if isinstance(value, Mapping):
        return {key: found for key, each in value.items() if (found := plain(each)) not in (None, [], {})}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, bool):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return value
