"""Drift without a cluster: comparing objects, who wrote a field, what is shown, what may differ, and the figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubstack.drift import accepting, compare, conflicts, mending, metrics, report
from hubstack.drift.declared import Declared
from hubstack.drift.difference import Difference
from hubstack.drift.fields import Entry, only, without
from hubstack.drift.hiding import Hiding
from hubstack.drift.look import look, look_at
from hubstack.drift.paths import Item, dotted
from hubstack.drift.report import StackDrift
from hubstack.engine.state import State, secret
from hubstack.errors import HubstackError
from hubstack.migration.access import Target
from hubstack.project import stacks

OWN = "pulumi-kubernetes-1a2b"
HUB = Target("apps/v1", "Deployment", "jhub", "hub")
CONFIG = Target("v1", "ConfigMap", "jhub", "hub")
CONTAINER = 'k:{"name":"hub"}'

Object = dict[str, Any]


def entry(manager: str, fields: Mapping[str, Any], subresource: str = "") -> Object:
    """One entry of ``managedFields``."""
    operation = "Apply" if manager == OWN else "Update"
    found = {"manager": manager, "operation": operation, "time": "2026-01-02T03:04:05Z", "fieldsV1": fields}
    return {**found, **({"subresource": subresource} if subresource else {})}


def deployment(replicas: int = 1, *entries: Object, **container: Any) -> Object:
    """A Deployment of one container; with entries a live one."""
    metadata: Object = {"name": "hub", "labels": {"app": "jupyterhub"}}
    if entries:
        metadata |= {"managedFields": list(entries), "resourceVersion": "7", "uid": "u"}
    spec = {"replicas": replicas, "template": {"spec": {"containers": [{"name": "hub", "image": "a:1", **container}]}}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def in_container(**fields: Any) -> Object:
    """Fields of the container as an entry has them."""
    return {"f:spec": {"f:template": {"f:spec": {"f:containers": {CONTAINER: fields}}}}}


def found(declared: Object, live: Object, target: Target = HUB) -> list[tuple[str, str, str | None]]:
    """Field, change and manager of each difference."""
    differences = compare.differences(target, declared, live, OWN)
    return [(each.field, each.change, each.entry.manager if each.entry else None) for each in differences]


IMAGE = "spec.template.spec.containers[name=hub].image"


def test_a_changed_field_has_the_manager_that_wrote_it() -> None:
    """Whoever else is noted for the field has changed it; a status is nobody's change."""
    live = deployment(
        1,
        entry(OWN, {"f:spec": {"f:replicas": {}}}),
        entry("kubectl-edit", in_container(**{"f:image": {}})),
        entry("kube-controller-manager", {"f:status": {"f:replicas": {}}}, "status"),
        image="evil:1",
    )
    assert found(deployment(), live) == [(IMAGE, "changed", "kubectl-edit")]


