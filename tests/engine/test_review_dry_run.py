"""The dry run of a review, by a real API server: what Kubernetes would refuse is found before the merge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack import project
from hubstack.engine.environment import ENGINE_TOOLS
from hubstack.errors import HubstackError
from hubstack.review import review
from hubstack.review.changes import StackChange
from tests import needs, programs
from tests.engine import live
from tests.engine.conftest import Machine
from tests.unit.review_repository import QUIET, Repository

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "label": (
        {"hub": {"labels": {"team": "bad value!"}}},
        'Deployment/hub, field spec.template.metadata.labels: Invalid value: "bad value!": a valid label must be an '
        "empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
        "alphanumeric character; set by hub.labels.team (label.yaml)",
    ),
    "amount": (
        {"hub": {"resources": {"limits": {"memory": "500 MB"}}}},
        'Deployment/hub, field spec.template.spec.containers[0].resources.limits.memory: "500 MB" is no quantity; one '
        "has no blanks, and a unit such as m, M, G, Mi or Gi; set by hub.resources.limits.memory (amount.yaml)",
    ),
    "volume": (
        {"hub": {"db": {"pvc": {"storage": "1 G"}}}},
        'PersistentVolumeClaim/hub-db-dir, field spec.resources.requests.storage: "1 G" is no quantity; one has no '
        "blanks, and a unit such as m, M, G, Mi or Gi; set by hub.db.pvc.storage (volume.yaml)",
    ),
    "gpu": (
        {"singleuser": {"extraResource": {"limits": {"nvidia.com/gpu": "one"}}}},
        "StatefulSet/user-placeholder, a user's server, field spec.template.spec.containers[0].resources.limits."
        'nvidia.com/gpu: "one" is no quantity; one has no blanks, and a unit such as m, M, G, Mi or Gi; set by '
        "singleuser.extraResource.limits.nvidia.com/gpu (gpu.yaml)",
    ),
    "container": (
        {"hub": {"extraContainers": [{"name": "side", "image": "x", "comand": ["a"]}]}},
        'Deployment/hub, field spec.template.spec.containers[name="side"].comand: there is no such field; set by '
        "hub.extraContainers[0].comand (container.yaml)",
    ),
    "pod": (
        {"hub": {"extraPodSpec": {"nodeSelecter": {"a": "b"}}}},
        "Deployment/hub, field spec.template.spec.nodeSelecter: there is no such field; set by "
        "hub.extraPodSpec.nodeSelecter (pod.yaml)",
    ),
    "users-pod": (
        {"singleuser": {"extraPodConfig": {"nodeSelecter": {"a": "b"}}}},
        "a user's server, field spec.nodeSelecter: there is no such field; set by "
        "singleuser.extraPodConfig.nodeSelecter (users-pod.yaml)",
    ),
    "users-port": (
        {
            "singleuser": {
                "profileList": [
                    {"display_name": "Fine"},
                    {"display_name": "Wrong", "kubespawner_override": {"port": 70000}},
                ]
            }
        },
        "the server of profile 'Wrong', field spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be "
        "between 1 and 65535, inclusive; set by singleuser.profileList[1].kubespawner_override.port (users-port.yaml)",
    ),
    "name": (
        {"fullnameOverride": "My Hub"},
        "ServiceAccount/My Hub-hub, RoleBinding/My Hub-hub, ConfigMap/My Hub-hub and 19 more, field metadata.name: "
        'Invalid value: "My Hub-hub": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric '
        "characters, '-' or '.', and must start and end with an alphanumeric character; set by fullnameOverride "
        "(name.yaml)",
    ),
    "port": (
        {"hub": {"extraContainers": [{"name": "side", "image": "x", "ports": [{"containerPort": 70000}]}]}},
        "Deployment/hub, field spec.template.spec.containers[1].ports[0].containerPort: Invalid value: 70000: must be "
        "between 1 and 65535, inclusive; set by hub.extraContainers[0].ports[0].containerPort (port.yaml)",
    ),
    "node-port": (
        {"proxy": {"service": {"type": "NodePort", "nodePorts": {"http": 70000}}}},
        "Service/proxy-public, field spec.ports[0].nodePort: Invalid value: 70000: must be between 1 and 65535, "
        "inclusive; set by proxy.service.nodePorts.http (node-port.yaml)",
    ),
    "twice": (
        {"hub": {"extraContainers": [{"name": "hub", "image": "x"}]}},
        'Deployment/hub, field spec.template.spec.containers: two entries have name="hub"; set by '
        "hub.extraContainers[0].name (twice.yaml)",
    ),
    "type": (
        {"hub": {"extraContainers": [{"name": "side", "image": "x", "ports": [{"containerPort": "http"}]}]}},
        'Deployment/hub, field spec.template.spec.containers[name="side"].ports[containerPort="http",protocol="TCP"].'
        "containerPort: must be a number, and is a text; set by hub.extraContainers[0].ports[0].containerPort "
        "(type.yaml)",
    ),
}
"""A change, and what Kubernetes says of it."""
RIGHT = {
    "hub": {"labels": {"team": "good"}, "resources": {"limits": {"memory": "500Mi"}}, "extraEnv": {"A": "b"}},
    "proxy": {"service": {"type": "NodePort", "nodePorts": {"http": 30080}}},
    "singleuser": {"profileList": [{"display_name": "Big", "kubespawner_override": {"mem_limit": "4G"}}]},
}
DUPLICATE = "kind: ConfigMap\napiVersion: v1\nmetadata: {{name: one}}\ndata: {{a: {}}}\n"


@pytest.fixture(scope="module")
def _programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The programs of a control plane, and a state folder of the test's own."""
    with pytest.MonkeyPatch.context() as patch:
        programs.find((*ENGINE_TOOLS, "etcd", "kube-apiserver"), tmp_path_factory.mktemp("cache"), patch)
        patch.setenv("HUBSTACK_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """An empty repository."""
    made = Repository(tmp_path)
    made.git("init", "--quiet")
    return made


def judged(repository: Repository, *servers: str) -> dict[str, StackChange]:
    """What a review with a dry run says of each stack."""
    report, _ = review.review(repository.root, "HEAD", (), {}, QUIET, dry_run=servers)
    return {each.stack: each for each in report.stacks}


def told(stack: StackChange) -> list[str]:
    """The sentences of the dry run, without which Kubernetes it is."""
    found = [each for each in stack.findings if each.rule == "dry-run"]
    assert all(each.blocks and each.text.startswith("Kubernetes ") for each in found)
    return [each.text.partition(" refuses ")[2] for each in found]


@pytest.mark.usefixtures("_programs")
def test_what_kubernetes_refuses(repository: Repository) -> None:
    """Each wrong setting blocks, with object, field, reason and setting, in one sentence; right ones say nothing."""
    for name in (*REFUSED, "right", "sealed", "secret", "route"):
        repository.stack(name, {})
    repository.commit()
    for name, (values, _) in REFUSED.items():
        repository.stack(name, values)
    repository.stack("right", RIGHT)
    sealed = {"hub": {"resources": {"limits": {"memory": {"secure": "v1:aa:bb"}}}}}
    repository.stack("sealed", {}, secretValues=sealed)
    repository.stack("secret", {"hub": {"labels": {"api-token": "planted secret!"}}})
    repository.stack("route", {"httpRoute": {"enabled": True, "gateway": {"name": "g"}, "hostnames": ["h.example"]}})
    repository.stack("new", {"hub": {"labels": {"team": "bad value!"}}})
    found = judged(repository, "embedded")
    assert {name: told(found[name]) for name in REFUSED} == {name: [text] for name, (_, text) in REFUSED.items()}
    assert [told(found[name]) for name in ("right", "sealed", "route")] == [[], [], []]
    assert [found[name].unjudged for name in (*REFUSED, "right", "secret")] == [()] * (len(REFUSED) + 2)
    assert found["sealed"].unjudged == ("Deployment/hub: it depends on an encrypted setting",)
    assert [each.partition(":")[0] for each in found["route"].unjudged] == ["HTTPRoute/jupyterhub"]
    assert told(found["new"]) == [told(found["label"])[0].replace("label.yaml", "new.yaml")]
    (text,) = told(found["secret"])
    assert "planted" not in text
    assert "set by hub.labels.api-token (secret.yaml)" in text
    folder = project.state_dir() / "cluster" / "dry-run"
    assert list(folder.iterdir()) == [], "nothing of the server is left"


@pytest.mark.usefixtures("_programs")
def test_objects_of_a_chart(repository: Repository) -> None:
    """In mode helm the objects are the chart's: two of a name, and an unknown field, are found."""
    templates = repository.root / "chart" / "templates"
    templates.mkdir(parents=True)
    (templates.parent / "Chart.yaml").write_text("{apiVersion: v2, name: jupyterhub, version: 4.4.0}\n")
    (templates / "one.yaml").write_text(DUPLICATE.format("'1'"))
    settings = {"mode": "helm", "chart": {"path": "chart"}}
    repository.stack("a", {}, **settings)
    repository.commit()
    (templates / "two.yaml").write_text(DUPLICATE.format("'2'"))
    (templates / "three.yaml").write_text("kind: ConfigMap\napiVersion: v1\nmetadata: {name: two}\ndota: {}\n")
    found = judged(repository, "embedded")["a"]
    assert found.errors == ()
    texts = [each.text for each in found.findings if each.rule == "dry-run"]
    assert texts[0] == "ConfigMap/one: 2 objects have this name, and the last one would overwrite the others"
    assert texts[1].endswith(" refuses ConfigMap/two, field dota: there is no such field")
    assert len(texts) == 2


WRONG = {
    "hub-args-templated.yaml",
    "hub-db-sqlite-pvc-options.yaml",
    "hub-pod-extras.yaml",
    "labels-annotations-overrides.yaml",
    "names-nameoverride-long.yaml",
    "netpol-accept-and-custom.yaml",
    "prepuller-profile-images.yaml",
    "proxy-chp-extras.yaml",
    "scheduler-empty-plugins.yaml",
}
"""Files of which the chart itself makes what no API server takes: a number as an argument, two limits in one budget."""


@pytest.mark.usefixtures("_programs")
@pytest.mark.parametrize(
    ("folder", "wrong"), [("real", set()), pytest.param("dev", WRONG, marks=pytest.mark.long)], ids=["real", "dev"]
)
def test_what_is_right_is_not_refused(repository: Repository, folder: str, wrong: set[str]) -> None:
    """Nothing of the values files of real hubs is refused; of those that development starts from, what must be."""
    files = sorted(((project.mirror() or Path()) / "values" / folder).glob("*.yaml"))
    if not files:
        needs.skip("values", f"none in the mirror's values/{folder}")
    (repository.root / "README.md").write_text("hubs")
    repository.commit()
    for number, file in enumerate(files):
        repository.stack(f"hub-{number}", yaml.safe_load(file.read_text()))
    found = judged(repository, "embedded")
    assert {files[int(name[4:])].name for name, each in found.items() if told(each)} == wrong
    unjudged = {text for each in found.values() for text in each.unjudged}
    assert {each.partition("/")[0] for each in unjudged} <= {"HTTPRoute", "Service"}


def test_a_live_cluster(machine: Machine, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A context is asked about the stacks on it: what cannot change in place is found, and nothing is stored."""
    stack = live.stack(machine, "dry-live", values={"hub": {"extraEnv": {"A": "b", "C": "d"}}})
    machine.updater(stack).up()
    monkeypatch.setenv("KUBECONFIG", str(machine.cluster.kubeconfig))
    context = {"kubeContext": machine.cluster.context, "namespace": "dry-live"}
    base = {"hub": {"extraEnv": {"A": "b", "C": "d"}}}
    for name in ("right", "fixed", "wrong"):
        repository.stack(name, base, **context)
    repository.stack("elsewhere", base)
    repository.commit()
    repository.stack("right", {**RIGHT, "proxy": {"service": {"type": "LoadBalancer", "extraPorts": []}}}, **context)
    repository.stack("fixed", {**base, "hub": {**base["hub"], "db": {"pvc": {"storageClassName": "other"}}}}, **context)
    repository.stack("wrong", {**base, "hub": {**base["hub"], "labels": {"a": "b c"}}}, **context)
    repository.stack("elsewhere", {})
    repository.stack("early", {}, **{**context, "namespace": "not-there-yet"})
    before = versions(machine)
    found = judged(repository, machine.cluster.context)
    assert versions(machine) == before
    assert told(found["right"]) == []
    assert [each for each in told(found["fixed"]) if each.startswith("PersistentVolumeClaim/hub-db-dir")] == [
        "PersistentVolumeClaim/hub-db-dir, field spec: the cluster does not change this; the object would have to be "
        "deleted and made anew"
    ]
    assert [each.partition(":")[0] for each in told(found["wrong"])] == [
        "Deployment/hub, field spec.template.metadata.labels"
    ]
    assert found["elsewhere"].unjudged == ("the whole stack: nobody was asked about context cluster-elsewhere",)
    assert {each.rpartition(": ")[2] for each in found["early"].unjudged} == {"the namespace is not there yet"}
    with pytest.raises(HubstackError, match=r"--dry-run nowhere: .*nowhere"):
        judged(repository, "nowhere")
    machine.updater(stack).destroy()


def versions(machine: Machine) -> dict[str, str]:
    """The resource version of everything in the stack's namespace, and of what the cluster has beside it."""
    client, found = machine.cluster.client(), {}
    kinds = [kind.format("dry-live") for kind in live.KINDS]
    for kind in (*kinds, "api/v1/namespaces", "apis/rbac.authorization.k8s.io/v1/clusterroles"):
        for each in client.get(f"/{kind}")["items"]:
            found[f"{kind} {each['metadata']['name']}"] = each["metadata"]["resourceVersion"]
    return found
