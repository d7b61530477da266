"""Drift on the real engine and a real API server: one stack in each mode is deployed once, and changed by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hubstack.commands import session
from hubstack.drift import examine, report
from hubstack.drift.report import StackDrift
from hubstack.errors import HubstackError
from hubstack.lifecycle import repair
from hubstack.lifecycle.updates import Updater
from hubstack.project.stacks import Stack
from tests.engine import live
from tests.engine.conftest import Machine

SENTINEL = "sentinel-5e1f0c"
SECRETS = {"hub": {"extraEnv": {"PLAIN": SENTINEL}, "config": {"GitHubOAuthenticator": {"client_secret": SENTINEL}}}}
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
SCHEDULER = "/apis/apps/v1/namespaces/{}/deployments/user-scheduler"
PROXY = "/apis/apps/v1/namespaces/{}/deployments/proxy"
HUB = "/apis/apps/v1/namespaces/{}/deployments/hub"
CONTAINER = "spec.template.spec.containers"

Found = tuple[str, str, str | None]
"""Place, kind of change, and manager."""


@dataclass(frozen=True)
class Deployed:
    """A stack after its first update."""

    machine: Machine
    stack: Stack

    def with_settings(self, **settings: Any) -> Stack:
        """The same stack with other settings."""
        config = {**self.stack.config, **{f"hubstack:{key}": value for key, value in settings.items()}}
        return Stack(name=self.stack.name, base="dev", config=config, document={"config": config})

    def updater(self, **settings: Any) -> Updater:
        """The engine on the stack, with other settings."""
        return self.machine.updater(self.with_settings(**settings))

    def look(self, **settings: Any) -> StackDrift:
        """What has drifted."""
        return examine.one(self.with_settings(**settings), session.engine_environment(self.machine.tools))

    def change(self, method: str, path: str, body: Any, content: str, manager: str) -> None:
        """Change an object as somebody does by hand."""
        path = f"{path.format(self.stack.namespace)}?fieldManager={manager}"
        self.machine.cluster.client().request(method, path, body, content)

    def get(self, path: str) -> dict[str, Any]:
        """An object of the stack."""
        return self.machine.cluster.client().get(path.format(self.stack.namespace))


@pytest.fixture(scope="module", params=["native", "helm"])
def deployed(request: pytest.FixtureRequest, machine: Machine) -> Iterator[Deployed]:
    """The stack; at its end, it is destroyed."""
    stack = live.stack(machine, f"drift-{request.param}", request.param, secretValues=SECRETS)
    machine.updater(stack).up()
    yield Deployed(machine, stack)
    machine.updater(stack).destroy()


def found(seen: StackDrift) -> set[Found]:
    """What was found, as it is shown."""
    assert seen.state in ("clean", "drifted"), seen.reason
    places = [each.place for each in seen.differences]
    return {
        (place, each["change"], each["manager"]) for place, each in zip(places, seen.shown, strict=True)
    }  # fmt: skip


def change_everything(deployed: Deployed) -> set[Found]:
    """Change one object after another by hand; gives what is to be found."""
    client, namespace = deployed.machine.cluster.client(), deployed.stack.namespace
    image = {"spec": {"template": {"spec": {"containers": [{"name": "chp", "image": "evil/chp:1"}]}}}}
    deployed.change("PATCH", PROXY, image, STRATEGIC, "kubectl-set")
    none = {"spec": {"replicas": 0}}
    deployed.change("PATCH", f"{HUB}/scale", none, "application/merge-patch+json", "kubectl")
    client.request("DELETE", f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies/hub")
    config_map = deployed.get("/api/v1/namespaces/{}/configmaps/hub")
    config_map["data"]["jupyterhub_config.py"] = "c.JupyterHub.allow_all = True\n"
    deployed.change("PUT", "/api/v1/namespaces/{}/configmaps/hub", config_map, "application/json", "kubectl-replace")
    rule = [{"op": "add", "path": "/rules/-", "value": {"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]}}]
    role = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles/hub"
    deployed.change("PATCH", role, rule, JSON_PATCH, "kubectl-edit")
    env = [{"name": "KUBE_TOKEN", "value": SENTINEL}]
    added = {"spec": {"template": {"spec": {"containers": [{"name": "kube-scheduler", "env": env}]}}}}
    deployed.change("PATCH", SCHEDULER, added, STRATEGIC, "kubectl-set")
    label = [{"op": "remove", "path": "/metadata/labels/app"}]
    deployed.change("PATCH", "/api/v1/namespaces/{}/services/hub", label, JSON_PATCH, "kubectl-label")
    port = [{"op": "replace", "path": "/spec/ports/0/port", "value": 8080}]
    deployed.change("PATCH", "/api/v1/namespaces/{}/services/proxy-public", port, JSON_PATCH, "kubectl-patch")
    data = {"data": {"extra": "c2VudGluZWwtNWUxZjBj", "values.yaml": "e30="}}
    deployed.change("PATCH", "/api/v1/namespaces/{}/secrets/hub", data, STRATEGIC, "Mozilla")
    return {
        (f"Deployment/proxy:{CONTAINER}[name=chp].image", "changed", "kubectl-set"),
        ("Deployment/hub:spec.replicas", "changed", "unknown"),
        ("NetworkPolicy/hub", "deleted", None),
        ('ConfigMap/hub:data["jupyterhub_config.py"]', "changed", "kubectl-replace"),
        ("Role/hub:rules", "changed", "kubectl-edit"),
        (f"Deployment/user-scheduler:{CONTAINER}[name=kube-scheduler].env", "added", "kubectl-set"),
        ("Service/hub:metadata.labels.app", "removed", None),
        ("Service/proxy-public:spec.ports[name=http].port", "changed", "kubectl-patch"),
        ("Secret/hub:data.extra", "added", "Mozilla"),
        ('Secret/hub:data["values.yaml"]', "changed", "Mozilla"),
    }


def test_an_untouched_stack_has_none(deployed: Deployed) -> None:
    """Neither what the API server fills in nor what controllers write is drift."""
    assert found(deployed.look()) == set()


def test_what_is_done_by_hand_is_found_and_repaired(deployed: Deployed) -> None:
    """Each change is found with its manager and nothing else is; a repair brings back the very same, and no secret is
    shown. Afterwards an update has nothing to do.
    """
    before = live.specs(deployed.machine, deployed.stack.namespace)
    expected = change_everything(deployed)
    seen = deployed.look()
    assert found(seen) == expected
    told = json.dumps(seen.as_dict()) + "\n".join(report.lines(seen))
    assert [each for each in (SENTINEL, "c2VudGluZWwtNWUxZjBj", "e30=") if each in told] == []
    assert report.exit_code([seen]) == 2
    repair.repair(deployed.updater(), seen)
    assert found(deployed.look()) == set()
    after = live.specs(deployed.machine, deployed.stack.namespace)
    policy = ("networkpolicies", "hub")
    assert without_revisions(after, policy) == without_revisions(before, policy)
    assert (before[policy][0] != after[policy][0], before[policy][1]) == (True, after[policy][1])
    assert deployed.updater().up().changed == 0


def without_revisions(found: Mapping[tuple[str, str], tuple[str, Any]], other: tuple[str, str]) -> dict[Any, Any]:
    """Objects without one of them, and without the number of roll-outs that a Deployment has had."""
    kept = {key: value for key, value in found.items() if key != other and "helm.sh" not in str(key)}
    for _, content in kept.values():
        (content["annotations"] or {}).pop("deployment.kubernetes.io/revision", None)
        (content["annotations"] or {}).pop("deprecated.daemonset.template.generation", None)
        for port in (content.get("spec") or {}).get("ports") or []:
            port.pop("nodePort", None)
    return {
        key: (uid, {**content, "annotations": content["annotations"] or None}) for key, (uid, content) in kept.items()
    }


@pytest.mark.long
def test_harmless_changes_are_none(deployed: Deployed) -> None:
    """Notes of tools and controllers, a restart, an amount in other words, and what an autoscaler sets."""
    client, namespace = deployed.machine.cluster.client(), deployed.stack.namespace
    note = {"metadata": {"annotations": {"seen.example.org/by": "webhook"}, "labels": {"team": "data"}}}
    for path in (HUB, PROXY, "/api/v1/namespaces/{}/services/hub"):
        deployed.change("PATCH", path, note, STRATEGIC, "some-webhook")
    restarted = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
    restart = {"spec": {"template": {"metadata": {"annotations": restarted}}}}
    deployed.change("PATCH", PROXY, restart, STRATEGIC, "kubectl-rollout")
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "scheduler"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "user-scheduler"},
            "minReplicas": 3,
            "maxReplicas": 5,
        },
    }
    client.request("POST", f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers", scaler)
    scale = {"spec": {"replicas": 4}}
    deployed.change("PATCH", f"{SCHEDULER}/scale", scale, "application/merge-patch+json", "kube-controller-manager")
    try:
        assert found(deployed.look()) == set()
    finally:
        client.request("DELETE", f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers/scheduler")
    assert {place for place, _, _ in found(deployed.look())} <= {"Deployment/user-scheduler:spec.replicas"}
    repair.repair(deployed.updater(), deployed.look())


@pytest.mark.long
def test_what_is_accepted_is_neither_named_nor_repaired(deployed: Deployed) -> None:
    """Exactly the accepted field stays as it is; another one of the same object is repaired."""
    wanted = {
        "spec": {"replicas": 3, "template": {"spec": {"containers": [{"name": "kube-scheduler", "image": "a:1"}]}}}
    }
    deployed.change("PATCH", SCHEDULER, wanted, STRATEGIC, "kubectl-edit")
    image = f"Deployment/user-scheduler:{CONTAINER}[name=kube-scheduler].image"
    accepted = ["Deployment/user-scheduler:spec.replicas"]
    seen = deployed.look(acceptDrift=accepted)
    assert (found(seen), seen.accepted) == ({(image, "changed", "kubectl-edit")}, 1)
    repair.repair(deployed.updater(acceptDrift=accepted), seen)
    assert deployed.get(SCHEDULER)["spec"]["replicas"] == 3
    seen = deployed.look()
    assert found(seen) == {("Deployment/user-scheduler:spec.replicas", "changed", "kubectl-edit")}
    repair.repair(deployed.updater(), seen)
    assert found(deployed.look()) == set()


@pytest.mark.long
def test_a_cluster_that_is_down_hides_no_other(deployed: Deployed, tmp_path: Path) -> None:
    """An unreachable cluster is a state and an exit code of its own; drift of another stack is still found."""
    kubeconfig = tmp_path / "kubeconfig"
    text = deployed.machine.cluster.kubeconfig.read_text()
    server = json.dumps("https://127.0.0.1:9")
    lines = [f"    server: {server}" if "server:" in line else line for line in text.splitlines()]
    kubeconfig.write_text("\n".join(lines))
    down = deployed.with_settings(kubeconfig=str(kubeconfig))
    seen = examine.several([down, deployed.stack], session.engine_environment(deployed.machine.tools))
    assert [each.state for each in seen] == ["unreachable", "clean"]
    assert (report.exit_code(seen), "cannot be reached" in seen[0].reason) == (3, True)


def versions(deployed: Deployed) -> dict[str, str]:
    """What tells whether any object was written: of those with a status the generation, which that leaves alone."""
    told = {}
    for kind in live.KINDS:
        for each in deployed.get("/" + kind)["items"]:
            metadata = each["metadata"]
            version = (
                metadata["generation"] if "status" in each and "generation" in metadata else metadata["resourceVersion"]
            )
            told[f"{kind}/{metadata['name']}"] = str(version)
    return told


def test_a_conflict_of_fields_is_found_before_the_first_change(deployed: Deployed) -> None:
    """An update that would set what somebody else has written is refused in words, with nothing changed; with
    `--take-fields` it goes on. In mode helm, which refuses nothing, what it overwrites is named.
    """
    scale = {"spec": {"replicas": 3}}
    deployed.change("PATCH", f"{SCHEDULER}/scale", scale, "application/merge-patch+json", "kubectl")
    before = versions(deployed)
    values = {"hub": {"config": {"JupyterHub": {"admin_access": False}}}}
    said: list[str] = []
    if deployed.stack.mode == "native":
        values["scheduling"] = {"userScheduler": {"replicas": 1}}
        with pytest.raises(HubstackError) as refused:
            deployed.updater(values=values).up()
        text = str(refused.value)
        for word in (
            "Deployment/user-scheduler",
            "spec.replicas",
            "is 3 in",
            "stack's is 1",
            "kubectl",
            "--take-fields",
        ):
            assert word in text
        assert versions(deployed) == before
    updater = deployed.updater(values=values)
    updater.tell = lambda notice: said.append(notice.text)
    assert updater.up(take_fields=True).changed
    assert any("overwritten by this update: Deployment/user-scheduler: spec.replicas" in text for text in said)
    assert deployed.get(SCHEDULER)["spec"]["replicas"] == (1 if deployed.stack.mode == "native" else 2)
    deployed.updater().up()
    assert found(deployed.look()) == set()