def test_what_is_not_declared_counts_where_somebody_has_written_it() -> None:
    """A default has no writer; an addition by a part of Kubernetes or by a stack is none."""
    more = {"terminationMessagePath": "/dev/log", "env": [{"name": "A", "value": "1"}]}
    written = in_container(**{"f:env": {".": {}, 'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}}})
    place = "spec.template.spec.containers[name=hub].env"
    for manager, expected in (
        ("kubectl-set", [(place, "added", "kubectl-set")]),
        ("kube-controller-manager", []),
        ("pulumi-kubernetes-9f9f", []),
    ):
        assert found(deployment(), deployment(1, entry(OWN, {}), entry(manager, written), **more)) == expected


@pytest.mark.parametrize(
    ("declared", "live"),
    [
        ({"resources": {"limits": {"cpu": "1000m"}}}, {"resources": {"limits": {"cpu": "1"}}}),
        ({"resources": {"limits": {"memory": "1Gi"}}}, {"resources": {"limits": {"memory": "1024Mi"}}}),
        ({"resources": {"requests": {"cpu": 0.5}}}, {"resources": {"requests": {"cpu": "500m"}}}),
        ({"env": [], "args": None, "resources": {}}, {}),
        ({"ports": [{"name": "a"}]}, {"ports": [{"name": "a", "protocol": "TCP"}]}),
    ],
)  # fmt: skip
def test_the_same_in_other_words_is_no_difference(declared: Object, live: Object) -> None:
    """Quantities, what is empty, and defaults inside of lists."""
    assert found(deployment(**declared), deployment(1, entry(OWN, {}), **live)) == []


def test_annotations_count_where_people_write_what_steers() -> None:
    """A note of a webhook is none, nor is a restart; an annotation of a Service by hand may move a load balancer."""
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "hub"}, "spec": {}}
    target = Target("v1", "Service", "jhub", "hub")
    notes = {"a.example/b": "c", "kubectl.kubernetes.io/restartedAt": "now"}
    written = {"f:metadata": {"f:annotations": {".": {}, **{f"f:{key}": {} for key in notes}}}}
    for manager, expected in (
        ("some-webhook", []),
        ("kubectl-annotate", [('metadata.annotations["a.example/b"]', "added", "kubectl-annotate")]),
    ):
        metadata = {"name": "hub", "annotations": notes, "managedFields": [entry(manager, written)]}
        assert found(service, {**service, "metadata": metadata}, target) == expected


class Cluster:
    """A cluster that has some objects, and keeps of a new one what it is given."""

    def __init__(self, *objects: Object, scaled: set[tuple[str, str]] = frozenset()) -> None:  # type: ignore[assignment]
        self.objects = {(each["kind"], each["metadata"]["name"]): each for each in objects}
        self.scaled = scaled

    def find(self, target: Target) -> Object | None:
        return self.objects.get((target.kind, target.name))

    def as_new(self, target: Target, manifest: Mapping[str, Any]) -> Object:
        return json.loads(json.dumps(manifest))  # type: ignore[no-any-return]

    def autoscaled(self, namespace: str) -> set[tuple[str, str]]:
        return self.scaled


def state(*manifests: Object) -> State:
    """A state with objects of one manager."""

    def resource(each: Object) -> Object:
        version, kind, name = each["apiVersion"], each["kind"], each["metadata"]["name"]
        token = f"kubernetes:{version if '/' in version else f'core/{version}'}:{kind}"
        known = {"urn": f"urn:pulumi:dev::p::{token}::{name}", "type": token, "id": f"jhub/{name}"}
        return {**known, "inputs": each, "outputs": {"__fieldManager": OWN}}

    return State.read({"resources": [resource(each) for each in manifests]})


def places(seen: Any) -> list[str]:
    """Where something differs."""
    return [each.place for each in seen.differences]


def never() -> State:
    """In place of a state that must not be decrypted."""
    raise AssertionError("decrypted")


def test_replicas_of_an_autoscaler_are_no_drift() -> None:
    """They are, without one; scaled to none, nobody is noted for them."""
    live = deployment(0, entry(OWN, {}))
    for scaled, expected in (({("Deployment", "hub")}, []), (set(), ["Deployment/hub:spec.replicas"])):
        seen = look(state(deployment()), Cluster(live, scaled=scaled), lambda *_: None, never)
        assert places(seen) == expected
    assert seen.differences[0].entry is not None
    assert seen.differences[0].entry.subresource == "scale"


def test_an_object_that_is_gone_is_one_difference() -> None:
    """Whatever it had."""
    seen = look(state(deployment()), Cluster(), lambda *_: None, never)
    assert [(each.place, each.change) for each in seen.differences] == [("Deployment/hub", "deleted")]


def test_secrets_are_decrypted_only_where_somebody_else_wrote() -> None:
    """The fields of the stack's manager are those that the state has recorded: then nobody has changed a value."""
    closed = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hub"}, "data": secret({"key": "djE="})}
    opened = {**closed, "data": {"key": "djE="}}
    own = {"f:data": {"f:key": {}}}
    each = Declared(Target("v1", "Secret", "jhub", "hub"), closed, OWN, own)

    def live(value: str, *entries: Object) -> Object:
        return {**opened, "data": {"key": value}, "metadata": {"name": "hub", "managedFields": list(entries)}}

    assert look_at([each], Cluster(live("djE=", entry(OWN, own))), never)[0].differences == ()
    changed = live("djI=", entry(OWN, {}), entry("kubectl-edit", own))
    (seen,) = look_at([each], Cluster(changed), lambda: state(closed))
    assert [(one.place, one.is_secret) for one in seen.differences] == [("Secret/hub:data.key", True)]


def test_a_conflict_is_a_field_of_somebody_else_that_gets_another_value() -> None:
    """The same value is none, and neither is a field that nobody else has written, or that is not wanted."""
    written = {"f:spec": {"f:replicas": {}}, "f:metadata": {"f:labels": {"f:team": {}}}}
    live = deployment(3, entry(OWN, in_container(**{"f:image": {}})), entry("kubectl", written, "scale"))
    for wanted, expected in ((deployment(1, image="a:2"), ["spec.replicas"]), (deployment(3, image="a:2"), [])):
        met = conflicts.conflicts(HUB, wanted, deployment(), live, OWN)
        assert [each.field for each in met] == expected
    assert [raw for _, raw in conflicts.shared(deployment(), live, OWN)] == [("f:spec", "f:replicas")]


def test_a_masked_value_counts_as_it_was() -> None:
    """An update's secrets are not known to whoever asks; what was declared until now says whether they differ."""
    data = {"f:data": {"f:key": {}}}
    live = {"kind": "Secret", "data": {"key": "bmV3"}, "metadata": {"managedFields": [entry("kubectl-edit", data)]}}
    wanted = {"kind": "Secret", "data": secret("[secret]")}
    target = Target("v1", "Secret", "jhub", "hub")
    for before, expected in (("b2xk", ["data.key"]), ("bmV3", [])):
        met = conflicts.conflicts(target, wanted, {"kind": "Secret", "data": {"key": before}}, live, OWN)
        assert [each.field for each in met] == expected


def test_fields_are_handed_over_one_by_one() -> None:
    """What is taken from an entry and what is left of it are all that it had."""
    fields = {"f:data": {"f:a": {}, "f:b": {}}, "f:metadata": {"f:labels": {"f:x": {}}}}
    taken = [("f:data", "f:a")]
    assert only(fields, taken) == {"f:data": {"f:a": {}}}
    assert without(fields, taken) == {"f:data": {"f:b": {}}, "f:metadata": {"f:labels": {"f:x": {}}}}
    assert without({"f:data": {"f:a": {}}}, taken) == {}


def test_an_item_whose_key_was_changed_is_handed_over_whole() -> None:
    """Server-side apply knows a port by its number: only what owns all of the item can take it away."""
    item = {".": {}, "f:port": {}, "f:nodePort": {}}
    key = 'k:{"port":8080,"protocol":"TCP"}'
    live = {
        "apiVersion": "v1",
        "metadata": {"managedFields": [entry("kubectl-patch", {"f:spec": {"f:ports": {key: item}}})]},
    }
    written = Entry("kubectl-patch", "Update", "", "", {})
    entries = mending.handed_over(live, OWN, [(written, ("f:spec", "f:ports", key, "f:port"))])
    assert entries is not None
    assert [(each["manager"], each["fieldsV1"]) for each in entries] == [(OWN, {"f:spec": {"f:ports": {key: item}}})]


def test_a_patch_of_lists_keeps_the_places_of_the_others() -> None:
    """What is removed goes from the end of a list on, after all that is set and added."""
    live = {
        "metadata": {"resourceVersion": "7"},
        "env": [{"name": "A", "value": "1"}, {"name": "B"}, {"name": "C"}],
        "x/y": 1,
    }
    wrong = [
        Difference(HUB, "added", ("env", Item("name", "B")), live=1),
        Difference(HUB, "added", ("env", Item("name", "C")), live=1),
        Difference(HUB, "changed", ("env", Item("name", "A"), "value"), "2", "1"),
        Difference(HUB, "removed", ("env", Item("name", "D")), {"name": "D"}),
        Difference(HUB, "changed", ("x/y",), 2, 1),
    ]
    assert list(mending.json_patch(live, wrong)) == [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "replace", "path": "/env/0/value", "value": "2"},
        {"op": "replace", "path": "/x~1y", "value": 2},
        {"op": "add", "path": "/env/-", "value": {"name": "D"}},
        {"op": "remove", "path": "/env/2"},
        {"op": "remove", "path": "/env/1"},
    ]


def test_accepted_fields_stay_as_they_are() -> None:
    """An object is applied with the live values of what may differ."""
    accepted = [
        Difference(HUB, "changed", ("spec", "replicas"), 1, 3),
        Difference(HUB, "removed", ("metadata", "labels"), {}),
    ]
    wanted = mending.with_accepted(deployment(), accepted)
    assert (wanted["spec"]["replicas"], "labels" in wanted["metadata"]) == (3, False)


def drifted(*differences: Difference, stack: str = "prod", secrets: list[Any] | None = None) -> StackDrift:
    """A stack with some differences."""
    hiding = Hiding(secrets or [])
    shown = [hiding.shown(each) for each in differences]
    return StackDrift(stack, "drifted", "", "eu-1", "jhub", "native", differences, shown)


@pytest.mark.parametrize(
    "difference",
    [
        Difference(Target("v1", "Secret", "jhub", "hub"), "changed", ("data", "x"), "s3cr3t-a", "s3cr3t-b"),
        Difference(HUB, "changed", ("spec", "args"), ["--x"], ["--x", "--token=s3cr3t-b"]),
        Difference(HUB, "added", ("env", Item("name", "API_TOKEN")), live={"name": "API_TOKEN", "value": "s3cr3t-b"}),
        Difference(HUB, "changed", ("env", Item("name", "API_TOKEN"), "value"), "s3cr3t-a", "s3cr3t-b"),
        Difference(CONFIG, "changed", ("data", "x"), "about s3cr3t-known", "czNjcjN0LWtub3du"),
        Difference(CONFIG, "changed", ("data", "x.py"), "a\ns3cr3t-a\n", "b\n"),
        Difference(HUB, "changed", ("spec", "x"), "s3cr3t-a", "b", is_secret=True),
    ],
)  # fmt: skip
def test_no_secret_is_shown(difference: Difference) -> None:
    """Neither of a Secret, nor by its name, its shape, or because the settings have it, in any encoding."""
    seen = drifted(difference, secrets=["s3cr3t-known"])
    told = json.dumps(seen.as_dict()) + "\n".join(report.lines(seen))
    assert [each for each in ("s3cr3t", "czNjcjN0") if each in told] == []
    assert "digest" in told


def test_what_cannot_be_decrypted_hides_every_text() -> None:
    """Where the settings' secrets are not known, any text may be one; numbers are shown."""
    shown = Hiding(None).shown(Difference(HUB, "changed", ("spec", "x"), "abc", 3))
    assert ("abc" in json.dumps(shown), shown["live"]) == (False, 3)


CLEAN = StackDrift("a", "clean")
DRIFTED = StackDrift("b", "drifted")
UNREACHABLE = StackDrift("c", "unreachable")
FAILED = StackDrift("d", "failed")


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        ([CLEAN, StackDrift("e", "not deployed")], 0),
        ([CLEAN, UNREACHABLE, DRIFTED], 2),
        ([CLEAN, UNREACHABLE], 3),
        ([FAILED, UNREACHABLE], 3),
        ([FAILED, CLEAN], 1),
    ],
)
def test_exit_codes(seen: list[StackDrift], code: int) -> None:
    """Drift is said before a cluster that is down, and that before a stack that cannot be read."""
    assert report.exit_code(seen) == code


def test_paths_are_written_as_they_are_read() -> None:
    """Keys with dots are quoted."""
    assert dotted(("data", "a.b", Item("name", "x"), 3, "c")) == 'data["a.b"][name=x][3].c'


REPLICAS = Difference(HUB, "changed", ("spec", "replicas"), 1, 3)
POLICY = Difference(Target("networking.k8s.io/v1", "NetworkPolicy", "jhub", "hub"), "deleted")


def test_accepting_writes_the_stacks_file(tmp_path: Path) -> None:
    """Comments stay; a part of what is accepted already is not written again; what does not differ is refused."""
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text("config:\n  # where it is\n  hubstack:kubeContext: eu-1 # ours\n")

    def stack() -> stacks.Stack:
        return stacks.select("prod", root=tmp_path)

    with pytest.raises(HubstackError, match=r"Deployment/hub:spec.image: nothing differs there(.|\n)*spec.replicas"):
        accepting.accept(stack(), drifted(REPLICAS), ["Deployment/hub:spec.image"])
    assert "acceptDrift" not in file.read_text()
    accepting.accept(stack(), drifted(REPLICAS, POLICY), ["Deployment/hub:spec.replicas"])
    accepting.accept(stack(), drifted(POLICY), ["NetworkPolicy/hub"])
    text = file.read_text()
    assert ("# where it is" in text, "# ours" in text) == (True, True)
    wanted = ["NetworkPolicy/hub", "Deployment/hub:spec.replicas"]
    assert yaml.safe_load(text)["config"]["hubstack:acceptDrift"] == wanted
    accepting.accept(stack(), drifted(REPLICAS), ["Deployment/hub:spec"])
    wanted = ["Deployment/hub:spec", "NetworkPolicy/hub"]
    assert yaml.safe_load(file.read_text())["config"]["hubstack:acceptDrift"] == wanted


def test_metrics_are_written_whole(tmp_path: Path) -> None:
    """Each stack has its figures; one that could not be asked has no number of fields, because nobody knows it."""
    file = tmp_path / "drift.prom"
    metrics.write(file, [drifted(REPLICAS, POLICY), StackDrift('a"b', "unreachable", "", "us-1", "jhub", "native")])
    prod = '{stack="prod",context="eu-1",namespace="jhub"}'
    other = r'{stack="a\"b",context="us-1",namespace="jhub"}'
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    assert lines[:-1] == [
        f"hubstack_drift_fields{prod} 2",
        f"hubstack_drift_accepted_fields{prod} 0",
        f"hubstack_drift_unreachable{prod} 0",
        f"hubstack_drift_unreachable{other} 1",
        f"hubstack_drift_failed{prod} 0",
        f"hubstack_drift_failed{other} 0",
    ]
    assert lines[-1].startswith("hubstack_drift_last_run_timestamp_seconds ")
    assert [each.name for each in tmp_path.iterdir()] == ["drift.prom"]
